"""Whether Postfix runs: master(8), of each instance."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.units import BOOTED
from mtasts_resolver.doctor.well import unseen, well
from mtasts_resolver.findings import Finding, FindingKind, Severity

_MAX_PID = 64  # bytes of the file: Postfix pads the number to 32

DOWN = FindingKind(
    code="postfix-not-running",
    severity=Severity.ERROR,
    title="Postfix does not run",
    matters="Mail waits: none goes out, and none comes in.",
    action="Start it.",
)

KINDS = (DOWN,)


class SeenMaster(Struct, frozen=True, kw_only=True):
    """The process that all others of an instance come from."""

    instance: PostfixInstance
    pid: int | None
    """None where there is none, or nobody knows."""
    unseen: str = ""
    """Why it is not known."""
    systemd: bool = False
    """Whether systemd is there to start it."""

    @property
    def may_run(self) -> bool:
        """Whether others may be answered by it."""
        return self.pid is not None or bool(self.unseen)


def look_at_master(instance: PostfixInstance) -> SeenMaster:
    """Look whether the process runs that has last written its number."""
    file = Path(instance.queue_directory, "pid/master.pid")
    systemd, pid, unseen = BOOTED.is_dir(), None, ""
    try:
        with file.open("rb") as opened:
            number = int(opened.read(_MAX_PID))
        if Path(f"/proc/{number}/comm").read_text("utf-8", "replace").strip() == "master":
            pid = number
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError, ValueError):
        pass  # it was never started, or has ended since
    except OSError as error:
        unseen = f"{file}: {os.strerror(error.errno or 0)}"
    return SeenMaster(instance=instance, pid=pid, unseen=unseen, systemd=systemd)


def judge_master(seen: SeenMaster) -> Iterator[Finding]:
    """Yield what is to be said of it."""
    instance = seen.instance
    about = instance.label or "Postfix"
    if seen.unseen:
        yield unseen(f"whether {about} runs", seen.unseen)
    elif seen.pid is not None:
        yield well(about, f"{instance.version_text} runs, pid {seen.pid}")
    elif instance.enabled:
        yield DOWN.found(about, "its master(8) is not there", commands=(_starting(seen),))


def _starting(seen: SeenMaster) -> str:
    if not seen.instance.is_default:
        return shlex.join(["postfix", "-c", seen.instance.config_directory, "start"])
    return "systemctl start postfix" if seen.systemd else "postfix start"
