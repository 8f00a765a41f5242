"""Looking at what Postfix's parameters name on this host: files, directories, sockets.

Nothing is changed, and no datagram is sent.
"""

import base64
import hashlib
import os
import pwd
import re
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.discovery.tls.authorities import trusting_context
from mtasts_resolver.doctor.instance import PostfixInstance, list_items
from mtasts_resolver.doctor.outbound.authorities import DIRECTORY, FILE, jailed
from mtasts_resolver.doctor.outbound.client import Client, clients
from mtasts_resolver.doctor.outbound.nexthops import TABLES_OF_HOPS, NamedHop, named_hops
from mtasts_resolver.doctor.outbound.reports import report_socket_path
from mtasts_resolver.doctor.outbound.tables import FILE_TABLES
from mtasts_resolver.doctor.running import RunError, find_program, run_program, text_lines
from mtasts_resolver.doctor.surroundings import (
    Authorities,
    LocalTable,
    OurLookups,
    ReportSocket,
    SmartHostPolicy,
    Surroundings,
)
from mtasts_resolver.policy import NextHop

FindPolicy = Callable[[NextHop], SmartHostPolicy | None]
"""Finds out what a next hop's policy domain publishes, and which hosts take its mail."""

# Where systems keep all authorities in one file: Debian's, Red Hat's, SUSE's.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # what OpenSSL looks for, see openssl-rehash(1)
_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s*([A-Za-z0-9+/=\s]+?)-----END "
)
MAX_AUTHORITIES = 2_000  # in a directory; Debian's has 140
MAX_PEM = 4 << 20  # bytes of one file; Debian's bundle has 220 kB
MAX_PROGRAM = (
    16 << 20
)  # bytes of smtp(8), or of its library, that are searched; both have some 100 kB
_LIBTLSRPT = b"libtlsrpt.so"


def look_around(
    instance: PostfixInstance, ours: OurLookups, find_policy: FindPolicy | None = None
) -> tuple[Surroundings, tuple[NamedHop, ...]]:
    """Return what an instance's parameters name, as it is; and the next hops that it names."""
    bare = Surroundings(ours=ours)
    several = tuple(clients(instance, bare))
    hops = named_hops(instance, dict(_entries(instance)))
    policies = ((str(named.hop), find_policy(named.hop)) for named in hops if find_policy)
    around = Surroundings(
        ours=ours,
        our_authorities=_of_the_daemon(ours),
        our_bundle=_bundle(ours),
        authorities=dict(_authorities(instance, several)),
        tables=dict(_tables(instance, several)),
        report_sockets=dict(_report_sockets(instance, several)),
        reports_built_in=_reports_built_in(instance),
        policies={hop: policy for hop, policy in policies if policy is not None},
    )
    return around, hops


def _of_the_daemon(ours: OurLookups) -> Authorities:
    try:
        return _loaded(ours.config.https.ca_file)
    except (ValueError, ShortageError):
        return Authorities(seen=False)  # told of by those who look at the daemon


def _bundle(ours: OurLookups) -> str:
    if ours.config.https.ca_file is not None:
        return str(ours.config.https.ca_file)
    return next((path for path in _BUNDLES if Path(path).exists()), _BUNDLES[0])


def _loaded(file: Path | None) -> Authorities:
    """Return the authorities of a file, or of the system, as OpenSSL loads them."""
    certificates = trusting_context(file).get_ca_certs(binary_form=True)
    return Authorities(certificates=frozenset(map(_digest, certificates)))


def _digest(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()


def _authorities(
    instance: PostfixInstance, several: Iterable[Client]
) -> Iterator[tuple[str, Authorities]]:
    for client in several:
        if file := client.value(FILE):
            yield file, _of_file(Path(instance.queue_directory, file))
        if directory := client.value(DIRECTORY):
            for path in {directory, jailed(client, directory)}:
                yield path, _of_directory(Path(instance.queue_directory, path))


def _of_file(file: Path) -> Authorities:
    if os.path.exists(file) and not os.path.isfile(file):  # noqa: PTH110, PTH113  these never raise
        return Authorities(fault="it is no plain file")  # to open a FIFO would wait for somebody
    try:
        return _loaded(file)
    except ShortageError:
        return Authorities(seen=False)
    except ValueError as error:
        if os.access(file, os.F_OK) and not os.access(file, os.R_OK):  # Postfix reads it as root
            return Authorities(seen=False)
        return Authorities(fault=printable(str(error)))


def _of_directory(directory: Path) -> Authorities:
    """Return the authorities that OpenSSL finds in a directory: those by the hash of their name."""
    found: set[bytes] = set()
    try:
        names = [entry for entry in directory.iterdir() if _HASHED.fullmatch(entry.name)]
        for name in names[:MAX_AUTHORITIES]:
            found.update(_certificates(name))
    except PermissionError:
        return Authorities(seen=False)
    except OSError as error:
        return Authorities(fault=os.strerror(error.errno or 0).lower())
    return Authorities(certificates=frozenset(found))


def _certificates(file: Path) -> Iterator[bytes]:
    try:
        text = read_plain(file, MAX_PEM)
    except FileNotFoundError:  # a link whose certificate is gone, which OpenSSL passes over
        return
    for body in _PEM.findall(text):
        try:
            yield _digest(base64.b64decode(body))
        except ValueError:
            continue


def _tables(
    instance: PostfixInstance, several: Iterable[Client]
) -> Iterator[tuple[str, LocalTable]]:
    texts = {table.text: table for client in several for table in client.tables}
    for text, table in texts.items():
        if table.type in FILE_TABLES and table.type in instance.map_types:
            yield text, _table(instance, table.type, table.rest)


def _table(instance: PostfixInstance, kind: str, path: str) -> LocalTable:
    file = path + _ENDINGS.get(kind, "")
    if not os.access(file, os.F_OK):  # Path.exists() raises where a name is too long
        return LocalTable(fault=f"there is no {printable(file)}")
    if kind in _PATTERNED:
        return LocalTable()
    lines, fault = _dump(instance, f"{kind}:{path}")
    return LocalTable(keys=None if lines is None else len(lines), fault=fault)


# What postmap(1) makes of a file, see DATABASE_README.
_ENDINGS = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "sdbm": ".pag"}
# What has no keys that could be counted.
_PATTERNED = ("regexp", "pcre", "cidr")


def _dump(instance: PostfixInstance, table: str) -> tuple[list[str] | None, str]:
    """Return what a table holds, a line each, or None; and why Postfix cannot use it."""
    program, _ = find_program("postmap", os.environ.get("PATH", ""), os.geteuid())
    if program is None:
        return None, ""
    try:
        ran = run_program(program, "-c", instance.config_directory, "-s", table)
    except RunError:
        return None, ""  # such as one that is too large
    if ran.status == 0:
        return text_lines(ran.output), ""
    fatal = next((line for line in text_lines(ran.errors) if "fatal: " in line), "")
    reason = fatal.partition("fatal: ")[2]
    if not reason or "not supported" in reason or "Permission denied" in reason:
        return None, ""
    return None, printable(reason)


def _entries(instance: PostfixInstance) -> Iterator[tuple[str, list[str]]]:
    """Yield the right-hand sides of each table of next hops, by its parameter."""
    for name in TABLES_OF_HOPS:
        values = []
        for item in list_items(instance.value(name)):
            table = item.removeprefix("proxy:")  # who reads it here is no daemon
            kind = table.partition(":")[0]
            if kind == "inline" or (kind in FILE_TABLES and kind not in _PATTERNED):
                lines, _ = _dump(instance, table)
                values += [line.partition("\t")[2] for line in lines or ()]
        yield name, list(dict.fromkeys(values))


def _report_sockets(
    instance: PostfixInstance, several: Iterable[Client]
) -> Iterator[tuple[str, ReportSocket]]:
    for client in several:
        if client.value("tlsrpt_enable") == "yes" and client.value("tlsrpt_socket_name"):
            path = report_socket_path(client)
            yield path, ReportSocket(path=path, fault=_socket_fault(path, instance.mail_owner))


def _socket_fault(path: str, user: str) -> str:
    """Return why datagrams of Postfix's user would not arrive at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except OSError as error:
            return os.strerror(error.errno).lower() if error.errno else printable(str(error))
    return "" if _may_write(Path(path), user) else f"the user {printable(user)} may not write to it"


def _may_write(path: Path, user: str) -> bool:
    """Tell whether a user may write to a socket, by the mode of it and of what is above it."""
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return True  # there is nobody to say it of
    groups = {account.pw_gid, *os.getgrouplist(user, account.pw_gid)}

    def allowed(place: Path, bits: int) -> bool:
        found = place.stat()
        shift = 6 if found.st_uid == account.pw_uid else 3 if found.st_gid in groups else 0
        return bool(found.st_mode >> shift & bits)

    return account.pw_uid == 0 or (
        allowed(path, stat.S_IWOTH) and all(allowed(above, stat.S_IXOTH) for above in path.parents)
    )


def _reports_built_in(instance: PostfixInstance) -> bool | None:
    """Tell whether Postfix is linked with libtlsrpt: its library for TLS, or smtp(8) itself."""
    if not instance.knows("smtp_tlsrpt_enable"):
        return None
    places = [
        Path(instance.value("shlib_directory"), "libpostfix-tls.so"),
        Path(instance.value("daemon_directory"), "smtp"),
    ]
    try:
        files = [place for place in places if place.is_absolute() and place.is_file()]
        return any(_LIBTLSRPT in read_plain(file, MAX_PROGRAM) for file in files) if files else None
    except OSError:
        return None
