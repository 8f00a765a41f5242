"""The cache file of postfix-tlspol, since version 1.8.0: gzip around a gob of a map.

    map[domain]{Policy, Report, TTL, Expirable{ExpiresAt, LastUpdate}}      1.8.0
                and Counter                                                 1.8.13
                and Dane, MtaSts{Policy, Report, TTL, ExpiresAt}            1.9

`Policy` is what Postfix is told: `secure match=...` where a policy decides, `dane`, `dane-only`, or
nothing. `Report` holds the policy itself, line by line, as attributes for TLSRPT; of a policy that
is not enforced none is kept. Nor is an id. Before 1.8.0 it kept all in Redis, elsewhere.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from mtasts_resolver.base.ownfiles import read_plain
from mtasts_resolver.migration.gob import GobError, GobValue, read_map
from mtasts_resolver.migration.theirpolicies import (
    MAX_ENTRIES,
    NO_ID,
    CacheEntry,
    CacheFault,
    PassedOver,
    TheirPolicy,
    UnreadableCacheError,
    reading_cache,
)

# It keeps 50,000 entries; a policy of the usual size takes half a kilobyte, a tenth of it packed.
MAX_PACKED = 64 << 20
MAX_UNPACKED = 128 << 20
_GZIP = 31  # of zlib: with the head of gzip, and the largest window

# A line of the policy, without braces in it, for theirs leaves such lines out.
_LINE = re.compile(r" \{ policy_string = (?P<name>[^:{}]*): (?P<value>[^{}]*) \}")
_HEAD = re.compile(r"policy_type=sts policy_domain=(?P<domain>\S+)(?: mx_host_pattern=\S+)*")

# time.Time as it encodes itself: a version, seconds since the year 1, nanoseconds, and its zone.
_TIME = struct.Struct(">Bqi")
_HAS_DATA = {"TTL", "ExpiresAt"}  # as theirs tells whether a half of an entry is there

_Fields = dict[str, GobValue]

_EPOCH = 62_135_596_800  # seconds from there to 1970


def read_gob_cache(path: Path) -> Iterator[CacheEntry]:
    """Yield the entries of the cache at `path`. Raise UnreadableCacheError."""
    with reading_cache(path):
        packed = read_plain(path, MAX_PACKED + 1)
    try:
        yield from gob_entries(packed)
    except GobError as error:
        raise UnreadableCacheError(
            f"{path} cannot be read: {error}. It is a cache of postfix-tlspol 1.8.0 to 1.9 that is"
            " expected there"
        ) from None


def gob_entries(packed: bytes) -> Iterator[CacheEntry]:
    """Yield the entries of a file's contents. Raise GobError."""
    for number, (key, value) in enumerate(read_map(_unpacked(packed))):
        if number >= MAX_ENTRIES:
            raise GobError(f"it has more than {MAX_ENTRIES:,} entries")
        domain = key.decode("utf-8", "replace")
        try:
            yield _entry(domain, value if isinstance(value, dict) else {})
        except ValueError as error:
            yield CacheFault(domain, str(error))


def _unpacked(packed: bytes) -> bytes:
    if len(packed) > MAX_PACKED:
        raise GobError(f"it is longer than {MAX_PACKED:,} bytes")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        data = unpacker.decompress(packed, MAX_UNPACKED)
    except zlib.error as error:
        raise GobError(f"it is not packed by gzip: {error}") from None
    if unpacker.unconsumed_tail:
        raise GobError(f"it is longer than {MAX_UNPACKED:,} bytes when unpacked")
    if not unpacker.eof:
        raise GobError("it ends before its end")
    return data


def _entry(domain: str, fields: _Fields) -> CacheEntry:
    """Return what an entry says of MTA-STS; raise ValueError where that is nothing known."""
    branch, times = fields, _inner(fields, "Expirable")
    if any(_HAS_DATA & _inner(fields, name).keys() for name in ("Dane", "MtaSts")):
        branch = times = _inner(fields, "MtaSts")
    policy = _words(branch, "Policy")
    if policy.startswith("dane") or (not policy and _words(fields, "Policy").startswith("dane")):
        return PassedOver.DANE
    if not policy:
        return PassedOver.NO_POLICY
    if not policy.startswith("secure "):
        raise ValueError("it says neither `secure` nor `dane`")
    until, lifetime = _moment(times.get("ExpiresAt")), branch.get("TTL", 0)
    fetched = until - (lifetime if isinstance(lifetime, int) else 0)
    if "LastUpdate" in times:
        fetched = min(fetched, _moment(times["LastUpdate"]))
    return TheirPolicy(domain, NO_ID, _document(domain, _words(branch, "Report")), fetched, until)


def _inner(fields: _Fields, name: str) -> _Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def _words(fields: _Fields, name: str) -> str:
    value = fields.get(name, b"")
    if not isinstance(value, bytes):
        raise ValueError(f"its {name} is no text")  # noqa: TRY004
    return value.decode("utf-8", "strict")


def _document(domain: str, report: str) -> str:
    """Return the policy's document of the attributes that were made of it; raise ValueError."""
    head = _HEAD.match(report)
    if head is None:
        raise ValueError("the policy itself is not kept with it")
    if head["domain"] != domain:
        raise ValueError("the policy that is kept with it is another domain's")
    lines, place = [], head.end()
    while line := _LINE.match(report, place):
        lines.append(f"{line['name']}: {line['value']}\r\n")
        place = line.end()
    if place != len(report):
        raise ValueError("the policy that is kept with it cannot be read")
    return "".join(lines)


def _moment(value: GobValue) -> float:
    if not isinstance(value, bytes) or len(value) < _TIME.size or value[0] not in (1, 2):
        raise ValueError("it does not say until when it holds")
    _, seconds, _ = _TIME.unpack_from(value)
    return float(seconds - _EPOCH)
