"""What the daemon sends along for TLS reports, as RFC 8460 §4.4 and TLSRPT_README have it.

And the reporter that gets it from Postfix: tlsrpt-reporter, from PyPI.
"""

import email
import email.policy
import gzip
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from .internet import DOMAINS
from .namespace import Namespace
from .published import Domain
from .stream import Stream, end, text_stream, until

PROGRAMS = Path(sys.executable).parent
SENT = re.compile(r"TLSRPT: status=\w+, domain=([\w.-]+),")
"""Postfix logs each datagram so."""


def named(name: str) -> Domain:
    """Return a domain by its name, in whatever spelling."""
    label = name.encode("idna").decode().lower()
    return next(domain for domain in DOMAINS if domain.name == label)


def policy_lines(domain: Domain) -> list[str]:
    """Return the lines of the policy as they are served, save those that Postfix cannot carry."""
    lines = (domain.document or b"").decode().replace("\r\n", "\n").split("\n")
    return [
        line.rstrip() for line in lines if line and line.isascii() and not set(line) & set("{}")
    ]


def with_policy(answer: str, name: str) -> str:
    """Return what the map for TLS reports answers where the others answer `answer`."""
    if not answer.startswith("OK secure "):
        return answer
    domain = named(name)
    lines = policy_lines(domain)
    mx = (line[4:].removesuffix(".") for line in lines if line.startswith("mx: "))
    mx = (pattern for pattern in mx if not pattern[-1].isdigit())  # an address matches no MX host
    patterns = "".join(f" mx_host_pattern={pattern}" for pattern in mx)
    strings = "".join(f" {{ policy_string = {line} }}" for line in lines)
    return f"{answer} policy_type=sts policy_domain={domain.name}{patterns}{strings}"


class Reporter:
    """tlsrpt-collectd, at work from the start, and tlsrpt-reportd, once it is asked for reports."""

    def __init__(self, namespace: Namespace, directory: Path, socket: Path) -> None:
        self._namespace = namespace
        self._directory = directory
        self.mails = directory / "mails"
        """The reports as they are mailed, each a file."""
        self._pid_file = directory / "collectd.pid"
        self._storage = f"sqlite://{directory}/collected.sqlite"
        self._process = namespace.start(
            PROGRAMS / "tlsrpt-collectd",
            *("--storage", self._storage, "--pidfilename", self._pid_file),
            *("--socketname", socket, "--socketmode", "0666"),
            *("--sockettimeout", "1", "--log_level", "debug"),
            stdout=subprocess.PIPE,
        )
        self._log: Stream[str] = text_stream("tlsrpt-collectd", self._process.stdout)
        self._log.wait(0, lambda line: "Old database moved" in line or None, "its start")

    def reports(self, postfix_log: list[str]) -> dict[str, dict[str, Any]]:
        """Return the report for each domain that Postfix logged a datagram for, as it is mailed."""
        sent = [match[1] for line in postfix_log if (match := SENT.search(line))]
        total = f"({len(sent)} total)"
        self._log.wait(0, lambda line: total in line or None, f"{len(sent)} datagrams")
        self._end_the_day()
        mails = self.mails
        mails.mkdir()
        reportd = self._namespace.start(
            PROGRAMS / "tlsrpt-reportd",
            *("--fetchers", f"{PROGRAMS}/tlsrpt-fetcher --storage {self._storage}"),
            *("--dbname", self._directory / "reports.sqlite"),
            *("--pidfilename", self._directory / "reportd.pid"),
            *("--organization_name", "The lab", "--contact_info", "tls@sender.example"),
            *("--sender_address", "tls@sender.example"),
            *("--spread_out_delivery", "1", "--interval_main_loop", "1"),
            *("--sendmail_script", f"f=$(mktemp {mails}/XXXXXX) && cat >$f && mv $f $f.eml"),
        )
        try:
            wanted = len(set(sent))
            until(lambda: len(list(mails.glob("*.eml"))) == wanted, f"{wanted} reports mailed")
        finally:
            self._namespace.signal(self._directory / "reportd.pid", signal.SIGTERM)
            end(reportd)
        return dict(_report(file.read_bytes()) for file in mails.glob("*.eml"))

    def close(self) -> None:
        self._namespace.signal(self._pid_file, signal.SIGTERM)
        end(self._process)
        self._log.join()

    def _end_the_day(self) -> None:
        """Make yesterday's of today's rows, since reports are about a day that is over."""
        mark = self._log.mark()
        self._namespace.signal(self._pid_file, signal.SIGUSR2)
        self._log.wait(mark, lambda line: "Old database moved" in line or None, "the next day")


def _report(mail: bytes) -> tuple[str, dict[str, Any]]:
    """Return the domain that a mailed report is about, and the report."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    (attachment,) = message.iter_attachments()
    content = attachment.get_content()
    return str(message["TLS-Report-Domain"]), json.loads(gzip.decompress(content))
