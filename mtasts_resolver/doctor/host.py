"""What the daemon and Postfix stand on: clock, resolver, chroot, disk, and who may write what."""

from collections.abc import Iterator
from shlex import quote as shell_word
from typing import Literal

from msgspec import Struct

from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.doctor.well import unseen, well
from mtasts_resolver.findings import Finding, FindingKind, Severity

# Seconds that a file may seem to come from the future: of a machine that wrote it and whose clock
# was a little ahead.
CLOCK_TOLERANCE = 3_600.0
# Bytes below which the disk of the store is nearly full. The store of a busy host takes some
# hundred megabytes, and SQLite needs room beside it.
LEAST_SPACE = 100 << 20

RESOLV_CONF = "/etc/resolv.conf"
_STALE_ACTION = "Copy it, or restart Postfix where its start does so, as Debian's."

CLOCK_BEHIND = FindingKind(
    code="clock-behind",
    severity=Severity.ERROR,
    title="the clock is behind: a file of this host was written later than now",
    matters="Certificates seem not to be valid yet, policies hold too long, and DNSSEC fails: mail"
    " is deferred.",
    action="Set the clock, and have a time service keep it.",
)
NO_TIME_SERVICE = FindingKind(
    code="no-time-service",
    severity=Severity.WARNING,
    title="nothing that is known here keeps the clock right",
    matters="A clock drifts. When it is wrong by days certificates and DNSSEC fail, and mail is"
    " deferred.",
    action="Install one, such as systemd-timesyncd or chrony.",
)
NOT_VALIDATING = FindingKind(
    code="resolver-not-validating",
    severity=Severity.NOTE,
    title="resolv.conf names no resolver that validates DNSSEC and is believed",
    matters="DANE takes no part: mail to domains that publish TLSA records, and no MTA-STS policy,"
    " is not verified.",
    action="Have a validating resolver on this host: docs/getting-started.md, A validating"
    " resolver.",
)
RESOLVER_FAILS = FindingKind(
    code="resolver-fails",
    severity=Severity.ERROR,
    title="the resolver that resolv.conf names does not answer",
    matters="Postfix finds no MX hosts, and defers all mail.",
    action="Start that resolver, or name another in /etc/resolv.conf.",
)
CHROOT_RESOLVER = FindingKind(
    code="chroot-resolv-conf-stale",
    severity=Severity.ERROR,
    title="a chrooted Postfix has another resolv.conf than the host",
    matters="smtp(8) asks other name servers than those that were looked at here: without an answer"
    " it defers mail, and without DNSSEC it does not use DANE.",
    action=_STALE_ACTION,
)
CHROOT_FILE = FindingKind(
    code="chroot-file-stale",
    severity=Severity.WARNING,
    title="a file in Postfix's chroot is not as the host's",
    matters="What a chrooted service finds by it, such as a host or a port by its name, is not what"
    " the host has.",
    action=_STALE_ACTION,
)
PROXY_FAILS = FindingKind(
    code="proxy-unreachable",
    severity=Severity.ERROR,
    title="the proxy of https.proxy cannot be reached",
    matters="No policy can be fetched: domains whose policy is not known yet are answered as though"
    " they had none, and mail to them goes out unverified.",
    action="Start it, or correct https.proxy.",
)
LITTLE_SPACE = FindingKind(
    code="store-disk-nearly-full",
    severity=Severity.WARNING,
    title="the disk of the store is nearly full",
    matters="Policies that cannot be written are lost at the next restart, and an attacker could"
    " then keep them from being fetched again.",
    action="Make room, or name another place in store.url.",
)
WRITABLE = FindingKind(
    code="file-writable-by-others",
    severity=Severity.ERROR,
    title="others than root and the daemon could write what the daemon trusts",
    matters="Whoever can write it can decide whose mail goes out unverified.",
    action="Have it belong to root, writable for root alone; or keep what is in it elsewhere, such"
    " as in /etc/mtasts-resolver.",
)
SECRET = FindingKind(
    code="configuration-shows-password",
    severity=Severity.WARNING,
    title="everybody on this host can read a password in the configuration",
    matters="It is the one of https.proxy.",
    action="Have the file readable for root, and the daemon's group, alone.",
)

KINDS = (
    *(CLOCK_BEHIND, NO_TIME_SERVICE, NOT_VALIDATING, RESOLVER_FAILS, CHROOT_RESOLVER, CHROOT_FILE),
    *(PROXY_FAILS, LITTLE_SPACE, WRITABLE, SECRET),
)


class SeenClock(Struct, frozen=True, kw_only=True):
    """The time, and what vouches for it."""

    now: float
    """Seconds since 1970-01-01 UTC."""
    newest_file: str
    """The file that was written last, of those that were looked at."""
    newest: float
    """When."""
    time_services: tuple[str, ...] = ()
    """Those that run."""
    kept_outside: bool = False
    """This is a container, whose clock is its host's."""
    unseen: str = ""
    """Why it is not known which services run."""


class SeenResolver(Struct, frozen=True, kw_only=True):
    """What the name servers of resolv.conf said."""

    servers: tuple[str, ...] = ()
    authenticated: bool = False
    why_not: str = ""
    failure: str = ""
    """Why nothing could be asked."""


CopyState = Literal["same", "differs", "missing", "unseen"]


class SeenCopy(Struct, frozen=True, kw_only=True):
    """A file of the host, and its copy in a chroot."""

    queue: str
    """The queue directory, which is the root of chrooted services."""
    original: str
    copy: str
    state: CopyState
    reason: str = ""
    """Why it could not be seen."""


class SeenProxy(Struct, frozen=True, kw_only=True):
    """Whether the proxy of the fetches can be connected to."""

    url: str
    """Without who we are to it."""
    failure: str = ""


class SeenSpace(Struct, frozen=True, kw_only=True):
    """How much may be written where the store is."""

    directory: str
    free: int | None
    """Bytes; None where that could not be seen."""
    reason: str = ""


class SeenRight(Struct, frozen=True, kw_only=True):
    """A file that the daemon trusts, and who else could write or read it."""

    path: str
    open_to: str = ""
    """Who could write it besides root and the daemon; empty where nobody."""
    command: str = ""
    """The line that takes that away."""
    shows_password: bool = False
    reason: str = ""
    """Why it could not be seen."""


class SeenSystem(Struct, frozen=True, kw_only=True):
    """All of it."""

    clock: SeenClock
    resolver: SeenResolver | None = None
    """None where it was not to be asked."""
    copies: tuple[SeenCopy, ...] = ()
    proxy: SeenProxy | None = None
    """None where none is configured, or was to be connected to."""
    space: SeenSpace
    rights: tuple[SeenRight, ...] = ()


def judge_system(seen: SeenSystem) -> Iterator[Finding]:
    """Yield what is to be said of it."""
    yield from _judge_clock(seen.clock)
    yield from _judge_resolver(seen.resolver)
    yield from _judge_copies(seen.copies)
    if seen.proxy is not None:
        yield _judge_proxy(seen.proxy)
    yield from _judge_space(seen.space)
    yield from _judge_rights(seen.rights)


def _judge_clock(clock: SeenClock) -> Iterator[Finding]:
    now = timestamp(clock.now)
    if clock.newest > clock.now + CLOCK_TOLERANCE:
        words = f"it is {now} here, and {clock.newest_file} is of {timestamp(clock.newest)}"
        yield CLOCK_BEHIND.found("clock", words)
        return
    if clock.unseen:
        yield well("clock", f"{now}, which no file of this host contradicts")
        yield unseen("clock", clock.unseen)
    elif clock.kept_outside:
        yield well("clock", f"{now}; it is the one of this container's host")
    elif clock.time_services:
        yield well("clock", f"{now}, kept by {', '.join(clock.time_services)}")
    else:
        yield NO_TIME_SERVICE.found("clock", f"it is {now}, and no time service runs")


def _judge_resolver(resolver: SeenResolver | None) -> Iterator[Finding]:
    if resolver is None:
        yield unseen(RESOLV_CONF, "nobody outside this host is to be asked")
    elif resolver.failure:
        yield RESOLVER_FAILS.found(RESOLV_CONF, resolver.failure)
    elif resolver.authenticated:
        yield well(RESOLV_CONF, f"{', '.join(resolver.servers)} validates DNSSEC, and is believed")
    else:
        yield NOT_VALIDATING.found(RESOLV_CONF, resolver.why_not)


def _judge_copies(copies: tuple[SeenCopy, ...]) -> Iterator[Finding]:
    for copy in copies:
        if copy.state == "unseen":
            yield unseen(copy.copy, copy.reason)
    stale = [copy for copy in copies if copy.state in ("differs", "missing")]
    for queue in dict.fromkeys(copy.queue for copy in stale):
        theirs = [copy for copy in stale if copy.queue == queue]
        for kind in (CHROOT_RESOLVER, CHROOT_FILE):
            is_resolver = kind is CHROOT_RESOLVER
            these = [copy for copy in theirs if (copy.original == RESOLV_CONF) is is_resolver]
            if these:
                words = "; ".join(map(_is_stale, these))
                yield kind.found(f"chroot {queue}", words, commands=tuple(map(_copying, these)))
    if copies and all(copy.state == "same" for copy in copies):
        queues = dict.fromkeys(copy.queue for copy in copies)
        names = dict.fromkeys(copy.original for copy in copies)
        yield well(f"chroot {', '.join(queues)}", f"has the host's {', '.join(names)}")


def _is_stale(copy: SeenCopy) -> str:
    if copy.state == "missing":
        return f"{copy.copy} is missing"
    return f"{copy.copy} is other than {copy.original}"


def _copying(copy: SeenCopy) -> str:
    return f"install -D -m 644 {copy.original} {shell_word(copy.copy)}"


def _judge_proxy(proxy: SeenProxy) -> Finding:
    if proxy.failure:
        return PROXY_FAILS.found(proxy.url, proxy.failure)
    return well("https.proxy", f"{proxy.url} can be connected to")


def _judge_space(space: SeenSpace) -> Iterator[Finding]:
    if space.free is None:
        yield unseen(f"space in {space.directory}", space.reason)
        return
    words = f"{space.free >> 20:,} MiB are free"
    if space.free < LEAST_SPACE:
        yield LITTLE_SPACE.found(space.directory, words)
    else:
        yield well("store", f"{space.directory}: {words}")


def _judge_rights(rights: tuple[SeenRight, ...]) -> Iterator[Finding]:
    for right in rights:
        if right.reason:
            yield unseen(f"permissions of {right.path}", right.reason)
        if right.open_to:
            commands = (right.command,) if right.command else ()
            yield WRITABLE.found(right.path, f"{right.open_to} can write it", commands=commands)
        if right.shows_password:
            yield SECRET.found(right.path, "it holds a password, and all users can read it")
    if rights and not any(right.reason or right.open_to for right in rights):
        yield well("permissions", ", ".join(right.path for right in rights))
