"""Looking at what the daemon and Postfix stand on; nothing is changed."""

import grp
import os
import pwd
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote as shell_word

import mtasts_resolver
from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.config import Config, ProxyUrl
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.dns.validators import PROBE_NAME, probe, trusted
from mtasts_resolver.discovery.errors import DnsConfigError, DnsError, ShortageError
from mtasts_resolver.doctor.host import (
    CopyState,
    SeenClock,
    SeenCopy,
    SeenProxy,
    SeenResolver,
    SeenRight,
    SeenSpace,
    SeenSystem,
)
from mtasts_resolver.doctor.instance import PostfixInstance

DNS_PATIENCE = 5.0  # seconds for a question, as the daemon has by default
PROXY_PATIENCE = 5.0  # seconds until it has taken a connection
_MAX_COPIED = 1 << 20  # bytes of a file that is compared; /etc/hosts of those that block much
_MAX_COMM = 15  # characters that Linux keeps of a process' name

# What a chrooted service of Postfix reads for itself, as Debian's start script copies it.
_COPIED = ("resolv.conf", "hosts", "services", "nsswitch.conf", "localtime")

# Files that somebody writes now and then: at an update, or the daemon at any time.
_WRITTEN = (
    "/var/lib/systemd/timesync/clock",
    "/var/lib/dpkg/status",
    "/etc/ssl/certs/ca-certificates.crt",
)
_TIME_SERVICES = (
    *("systemd-timesyncd", "chronyd", "ntpd", "ntpsec", "openntpd", "ntpd-rs"),
    *("ptp4l", "phc2sys", "vmtoolsd", "VBoxService", "gce_clock_skew"),
)
# What a container's manager leaves there (https://systemd.io/CONTAINER_INTERFACE, Docker, Podman).
_CONTAINER_MARKS = ("/run/systemd/container", "/.dockerenv", "/run/.containerenv")


async def look_at_system(
    config: Config,
    config_file: Path | None,
    store: Path,
    instances: Iterable[PostfixInstance],
    *,
    offline: bool = False,
) -> SeenSystem:
    """Look at all of it; `offline` at what this host has, without the resolver and the proxy."""
    return SeenSystem(
        clock=_look_at_clock(store),
        resolver=None if offline else await _look_at_resolver(),
        copies=tuple(_look_at_copies(instances)),
        proxy=None if offline else _look_at_proxy(config.https.proxy),
        space=_look_at_space(store),
        rights=tuple(_look_at_rights(config, config_file, store)),
    )


def _look_at_clock(store: Path) -> SeenClock:
    newest, newest_file = 0.0, ""
    for name in (mtasts_resolver.__file__, *_WRITTEN, str(store)):
        try:
            written = os.stat(name).st_mtime  # noqa: PTH116  a name is all that is told
        except OSError:
            continue  # it is not there, or not to be seen: another will do
        if written > newest:
            newest, newest_file = written, name
    services, unseen = _time_services()
    return SeenClock(
        now=time.time(),
        newest_file=newest_file,
        newest=newest,
        time_services=services,
        kept_outside=any(map(os.path.exists, _CONTAINER_MARKS)),
        unseen=unseen,
    )


def _time_services() -> tuple[tuple[str, ...], str]:
    """Return those that run; or why that is not known."""
    known = {name[:_MAX_COMM]: name for name in _TIME_SERVICES}
    found = set()
    for process in Path("/proc").glob("[0-9]*/comm"):
        try:
            found.add(process.read_text("utf-8", "replace").strip())
        except OSError:
            continue  # it has ended
    if not Path("/proc/1/comm").exists():
        return (), "other users' processes are hidden, so it is not known what keeps the clock"
    return tuple(sorted(known[name] for name in found & known.keys())), ""


async def _look_at_resolver() -> SeenResolver:
    dns = DnsClient((), timeout=DNS_PATIENCE)
    try:
        servers = tuple(map(str, dns.servers))
        try:
            found = await probe(trusted(dns, "auto"))
        except DnsConfigError as error:
            await dns.query(PROBE_NAME, "SOA")
            return SeenResolver(servers=servers, why_not=str(error))
    except (DnsError, ShortageError) as error:
        return SeenResolver(failure=str(error))
    return SeenResolver(
        servers=found.trusted, authenticated=found.authenticated, why_not=found.why_not
    )


def _look_at_copies(instances: Iterable[PostfixInstance]) -> Iterator[SeenCopy]:
    """Compare what chrooted services read with the host's, once for each queue directory."""
    queues = {
        instance.queue_directory
        for instance in instances
        if any(service.chroot for service in instance.services)
    }
    for queue in sorted(queues):
        for name in _COPIED:
            original, copy = Path("/etc", name), Path(queue, "etc", name)
            if original.exists():
                yield _compare(queue, original, copy)


def _compare(queue: str, original: Path, copy: Path) -> SeenCopy:
    state: CopyState = "unseen"
    reason = ""
    try:
        wanted = _content(original)
        state = "same" if _content(copy) == wanted else "differs"
    except (FileNotFoundError, NotADirectoryError):
        state = "missing"
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
    return SeenCopy(queue=queue, original=str(original), copy=str(copy), state=state, reason=reason)


def _content(path: Path) -> bytes:
    return read_plain(path, _MAX_COPIED)


def _look_at_proxy(proxy: ProxyUrl | None) -> SeenProxy | None:
    if proxy is None:
        return None
    try:
        socket.create_connection((proxy.host, proxy.port), PROXY_PATIENCE).close()
    except OSError as error:
        return SeenProxy(url=str(proxy), failure=str(error.strerror or error))
    return SeenProxy(url=str(proxy))


def _look_at_space(store: Path) -> SeenSpace:
    directory = store.parent
    try:
        while not directory.exists():
            directory = directory.parent
        found = os.statvfs(directory)
    except OSError as error:
        return SeenSpace(directory=str(directory), free=None, reason=str(error.strerror))
    return SeenSpace(directory=str(directory), free=found.f_bavail * found.f_frsize)


def _look_at_rights(config: Config, config_file: Path | None, store: Path) -> Iterator[SeenRight]:
    """Yield each file that decides what the daemon does, and the directories above it."""
    secret = config.https.proxy is not None and bool(config.https.proxy.password)
    for file in filter(None, (config_file, config.https.ca_file)):
        yield from _right_of(file, secret=secret and file == config_file)
        for above in file.absolute().parents:
            yield from (right for right in _right_of(above) if right.open_to)
    # Its owner is the daemon's user, who need not be known here.
    yield from _right_of(store.parent, any_owner=True)


def _right_of(path: Path, *, any_owner: bool = False, secret: bool = False) -> Iterator[SeenRight]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return  # it is to be made yet
    except OSError as error:
        yield SeenRight(path=str(path), reason=str(error.strerror))
        return
    word = shell_word(str(path))
    open_to, command = "", ""
    # In a directory such as /tmp others can make files, but not replace those of root.
    shared = not (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX)
    if shared and found.st_mode & stat.S_IWOTH:
        open_to, command = "everybody", f"chmod o-w {word}"
    elif shared and found.st_mode & stat.S_IWGRP and found.st_gid != 0:
        open_to, command = f"group {_group(found.st_gid)}", f"chmod g-w {word}"
    elif not any_owner and found.st_uid not in (0, os.geteuid()):
        open_to = f"user {_user(found.st_uid)}"
        # A directory may be somebody's home, and a file that is for its owner alone the daemon's.
        taken = stat.S_ISDIR(found.st_mode) or not found.st_mode & stat.S_IROTH
        command = "" if taken else f"chown root {word}"
    shows = secret and bool(found.st_mode & stat.S_IROTH)
    yield SeenRight(path=str(path), open_to=open_to, command=command, shows_password=shows)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
