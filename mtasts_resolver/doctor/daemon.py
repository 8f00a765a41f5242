"""The daemon: whether it runs, how it is, and whether Postfix gets answers from it."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from mtasts_resolver.config import Address
from mtasts_resolver.control.values.status import DaemonStatus
from mtasts_resolver.control.values.verdict import worries
from mtasts_resolver.doctor.sockets import KEY, TriedSocket
from mtasts_resolver.doctor.units import SERVICE, SOCKET, SeenUnit, SeenUnits
from mtasts_resolver.doctor.well import unseen, well
from mtasts_resolver.findings import Finding, FindingKind, Severity

# Fetches since the start of which all have failed: of fewer, each may have a reason of its own.
MANY_FETCHES = 5

_DEFERRED = "Postfix defers all mail for which it asks there."

NOT_RUNNING = FindingKind(
    code="daemon-not-running",
    severity=Severity.ERROR,
    title="the daemon does not run",
    matters="A Postfix that asks it gets no answer, and defers all mail that it asks for.",
)
STRANGER = FindingKind(
    code="control-socket-untrusted",
    severity=Severity.WARNING,
    title="somebody else may listen in the daemon's place",
    matters="Whoever can write to the directory can take the place of the control socket.",
    action="Leave control.socket out of the configuration, or name one in a directory of root's.",
)
REJECTED = FindingKind(
    code="configuration-rejected",
    severity=Severity.ERROR,
    title="the daemon's configuration is faulty",
    matters="The daemon goes on with the last good one where it has one; else it does not start,"
    " and Postfix defers mail.",
    action="Mend the file; `mtasts-resolver config check` says what is wrong.",
)
DOUBTFUL = FindingKind(
    code="configuration-doubtful",
    severity=Severity.WARNING,
    title="something that the configuration names may be wrong",
    matters="A part of the daemon may not work as the file says.",
)
OTHER_VERSION = FindingKind(
    code="daemon-other-version",
    severity=Severity.WARNING,
    title="the daemon that runs is of another version than this program",
    matters="It was upgraded, and not restarted: what the new version mends is not mended.",
)
TROUBLE = FindingKind(
    code="daemon-trouble",
    severity=Severity.ERROR,
    title="a part of the daemon does not work",
    matters="What is known is still answered; what is new may be deferred, or go out unverified.",
)
WORRY = FindingKind(
    code="daemon-worry",
    severity=Severity.WARNING,
    title="the daemon has something to say that should be looked at",
    matters="Mail moves; what is said here will not mend itself.",
)
RESTART_NEEDED = FindingKind(
    code="daemon-restart-needed",
    severity=Severity.WARNING,
    title="a change of the configuration waits for a restart",
    matters="The daemon does not do yet what its file says.",
)
WEAKENED = FindingKind(
    code="override-weakens",
    severity=Severity.NOTE,
    title="an override may let mail go out unverified",
    matters="To that destination mail is less protected than the destination asks for.",
    action="See `mtasts-resolver override list`, and remove what is needed no more.",
)
UNKNOWN_MAP = FindingKind(
    code="map-unknown",
    severity=Severity.WARNING,
    title="Postfix asks for a map that there is not",
    matters="It is answered as the map `default`: what another map was meant for is lost.",
    action="Correct its name in main.cf, or add it to `maps`; `map-unknown` in the log names it.",
)
WITHOUT_DANE = FindingKind(
    code="daemon-without-dane",
    severity=Severity.NOTE,
    title="the daemon has no resolver that validates DNSSEC and is believed",
    matters="DANE takes no part: mail to domains that publish TLSA records, and no MTA-STS policy,"
    " is not verified.",
    action="Have a validating resolver on this host, or vouch for the one you have: see"
    " docs/limits-and-security.md.",
)
DANE_OFF = FindingKind(
    code="daemon-dane-off",
    severity=Severity.NOTE,
    title="the configuration switches DANE off",
    matters="Mail to domains that publish TLSA records, and no MTA-STS policy, is not verified.",
    action="Set `dns.dnssec: auto` where there is a validating resolver.",
)
NO_FETCH = FindingKind(
    code="fetches-all-fail",
    severity=Severity.ERROR,
    title="no policy could be fetched since the daemon's start",
    matters="Domains whose policy is not known yet are answered as though they had none: mail to"
    " them goes out unverified.",
    action="Let this host connect to port 443 outside, or set https.proxy; `mtasts-resolver explain"
    " DOMAIN` shows why a fetch fails.",
)
SILENT = FindingKind(
    code="socket-silent",
    severity=Severity.ERROR,
    title="Postfix asks a socket that does not answer",
    matters=_DEFERRED,
    action="Start the daemon, or have it listen there.",
)
DENIED = FindingKind(
    code="socket-denied",
    severity=Severity.ERROR,
    title="Postfix may not connect to the socket that it asks",
    matters=_DEFERRED,
    action="Have the socket in the group of Postfix's user, with mode 0660, in a directory that the"
    " group may enter.",
)
OTHERWISE = FindingKind(
    code="socket-answers-otherwise",
    severity=Severity.ERROR,
    title="what answers at the socket that Postfix asks is not this daemon, or is out of order",
    matters="The key that was asked for stands for no domain. An error has Postfix defer mail; any"
    " other answer is given to destinations for which it is not meant.",
    action="See who listens there: `ss -lptn`, or `ss -lpx` for a unix socket.",
)

KINDS = (
    *(NOT_RUNNING, STRANGER, REJECTED, DOUBTFUL, OTHER_VERSION, TROUBLE, WORRY, RESTART_NEEDED),
    *(WEAKENED, UNKNOWN_MAP, WITHOUT_DANE, DANE_OFF, NO_FETCH),
    *(SILENT, DENIED, OTHERWISE),
)

# That somebody is there: what another program says may look like an answer of this one.
_ANSWERS = ("answered", "otherwise")

# With what systemd gives up a start before there is a daemon (systemd.exec(5)), and what to do.
_NOT_SET_UP = {
    "203/EXEC": f"Have the unit name the program that there is: `systemctl cat {SERVICE}`.",
    "217/USER": "This host forbids user namespaces (`sysctl user.max_user_namespaces`). Allow them,"
    f" or do without: `systemctl edit {SERVICE}`, [Service], PrivateUsers=no.",
    "226/NAMESPACE": f"`journalctl -u {SERVICE} -n 20` names what the sandbox could not have. A"
    " container may have to allow it (LXC: nesting).",
    "238/STATE_DIRECTORY": "/var/lib/mtasts-resolver must be a link, which systemd makes: mount a"
    " file system of its own at /var/lib/private/mtasts-resolver.",
}

Reach = Literal["reached", "refused", "down", "denied", "stranger"]


class SeenDaemon(Struct, frozen=True, kw_only=True):
    """The daemon, as far as it could be asked."""

    reach: Reach
    failure: str = ""
    """Why it was not reached."""
    status: DaemonStatus | None = None
    program_version: str
    """Of the program that asks."""
    config_file: str
    """The file that the daemon would read; or that there is none."""
    config_errors: tuple[str, ...] = ()
    config_warnings: tuple[str, ...] = ()
    config_unseen: str = ""
    """Why what the configuration names was not looked at."""
    listen: tuple[Address, ...] = ()
    """Where it is to listen."""
    units: SeenUnits = SeenUnits()
    sockets: tuple[TriedSocket, ...] = ()


def judge_daemon(seen: SeenDaemon) -> Iterator[Finding]:
    """Yield what is to be said of the daemon."""
    yield from _judge_reach(seen)
    yield from _judge_sockets(seen.sockets)
    yield from _judge_configuration(seen)
    if seen.status is not None:
        yield from _judge_status(seen.status, seen.program_version)


def _judge_reach(seen: SeenDaemon) -> Iterator[Finding]:
    status = seen.status
    match seen.reach:
        case "down":
            yield _not_running(seen)
        case "denied":
            yield unseen("daemon", seen.failure)
        case "refused":
            action = "Restart it where the program was upgraded; else its log says more."
            yield TROUBLE.found("daemon", seen.failure, action=action)
        case "stranger":
            yield STRANGER.found("control socket", seen.failure)
        case _ if status is not None:
            told = (
                f"mtasts-resolver {status.version} runs, pid {status.pid}, since {status.started}"
            )
            yield well("daemon", told)


def _not_running(seen: SeenDaemon) -> Finding:
    service, socket = seen.units.service, seen.units.socket
    if service is None or socket is None:
        action = "Start it, by `mtasts-resolver serve` under what supervises services here."
        return NOT_RUNNING.found("daemon", seen.failure, action=action)
    if not service.installed:
        action = f"Install {SOCKET} and {SERVICE}: docs/install.md."
        return NOT_RUNNING.found("daemon", f"there is no unit {SERVICE}", action=action)
    if service["ActiveState"] == "active":
        found = f"{SERVICE} is active, but {seen.failure}"
        action = "Name the same configuration here (--config) as the unit does."
        return NOT_RUNNING.found("daemon", found, action=action)
    units = f"{SOCKET} {SERVICE}" if socket.installed else SERVICE
    start = f"systemctl enable --now {units}"
    if (taken := _taken(seen)) is not None and not socket.active:
        # No command: the first would be for whoever that is, and this one fails before it.
        found = f"another program listens at {taken}"
        action = (
            "Where that is postfix-mta-sts-resolver or postfix-tlspol, `mtasts-resolver migrate"
            " --from` and its name takes over from it, step by step. Else have it listen elsewhere,"
            f" or stop it, and then: {start}"
        )
        return NOT_RUNNING.found("daemon", found, action=action)
    if service["Result"] not in ("success", "") or service["NRestarts"] not in ("0", ""):
        return _failed(service)
    return NOT_RUNNING.found(
        "daemon",
        f"{SERVICE} is {service['ActiveState'] or 'not active'}",
        action="Start it, now and at each boot.",
        commands=(start,),
    )


def _failed(service: SeenUnit) -> Finding:
    """Return that it was started, and has ended."""
    why = service["Result"]
    if why in ("success", ""):
        why = f"started again {service['NRestarts']} times"
    action = f"See why: `journalctl -u {SERVICE} -n 20`. systemd goes on trying."
    for name, remedy in _NOT_SET_UP.items():
        if name.startswith(f"{service['ExecMainStatus']}/"):
            why, action = name, remedy
    # What is typed after it would have Postfix wait for nobody, where this fails again.
    restart = f"systemctl restart {SERVICE}"
    return NOT_RUNNING.found(
        "daemon", f"{SERVICE} has failed ({why})", action=action, commands=(restart,)
    )


def _taken(seen: SeenDaemon) -> Address | None:
    """Return where the daemon is to listen, and another answers."""
    answering = (one.socket.address for one in seen.sockets if one.outcome in _ANSWERS)
    return next((address for address in answering if address in seen.listen), None)


def _judge_sockets(tried: Sequence[TriedSocket]) -> Iterator[Finding]:
    for one in tried:
        asked = one.socket
        about = f"{asked.instance}: {asked.table}" if asked.instance else asked.table
        where = f", chrooted to {asked.directory}" if asked.chroot else ""
        who = f"user {asked.user}{where}" if one.as_postfix else "this user"
        match one.outcome:
            case "answered":
                yield well(about, f"answers {who}: {one.said}")
                if asked.user and not one.as_postfix:
                    yield unseen(f"{about} for user {asked.user}{where}", "that takes root")
            case "otherwise":
                yield OTHERWISE.found(about, f"asked for {KEY} it says: {one.said}")
            case "untried":
                yield unseen(about, one.said)
            case "denied" if one.as_postfix:
                yield DENIED.found(about, f"{who} {one.said}")
            case "denied":
                yield unseen(about, f"this user {one.said}")
            case "silent" if asked.user:
                words = f"; outside of {asked.directory} it answers" if one.outside else ""
                yield SILENT.found(about, f"{who}: {one.said}{words}")


def _judge_configuration(seen: SeenDaemon) -> Iterator[Finding]:
    for words in seen.config_errors:
        yield REJECTED.found(seen.config_file, words)
    for words in seen.config_warnings:
        yield DOUBTFUL.found(seen.config_file, words)
    if seen.config_unseen:
        yield unseen("what the configuration names", seen.config_unseen)
    elif not seen.config_errors and not seen.config_warnings:
        yield well(
            "configuration", f"{seen.config_file}: valid, and all that is named there can be used"
        )


def _judge_status(status: DaemonStatus, program_version: str) -> Iterator[Finding]:
    restart = (f"systemctl restart {SERVICE}",)
    if status.version != program_version:
        found = f"{status.version} runs, and this is {program_version}"
        yield OTHER_VERSION.found("daemon", found, commands=restart)
    for worry in worries(status):
        kind = TROUBLE if worry.critical else WORRY
        yield kind.found("daemon", worry.words, action=f"{worry.action}.")
    if keys := status.configuration.restart_needed:
        yield RESTART_NEEDED.found("daemon", ", ".join(keys), commands=restart)
    if count := status.overrides.weakening:
        yield WEAKENED.found("overrides", f"{count} in force")
    if count := status.lookups.unknown_map:
        yield UNKNOWN_MAP.found("daemon", f"{count:,} look-ups since its start")
    yield from _judge_dnssec(status)
    yield from _judge_fetches(status)


def _judge_dnssec(status: DaemonStatus) -> Iterator[Finding]:
    match status.dane.dnssec:
        case "validated":
            yield well("DNSSEC", status.dane.why)
        case "off":
            yield DANE_OFF.found("dns.dnssec", "off")
        case "not-validated":
            yield WITHOUT_DANE.found("DNSSEC", status.dane.why)


def _judge_fetches(status: DaemonStatus) -> Iterator[Finding]:
    fetches, failed = status.discoverer.fetches, status.discoverer.fetch_failures
    if fetches == failed and fetches >= MANY_FETCHES:
        yield NO_FETCH.found("HTTPS", f"all {fetches:,} fetches failed")
    elif fetches > failed:
        words = f"{fetches - failed:,} of {fetches:,} fetches of policies succeeded since its start"
        yield well("HTTPS", words)
    else:
        why = "no policy was fetched since the daemon's start; `--try DOMAIN` fetches one"
        yield unseen("HTTPS", why)
