"""Policies of another cache: none of it is believed, and none holds for longer than there."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.base.timestamps import moment_of
from mtasts_resolver.policy import (
    DocumentError,
    Mode,
    NextHop,
    is_policy_id,
    parse_document,
    parse_next_hop,
)

# Entries of a cache that are read; postfix-tlspol keeps 50,000.
MAX_ENTRIES = 1_000_000
# What stands where theirs keeps no id. At the first check of the id in DNS it is another one, and
# the policy is fetched anew; where DNS or the policy host fails, this one holds until it is over.
NO_ID = "migrated"


class UnreadableCacheError(Exception):
    """A cache cannot be read; the text says why, and what to do."""


class TheirPolicy(NamedTuple):
    """A policy as their cache has it, or was read from it; nothing of it is checked yet."""

    domain: str
    policy_id: str
    document: str
    fetched: float
    """Seconds since 1970."""
    until: float | None = None
    """When it is over there; None: by its max_age alone."""


class CacheFault(NamedTuple):
    """An entry of which nothing can be made."""

    domain: str
    reason: str


class PassedOver(StrEnum):
    """Why an entry is none that is to be taken over."""

    NO_POLICY = "no-policy"
    """That there is none, or that it is in mode none."""
    DANE = "dane"


class HeldPolicy(NamedTuple):
    """A policy that is valid, and holds."""

    domain: str
    policy_id: str
    mode: Mode
    document: str
    fetched: datetime
    expires: datetime


class ExpiredPolicy(NamedTuple):
    """A policy whose time is over."""

    domain: str


CacheEntry = TheirPolicy | CacheFault | PassedOver
Judged = HeldPolicy | ExpiredPolicy | CacheFault | PassedOver


@contextmanager
def reading_cache(path: Path) -> Iterator[None]:
    """Have a file that cannot be read say so in words."""
    try:
        yield
    except FileNotFoundError:
        raise UnreadableCacheError(f"there is no {path}: name the cache by --their-cache") from None
    except PermissionError:
        raise UnreadableCacheError(f"{path} is not for you: become root") from None
    except OSError as error:
        raise UnreadableCacheError(f"{path} cannot be read: {error.strerror or error}") from None


def judge_entries(entries: Iterable[CacheEntry], now: float) -> Iterator[Judged]:
    """Yield what becomes of each entry at the time `now`."""
    for entry in entries:
        if isinstance(entry, TheirPolicy):
            try:
                yield _judge(entry, now)
            except (ValueError, OverflowError) as error:
                yield CacheFault(entry.domain, str(error))
        else:
            yield entry


def _judge(entry: TheirPolicy, now: float) -> Judged:
    """Return what becomes of a policy; raise ValueError where nothing can."""
    hop = parse_next_hop(entry.domain)
    if hop is None or hop != NextHop(hop.domain):
        raise ValueError("it is no mail domain")
    if not is_policy_id(entry.policy_id):
        raise ValueError("its id is not 1 to 32 letters and digits")
    try:
        policy = parse_document(entry.document.encode())
    except (DocumentError, UnicodeEncodeError) as error:
        raise ValueError(f"it is no policy: {error}") from None
    if policy.mode is Mode.NONE:
        return PassedOver.NO_POLICY
    if not all(isfinite(time) for time in (entry.fetched, entry.until) if time is not None):
        raise ValueError("its times are no points in time")
    fetched = min(entry.fetched, now)
    if entry.until is not None:
        # The time of the fetch says until when a policy holds: it may only become an earlier one.
        fetched = min(fetched, entry.until - policy.max_age)
    expires = fetched + policy.max_age
    if expires <= now:
        return ExpiredPolicy(hop.domain)
    return HeldPolicy(
        domain=hop.domain,
        policy_id=entry.policy_id,
        mode=policy.mode,
        document=entry.document,
        fetched=moment_of(int(fetched)),
        expires=moment_of(int(expires)),
    )


def document_of(fields: Iterable[tuple[str, str]]) -> str:
    """Return a policy document of its fields, as a policy host would have served it."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields)
