"""The sending Postfix: Debian's own, with a configuration, a queue and a log for the lab alone.

There are two: that of the machine, and a later one in a root of its own, which reports on TLS.

Which transport, relay host and map a mail takes is chosen by its envelope sender, so that one
Postfix serves every scenario without a reload.
"""

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from .internet import SENDER_ADDRESS
from .namespace import Namespace
from .relayhosts import RELAYED
from .stream import end, text_stream

SOCKETMAP = "inet:127.0.0.1:8461"
TCP_TABLE = "127.0.0.1:8462"
UNIX_SOCKET = "mtasts/socketmap"
"""Below the queue directory, so that a chrooted smtp(8) reaches it by the same name."""

TEXT_SOCKET = "texts"
"""Below Postfix's directory: where a test says what the sender ANY_TEXT gets as its policy."""

JAIL = ("etc/resolv.conf", "etc/services", "etc/hosts", "etc/nsswitch.conf")
"""What a chrooted smtp(8) needs in the queue directory, as Debian's own start script copies it."""


class Sender(StrEnum):
    """Envelope senders, each with a way of its own to the policy or to the next hop."""

    USUAL = "usual@sender.example"
    DANE = "dane@sender.example"
    STRICT = "strict@sender.example"
    ENCRYPT = "encrypt@sender.example"
    ONLY = "only@sender.example"
    REPORTING = "reporting@sender.example"
    PROXIED = "proxied@sender.example"
    TCP_TABLE = "tcp-table@sender.example"
    CHROOTED = "chrooted@sender.example"
    LOCAL_TABLE = "local-table@sender.example"
    LOCAL_TABLE_CHROOTED = "local-table-chrooted@sender.example"
    ANY_TEXT = "any-text@sender.example"
    RELAY_HOST = "relay-host@sender.example"
    RELAY_DOMAIN = "relay-domain@sender.example"
    BAD_RELAY = "bad-relay@sender.example"
    TLSA_AT_25 = "tlsa-at-25@sender.example"
    TLSA_AT_587 = "tlsa-at-587@sender.example"


TRANSPORTS = {
    Sender.DANE: "dane",
    Sender.STRICT: "strict",
    Sender.ENCRYPT: "encrypt",
    Sender.ONLY: "only",
    Sender.REPORTING: "reporting",
    Sender.PROXIED: "proxied",
    Sender.TCP_TABLE: "tcptable",
    Sender.CHROOTED: "chrooted",
    Sender.LOCAL_TABLE: "local",
    Sender.LOCAL_TABLE_CHROOTED: "localjail",
    Sender.ANY_TEXT: "anytext",
}

MAPS = {Sender.STRICT: "strict", Sender.ONLY: "only"}
"""The maps that are asked for some senders, whatever main.cf says."""

RELAYS = {
    Sender.RELAY_HOST: "[relay.example]:25",
    Sender.RELAY_DOMAIN: "relay.example",
    Sender.BAD_RELAY: "[bad-relay.example]:25",
    Sender.TLSA_AT_25: "[relay-at-25.example]:587",
    Sender.TLSA_AT_587: "[relay-at-587.example]:587",
}

MAIN_CF = """\
compatibility_level = 3.6
config_directory = {directory}/etc
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = /dev/stdout
myhostname = sender.example
mydestination =
relay_domains =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
# Every MX host's address is local here: with "all", Postfix would think it mails itself.
inet_interfaces = {sender}
smtp_bind_address = {sender}
smtp_host_lookup = dns
smtp_dns_support_level = dnssec
smtputf8_enable = yes
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtp_tls_CAfile = {ca_file}
smtp_tls_policy_maps = socketmap:{socketmap}:{map_name}
proxy_read_maps = proxy:socketmap:{socketmap}:default
sender_dependent_default_transport_maps = inline:{{ {transports} }}
sender_dependent_relayhost_maps = inline:{{ {relays} }}
# Bounces end at the first.
transport_maps = inline:{{ {{ sender.example = discard: }} {relayed} }}
# A mail is tried once, at once.
queue_run_delay = 1d
minimal_backoff_time = 1d
maximal_backoff_time = 1d
default_destination_concurrency_failed_cohort_limit = 0
smtp_connection_cache_on_demand = no
"""

TLSRPT = """\
smtp_tlsrpt_enable = yes
smtp_tlsrpt_socket_name = {tlsrpt_socket}
"""

# texthash does not notice that its file has changed, so an smtp(8) that reads one serves one mail.
MASTER_CF = """\
pickup     unix        n  -  n  60     1    pickup
cleanup    unix        n  -  n  -      0    cleanup
qmgr       unix        n  -  n  300    1    qmgr
tlsmgr     unix        -  -  n  1000?  1    tlsmgr
rewrite    unix        -  -  n  -      -    trivial-rewrite
bounce     unix        -  -  n  -      0    bounce
defer      unix        -  -  n  -      0    bounce
trace      unix        -  -  n  -      0    bounce
proxymap   unix        -  -  n  -      -    proxymap
proxywrite unix        -  -  n  -      1    proxymap
smtp       unix        -  -  n  -      -    smtp
dane       unix        -  -  n  -      -    smtp
  -o smtp_tls_security_level=dane
strict     unix        -  -  n  -      -    smtp
  -o smtp_tls_policy_maps=socketmap:{socketmap}:strict
encrypt    unix        -  -  n  -      -    smtp
  -o smtp_tls_security_level=encrypt
only       unix        -  -  n  -      -    smtp
  -o smtp_tls_security_level=encrypt
  -o smtp_tls_policy_maps=socketmap:{socketmap}:only
reporting  unix        -  -  n  -      -    smtp
  -o smtp_tls_policy_maps=socketmap:{socketmap}:tlsrpt
proxied    unix        -  -  n  -      -    smtp
  -o smtp_tls_policy_maps=proxy:socketmap:{socketmap}:default
tcptable   unix        -  -  n  -      -    smtp
  -o smtp_tls_policy_maps=tcp:{tcp_table}
chrooted   unix        -  -  y  -      -    smtp
  -o smtp_tls_policy_maps=socketmap:unix:{unix_socket}:default
local      unix        -  -  n  -      -    smtp
  -o max_use=1
  -o smtp_tls_policy_maps=texthash:{directory}/etc/tls_policy
localjail  unix        -  -  y  -      -    smtp
  -o max_use=1
  -o smtp_tls_policy_maps=texthash:{directory}/etc/tls_policy
anytext    unix        -  -  n  -      -    smtp
  -o smtp_tls_policy_maps=socketmap:unix:{directory}/{text_socket}:any
showq      unix        n  -  n  -      -    showq
error      unix        -  -  n  -      -    error
retry      unix        -  -  n  -      -    error
discard    unix        -  -  n  -      -    discard
anvil      unix        -  -  n  -      1    anvil
scache     unix        -  -  n  -      1    scache
postlog    unix-dgram  n  -  n  -      1    postlogd
"""

STATUS = re.compile(r"to=<(?P<to>[^>]*)>.*dsn=(?P<dsn>[\d.]+), status=(?P<status>\w+)")


@dataclass(frozen=True)
class Delivery:
    """What Postfix said about one mail."""

    status: str
    """sent, deferred or bounced."""
    dsn: str
    log: tuple[str, ...]
    """Every line of the log from the mail's arrival to its status."""

    @property
    def verdict(self) -> str:
        """The line that gives the status."""
        return self.log[-1]

    def said(self, text: str) -> bool:
        return any(text in line for line in self.log)


class Postfix:
    """A running Postfix."""

    def __init__(
        self,
        namespace: Namespace,
        directory: Path,
        ca_file: Path,
        *,
        modern: bool = False,
        root: Sequence[str] = (),
    ) -> None:
        """Start Postfix; `root` is the command that enters another root, if it is in one.

        A `modern` one, 3.10 or later, asks for what TLS reports need.
        """
        self._namespace = namespace
        self.root = root
        self.etc = directory / "etc"
        self.queue = directory / "queue"
        self.tlsrpt_socket = self.queue / "tlsrpt"
        self.modern = modern
        self.map_name = "tlsrpt" if modern else "default"
        """The map that is asked, unless the sender says otherwise."""
        self._numbers = itertools.count(1)
        self._write_configuration(directory, ca_file)
        self._furnish(directory)
        self._process = namespace.start(
            *root, "postfix", "-c", self.etc, "start-fg", stdout=subprocess.PIPE
        )
        self.log = text_stream("Postfix", self._process.stdout)
        self.log.wait(0, lambda line: "daemon started" in line or None, "its start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._run("postfix", "-c", self.etc, "stop")
        end(self._process)
        self.log.join()

    @property
    def local_table(self) -> Path:
        """Where the senders LOCAL_TABLE look first, and the only place."""
        return self.etc / "tls_policy"

    @property
    def text_socket(self) -> Path:
        """Where the sender ANY_TEXT asks for a policy."""
        return self.etc.parent / TEXT_SOCKET

    @property
    def unix_socket(self) -> Path:
        return self.queue / UNIX_SOCKET

    @property
    def version(self) -> tuple[int, ...]:
        numbers = self._run("postconf", "-c", self.etc, "-h", "mail_version")
        return tuple(map(int, numbers.split(".")))

    def send(self, recipient: str, sender: Sender = Sender.USUAL) -> Delivery:
        """Send a mail to a domain, and return what became of it.

        `recipient` is what stands after the @ of the address.
        """
        number = f"mail-{next(self._numbers)}@"
        address = number + recipient
        mark = self.log.mark()
        message = f"From: {sender}\nTo: {address}\nSubject: The lab\n\nHello.\n"
        self._run("sendmail", "-C", self.etc, "-f", sender, address, given=message.encode())

        def final(line: str) -> re.Match[str] | None:
            match = STATUS.search(line)
            return match if match and match["to"].startswith(number) else None

        status = self.log.wait(mark, final, f"the status of {address}")
        lines = self.log.since(mark)
        return Delivery(
            status["status"], status["dsn"], tuple(lines[: lines.index(status.string) + 1])
        )

    def send_to_all(self, domains: Iterable[str]) -> dict[str, str]:
        """Send one mail to many domains at once, and return its status for each."""
        name = f"mail-{next(self._numbers)}"
        addresses = {f"{name}@{domain}": domain for domain in domains}
        mark = self.log.mark()
        message = f"From: {Sender.USUAL}\nSubject: The lab\n\nHello.\n".encode()
        self._run("sendmail", "-C", self.etc, "-f", Sender.USUAL, *addresses, given=message)
        ended: dict[str, str] = {}

        def all_ended(line: str) -> bool | None:
            match = STATUS.search(line)
            if match and match["to"] in addresses:
                ended[addresses[match["to"]]] = match["status"]
            return len(ended) == len(addresses) or None

        self.log.wait(mark, all_ended, f"the status of {name} for all")
        return ended

    def look_up(self, key: str, table: str) -> str:
        """Return what postmap(1) gets for a key; empty if it is not found."""
        return self._run("postmap", "-c", self.etc, "-q", key, table, check=False)

    def make_table(self, kind: str) -> str | None:
        """Have postmap(1) make a table of the local one; None where there is no such kind here."""
        if kind not in self._run("postconf", "-c", self.etc, "-m").split():
            return None
        table = f"{kind}:{self.local_table}"
        self._run("postmap", "-c", self.etc, table)
        return table

    def _run(self, *argv: str | Path, given: bytes | None = None, check: bool = True) -> str:
        return self._namespace.run(*self.root, *argv, given=given, check=check)

    def _write_configuration(self, directory: Path, ca_file: Path) -> None:
        self.etc.mkdir(parents=True)
        values = {
            "directory": directory,
            "sender": SENDER_ADDRESS,
            "ca_file": ca_file,
            "map_name": self.map_name,
            "tlsrpt_socket": self.tlsrpt_socket,
            "socketmap": SOCKETMAP,
            "tcp_table": TCP_TABLE,
            "unix_socket": UNIX_SOCKET,
            "text_socket": TEXT_SOCKET,
            "transports": " ".join(f"{{ {who} = {how}: }}" for who, how in TRANSPORTS.items()),
            "relayed": " ".join(f"{{ {to} = smtp:{hop} }}" for hop, to in RELAYED.items()),
            "relays": " ".join(f"{{ {who} = {hop} }}" for who, hop in RELAYS.items()),
        }
        main_cf = MAIN_CF + (TLSRPT if self.modern else "")
        (self.etc / "main.cf").write_text(main_cf.format(**values))
        (self.etc / "master.cf").write_text(MASTER_CF.format(**values))

    def _furnish(self, directory: Path) -> None:
        """Make the directories, and the jail that a chrooted smtp(8) sees."""
        user, group = (int(self._run("id", which, "postfix")) for which in ("-u", "-g"))
        (directory / "data").mkdir()
        os.chown(directory / "data", user, group)
        (self.queue / "etc").mkdir(parents=True)
        for name in JAIL:
            if Path("/", name).exists():
                shutil.copy(Path("/", name), self.queue / name)
        shutil.copy(directory.parent / "resolv.conf", self.queue / "etc/resolv.conf")
        self.unix_socket.parent.mkdir(mode=0o750)
        os.chown(self.unix_socket.parent, 0, group)
