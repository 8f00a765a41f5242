"""The systemd units of the daemon, as systemd has them now."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote as shell_word
from types import MappingProxyType

from msgspec import Struct

from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.doctor.running import RunError, find_program, run_program
from mtasts_resolver.doctor.well import unseen, well
from mtasts_resolver.findings import Finding, FindingKind, Severity

SERVICE, SOCKET = "mtasts-resolver.service", "mtasts-resolver.socket"
BOOTED = Path("/run/systemd/system")  # sd_booted(3): who has made it is PID 1

SANDBOX: Mapping[str, str] = MappingProxyType(
    {
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "MemoryDenyWriteExecute": "yes",
        "PrivateDevices": "yes",
        "PrivateTmp": "yes",
        "ProtectHome": "yes",
        "ProtectSystem": "strict",
        "ProtectKernelTunables": "yes",
        "ProtectProc": "invisible",
        "RestrictNamespaces": "yes",
        "RestrictSUIDSGID": "yes",
        "LockPersonality": "yes",
    }
)
"""Of the unit's sandbox, what no documented drop-in takes away, as `systemctl show` says it."""

# Where the units come with the program: Debian's package, and what pip installed. systemd itself
# looks into the first.
PACKAGED = "/usr/lib/systemd/system"
_SHIPPED = (PACKAGED, f"{sys.prefix}/lib/systemd/system")
_ADMINISTRATORS = "/etc/systemd/system"
_MAX_UNIT = 1 << 16  # bytes of a file; ours has 5 kB

_SHOWN = (
    *("FragmentPath", "LoadState", "ActiveState", "SubState", "UnitFileState", "DropInPaths"),
    *("NeedDaemonReload", "Result", "Restart", "NRestarts", "ExecMainStatus"),
)

NOT_ENABLED = FindingKind(
    code="unit-not-enabled",
    severity=Severity.WARNING,
    title="systemd will not start the daemon at the next boot",
    matters="After it Postfix gets no answers, and defers all mail that it asks them for.",
)
NO_RESTART = FindingKind(
    code="unit-not-restarted",
    severity=Severity.WARNING,
    title="systemd would not start the daemon again after it had ended",
    matters="Until somebody does, Postfix defers all mail that it asks for.",
    action="Leave out Restart= of the drop-in, for the unit itself says `always`.",
)
SANDBOX_OPEN = FindingKind(
    code="unit-sandbox-open",
    severity=Severity.WARNING,
    title="a drop-in takes away some of the daemon's sandbox",
    matters="The daemon speaks to strangers' servers: what the sandbox forbids, a flaw cannot do.",
    action="Leave out those lines of the drop-in.",
)
NEEDS_RELOAD = FindingKind(
    code="unit-changed-on-disk",
    severity=Severity.NOTE,
    title="a unit was changed, and systemd has not read it again",
    matters="What was changed is not in force.",
)
NO_SOCKET_UNIT = FindingKind(
    code="socket-unit-inactive",
    severity=Severity.NOTE,
    title="the daemon opens its sockets itself, not systemd",
    matters="While the daemon is restarted Postfix is refused, and defers; systemd would hold the"
    " connections meanwhile.",
)
NOT_SHIPPED = FindingKind(
    code="unit-not-as-shipped",
    severity=Severity.WARNING,
    title="a unit is in force that is not the one that came with this program",
    matters="It may start another program, or lack what this version needs, and no upgrade changes"
    " it.",
    action="Have the other in force. What was changed on purpose belongs into a drop-in.",
)
_INSTALL_SOCKET = f"Enable {SOCKET}: docs/install.md says how."

KINDS = (NOT_ENABLED, NO_RESTART, SANDBOX_OPEN, NEEDS_RELOAD, NO_SOCKET_UNIT, NOT_SHIPPED)


class SeenUnit(Struct, frozen=True, kw_only=True):
    """A unit, as `systemctl show` describes it."""

    name: str
    properties: Mapping[str, str]
    file: str = ""
    """What systemd reads, or would where it is a link that leads nowhere."""
    shipped: str = ""
    """The file that came with the program, where another is in force."""

    def __getitem__(self, name: str) -> str:
        return self.properties.get(name, "")

    @property
    def installed(self) -> bool:
        return self["LoadState"] not in ("", "not-found")

    @property
    def active(self) -> bool:
        return self["ActiveState"] in ("active", "reloading")

    @property
    def drop_ins(self) -> tuple[str, ...]:
        return tuple(self["DropInPaths"].split())


class SeenUnits(Struct, frozen=True, kw_only=True):
    """Those of the daemon; None where systemd does not run, or could not be asked."""

    service: SeenUnit | None = None
    socket: SeenUnit | None = None
    failure: str = ""
    """Why systemd, which runs, could not be asked."""


def look_at_units(environ: Mapping[str, str], uid: int) -> SeenUnits:
    """Ask systemd of both units."""
    if not BOOTED.is_dir():
        return SeenUnits()
    systemctl, _ = find_program("systemctl", environ.get("PATH", os.defpath), uid)
    if systemctl is None:
        return SeenUnits(failure="there is no systemctl that could be run")
    try:
        service = _show(systemctl, SERVICE, (*_SHOWN, *SANDBOX))
        socket = _show(systemctl, SOCKET, _SHOWN)
    except RunError as error:
        return SeenUnits(failure=str(error))
    return SeenUnits(service=service, socket=socket)


def _show(systemctl: Path, name: str, properties: tuple[str, ...]) -> SeenUnit:
    ran = run_program(systemctl, "show", "--no-pager", f"--property={','.join(properties)}", name)
    if ran.status:
        said = ran.errors.strip().splitlines()
        raise RunError(
            f"systemctl cannot ask systemd: {said[0] if said else 'it does not say why'}"
        )
    pairs = (line.partition("=") for line in ran.output.splitlines())
    seen = {key: value for key, _, value in pairs}
    # A link of an administrator's that leads nowhere is no unit, and hides one all the same.
    file = seen.get("FragmentPath") or f"{_ADMINISTRATORS}/{name}"
    shipped = shipped_unit(name, file) if seen.get("LoadState") != "masked" else ""
    return SeenUnit(name=name, properties=seen, file=file, shipped=shipped)


def shipped_unit(name: str, in_force: str) -> str:
    """Return the file that came with the program, if another is in force.

    A copy of what pip has brought does as well; one that hides a package's will be left behind.
    """
    files = (Path(directory, name) for directory in _SHIPPED)
    shipped = next((file for file in files if file.is_file()), None)
    if shipped is None or not os.path.lexists(in_force):
        return ""
    same = os.path.realpath(in_force) == os.path.realpath(shipped)
    if not same and str(shipped.parent) != PACKAGED:
        with suppress(OSError):
            same = read_plain(Path(in_force), _MAX_UNIT) == read_plain(shipped, _MAX_UNIT)
    return "" if same else str(shipped)


def judge_units(units: SeenUnits) -> Iterator[Finding]:
    """Yield what is to be said of the units, other than whether the daemon runs."""
    if units.failure:
        yield unseen("systemd", units.failure)
    service, socket = units.service, units.socket
    if service is None or socket is None or not service.active:
        return  # whoever says that the daemon does not run says what to do with its units
    found = [*_judge_service(service, socket), *_judge_socket(socket)]
    if any(unit["NeedDaemonReload"] == "yes" for unit in (service, socket)):
        about = f"{SERVICE}, {SOCKET}"
        words = "the files are newer than what systemd has in force"
        found.append(NEEDS_RELOAD.found(about, words, commands=("systemctl daemon-reload",)))
    yield from found
    drop_ins = [*service.drop_ins, *socket.drop_ins]
    if drop_ins or not (found or service.shipped or socket.shipped):
        more = f", with {', '.join(drop_ins)}" if drop_ins else ", as shipped"
        state = service["UnitFileState"] or "not enabled"
        yield well(SERVICE, f"{state}{more}")


def judge_unit_files(units: SeenUnits) -> Iterator[Finding]:
    """Yield which units are not those that came with the program: what starts it comes first."""
    for unit in (units.socket, units.service):
        if unit is not None and unit.shipped:
            found = f"{unit.file} is in force, and not {unit.shipped}"
            yield NOT_SHIPPED.found(unit.name, found, commands=tuple(_replacing(unit)))


def _replacing(unit: SeenUnit) -> Iterator[str]:
    """Yield the commands that have the shipped unit in force."""
    in_force = shell_word(unit.file)
    if str(Path(unit.shipped).parent) == PACKAGED:
        yield f"rm {in_force}"
    else:
        yield f"ln -sf {shell_word(unit.shipped)} {in_force}"
    yield f"systemctl reenable {unit.name}"  # the links name the file that was there
    if unit.name == SERVICE:
        yield f"systemctl restart {unit.name}"


def _judge_service(service: SeenUnit, socket: SeenUnit) -> Iterator[Finding]:
    # Where systemd listens after the boot, the first question starts the daemon.
    if _is_off(service) and _is_off(socket):
        state = service["UnitFileState"] or "not enabled"
        units = f"{SOCKET} {SERVICE}" if socket.installed else SERVICE
        yield NOT_ENABLED.found(SERVICE, f"it is {state}", commands=(f"systemctl enable {units}",))
    if (restart := service["Restart"]) not in ("always", ""):
        yield NO_RESTART.found(SERVICE, f"Restart={restart}, by {_drop_ins(service)}")
    missing = [
        name
        for name, value in SANDBOX.items()
        if name in service.properties and service[name] != value
    ]
    if missing:
        yield SANDBOX_OPEN.found(SERVICE, f"{', '.join(missing)}: changed by {_drop_ins(service)}")


def _is_off(unit: SeenUnit) -> bool:
    return unit["UnitFileState"] in ("disabled", "masked", "masked-runtime", "")


def _judge_socket(socket: SeenUnit) -> Iterator[Finding]:
    if not socket.installed:
        yield NO_SOCKET_UNIT.found(SOCKET, "it is not installed", action=_INSTALL_SOCKET)
    elif not socket.active:
        # While the service has the port, nobody else can listen there.
        stop, start = f"systemctl stop {SERVICE}", f"systemctl enable --now {SOCKET} {SERVICE}"
        yield NO_SOCKET_UNIT.found(SOCKET, "it is not active", commands=(stop, start))


def _drop_ins(unit: SeenUnit) -> str:
    return ", ".join(unit.drop_ins) or "the unit's own file"
