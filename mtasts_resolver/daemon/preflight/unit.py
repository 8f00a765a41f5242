"""What the systemd unit that comes with this program allows the daemon."""

from pathlib import Path

from mtasts_resolver.config import Config
from mtasts_resolver.daemon.preflight.report import Report

# What it hides (ProtectHome=, PrivateTmp=), and what it lets the daemon write (StateDirectory=,
# RuntimeDirectory=).
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  nothing is put there
STATE = "/var/lib/mtasts-resolver"
WRITABLE = (STATE, "/run/mtasts-resolver")
PORTS_FROM = 1_024  # those below it has no right to: CapabilityBoundingSet=
MEMORY = 1_024  # MiB, its MemoryMax=
# MiB that both processes take besides: see the description of cache.memory_megabytes.
BESIDES = 200


def warn_if_hidden(key: str, path: Path, report: Report) -> None:
    """Warn of a path that root sees here, and that the unit would hide."""
    if is_below(path, HIDDEN) or is_below(path.resolve(), HIDDEN):
        what = (
            f"the systemd unit hides {path} from the daemon (ProtectHome=, PrivateTmp=):"
            " choose another place"
        )
        report.warn(key, what)


def warn_unless_writable(key: str, file: Path, remedy: str, report: Report) -> None:
    """Warn of a file that the unit does not let the daemon make, which `remedy` would avoid."""
    if not is_below(file, WRITABLE):
        what = (
            f"the systemd unit lets the daemon make no file in {file.parent}: {remedy}, or name the"
            " directory in ReadWritePaths= in a drop-in"
        )
        report.warn(key, what)


def look_at_memory(config: Config, report: Report) -> None:
    """Warn where the kernel would end the daemon before its memory is bounded."""
    needed = config.cache.memory_megabytes + BESIDES
    if needed > MEMORY:
        what = (
            f"the systemd unit allows the daemon {MEMORY} MiB, and it may take {needed}: set"
            f" MemoryMax={needed}M in a drop-in"
        )
        report.warn("$.cache.memory_megabytes", what)


def is_below(path: Path, directories: tuple[str, ...]) -> bool:
    """Tell whether `path` is in one of `directories`, or below."""
    return any(path.is_relative_to(directory) for directory in directories)
