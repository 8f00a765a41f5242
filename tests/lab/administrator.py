"""`python -m tests.lab.administrator`: write what pages of docs/ show of a terminal anew.

Somebody types a page's commands on a terminal of 80 columns, while in the lab happens what the
page says. The program finds the lab's configuration as it would that of a host; docs/doctor.md is
typed on a host of its own (freshhost.py).
"""

import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from . import debian13, freshhost, steps
from .booted import BootedSystem, install_checkout
from .freshhost import fresh_host
from .internet import DOMAINS, GOOD, SECOND
from .lab import Lab, running_lab
from .namespace import ROOT, environment, missing
from .published import policy
from .publishing import put_file, put_records, take_back
from .sessions import Typist, rewrite
from .stream import LabError
from .terminal import shown

PAGES = tuple(
    ROOT / "docs" / name for name in ("administration.md", "rollout.md", "publish.md", "check.md")
)
PROGRAM = """#!/bin/sh
case $1 in
config | completion) ;;
*) set -- "$@" --config {configuration} ;;
esac
PYTHONPATH={root} exec {python} -m mtasts_resolver "$@"
"""

# In the journal each entry has its time, but a line that is written later says it, too.
_TIME = re.compile(r"^time=\S+ (?!level=\S+ event=answer(-changed)? )")

# What this machine's Python may have it say.
_OURS = re.compile(r"^warning\s+\S+ python-unreadable.*\n(?: +.*\n)*", re.MULTILINE)


class Administrator:
    """Who types, and makes happen what he did not expect."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._home = lab.directory / "administrator"
        self._home.mkdir(exist_ok=True)
        program = self._home / "mtasts-resolver"
        program.write_text(
            PROGRAM.format(configuration=lab.daemon.configuration, root=ROOT, python=sys.executable)
        )
        program.chmod(0o755)
        self._changed: set[str] = set()
        self._mail: list[str] = []
        self._then = ""
        self._steps: dict[str, Callable[..., None]] = {
            "mail": lambda domain: steps.is_cached(lab, domain),
            "log-of-postfix": self._copy_log,
            "log-of-daemon": self._copy_daemon_log,
            "configure": self._configure,
            "first-day": lambda: start_plain(lab),
            "send": self._send,
            "domains": self._list_domains,
            "new-policy": self._new_policy,
            "policy-host-down": self._take_down,
            "a-moment-passes": self._pass,
            "files": self._write_files,
            "put-file": self._put_file,
            "put-records": self._put_records,
        }

    def happen(self, step: str) -> None:
        """Do what a comment of the page says."""
        name, *arguments = step.split()
        self._steps[name](*arguments)

    def restore(self) -> None:
        """Leave the lab's internet as it was found: others come after."""
        for domain in DOMAINS:
            if domain.name in self._changed:
                take_back(self._lab, domain)

    def spell(self, line: str) -> str:
        """Return a command with the moment that passed in the place of the one of another day."""
        return re.sub(r"(?<=--at )\S+", self._then, line) if self._then else line

    def type(self, line: str) -> str:
        """Return what a terminal shows of a command's output."""
        command = self._lab.namespace.command(["sh", "-c", f"cd {self._home} && {line}"])
        return self._as_on_a_host(shown(command, path=f"{self._home}:{environment()['PATH']}"))

    def _as_on_a_host(self, text: str) -> str:
        """Return what was shown with the paths that a host has."""
        daemon = self._lab.daemon
        for ours, usual in (
            (str(daemon.configuration), "/etc/mtasts-resolver/config.yaml"),
            (str(daemon.control), "/run/mtasts-resolver/control.sock"),
            (f"{daemon.configuration.parent}/store/", "/var/lib/mtasts-resolver/"),
            (f"{self._lab.directory}/postfix/queue/", "/var/spool/postfix/"),
        ):
            text = text.replace(ours, usual)
        return _OURS.sub("", text)

    def _copy_log(self, name: str) -> None:
        """Have Postfix's log of what was sent at hand."""
        (self._home / name).write_text("".join(f"{line}\n" for line in self._mail))

    def _copy_daemon_log(self, name: str, event: str) -> None:
        """Have what the daemon has logged up to `event` at hand, as journalctl shows it."""
        log = self._lab.daemon.log
        log.wait(0, lambda line: f"event={event} " in line or None, event)
        lines = [_TIME.sub("", line) for line in log.since(0)]
        (self._home / name).write_text("".join(f"{line}\n" for line in lines))

    def _configure(self, *settings: str) -> None:
        """Write `key=value`, or `section.key=value`, into the configuration, and reload it."""
        for setting in settings:
            path, _, value = setting.partition("=")
            key, _, within = path.partition(".")
            self._lab.daemon.settings[key] = {within: value} if within else value
        self._lab.daemon.reload()

    def _send(self, *domains: str) -> None:
        for domain in domains:
            self._mail += self._lab.postfix.send(domain).log

    def _list_domains(self, name: str, *domains: str) -> None:
        (self._home / name).write_text("".join(f"{domain}\n" for domain in domains))

    def _new_policy(self, domain: str, mode: str) -> None:
        """Have the owner of a domain change the policy, and keep its id."""
        self._changed.add(domain)
        self._lab.hosts.serve(domain, policy(mode, GOOD, SECOND))

    def _take_down(self, domain: str) -> None:
        self._changed.add(domain)
        self._lab.hosts.take_down(domain)

    def _write_files(self, domain: str, directory: str, *options: str) -> None:
        """Have somebody write the next step's files without showing it."""
        self.type(f"mtasts-resolver publish {domain} --output {directory} {' '.join(options)}")

    def _put_file(self, domain: str, directory: str) -> None:
        """Serve the policy file that was written."""
        self._changed.add(domain)
        put_file(self._lab, domain, self._home / directory)

    def _put_records(self, directory: str) -> None:
        """Have the zone hold the records that were written."""
        put_records(self._lab, self._home / directory)

    def _pass(self) -> None:
        """Let the changes before and after this differ in time, and remember when that was."""
        time.sleep(1)
        self._then = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        time.sleep(1)


def start_plain(lab: Lab) -> None:
    """Start the daemon with the maps that everybody has."""
    lab.daemon.stop()
    lab.daemon.forget()
    lab.daemon.maps, lab.daemon.settings = {}, {}
    lab.daemon.start()


def write_anew(page: Path, typist: Typist) -> None:
    page.write_text(rewrite(page.read_text("utf-8"), typist), "utf-8")


def main() -> None:
    if reason := missing():
        sys.exit(f"The page cannot be written: {reason}.")
    try:
        with running_lab() as lab:
            for page in PAGES:
                start_plain(lab)
                administrator = Administrator(lab)
                write_anew(page, administrator)
                administrator.restore()
            tarball = debian13.tarball(lambda what: print(what, file=sys.stderr))  # noqa: T201
            with TemporaryDirectory() as place, BootedSystem(Path(place), tarball) as system:
                install_checkout(system)
                with fresh_host(lab, system) as host:
                    write_anew(freshhost.PAGE, host)
    except LabError as error:
        sys.exit(f"The lab does not work: {error}")


if __name__ == "__main__":
    main()
