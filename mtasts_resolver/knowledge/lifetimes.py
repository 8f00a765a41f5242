"""How long each piece of knowledge lives, and when it is looked at again. Seconds throughout."""

import random
from enum import IntEnum

# RFC 2308 §5 finds one to three hours sensible for absence; a domain that begins to publish a
# policy is then noticed within three. Below a minute every message would ask anew.
MIN_ABSENCE = 60.0
MAX_ABSENCE = 3 * 3_600.0
# The policy record of a domain in use is looked at again after its TTL (RFC 8461 §5.1), but not
# more than every five minutes, nor less than every hour.
MIN_ID_CHECK = 300.0
MAX_ID_CHECK = 3_600.0
# A policy with a max_age of 0 is valid (RFC 8461 §3.2). It is kept this long all the same: else
# every message would cost an HTTPS fetch, which is a way to be attacked.
MIN_POLICY_LIFETIME = 60.0
# RFC 8461 §3.3: after a failed fetch, at least five minutes. Doubled at each failure, up to hours.
MIN_RETRY = 300.0
MAX_RETRY = 4 * 3_600.0
RETRY_JITTER = 0.25
# Retries stop doubling here; 2**16 times MIN_RETRY is far beyond MAX_RETRY.
MAX_DOUBLINGS = 16
# A policy is refreshed after this part of the interval at the earliest, at a time that nobody
# outside can predict (RFC 8461 §10.2).
REFRESH_JITTER = 0.25
# A policy that lives shorter than this is not refreshed: it is discovered anew when asked for.
MIN_REFRESHED_LIFETIME = 2 * MIN_RETRY
# A stored policy that has expired, as the wall clock has it, stays in the store for this long, and
# none is dropped from it before the daemon has run for this long: a clock that is ahead at a start
# must not cost what is stored. It is set right within minutes, or by a person after a weekend.
EXPIRED_GRACE = 3 * 86_400.0
# What could not be found out is asked for again soon. RFC 2308 §7 allows five minutes for
# remembering a failure of the servers. A minute lets mail that was deferred by an outage go out
# soon after it, without asking dead servers for each message.
RETRY_SOON = 60.0
# Refreshes that fell due while the daemon was down are spread over this time.
CATCH_UP = 3_600.0
# The parts of max_age below which a refresh that still fails is reported again, as more urgent.
URGENT_BELOW = 0.5
LAST_BELOW = 0.1


class Urgency(IntEnum):
    """How near its end a policy is whose refresh fails."""

    EARLY = 0
    URGENT = 1
    LAST = 2


def policy_lifetime(max_age: int) -> float:
    """Return how long a policy just fetched applies (RFC 8461 §3.2)."""
    return max(float(max_age), MIN_POLICY_LIFETIME)


def absence_lifetime(ttl: float) -> float:
    """Return how long an absence with the negative TTL `ttl` is believed (RFC 2308 §5)."""
    return min(max(ttl, MIN_ABSENCE), MAX_ABSENCE)


def id_check_delay(ttl: float) -> float:
    """Return when to look at a policy record with the TTL `ttl` again."""
    return min(max(ttl, MIN_ID_CHECK), MAX_ID_CHECK)


def retry_delay(failures: int, remaining: float | None, rng: random.Random) -> float:
    """Return how long to wait after that many failed fetches in a row (RFC 8461 §3.3).

    `remaining` is what is left of the cached policy's life: the nearer its end, the more often.
    """
    delay = min(MIN_RETRY * 2.0 ** min(failures - 1, MAX_DOUBLINGS), MAX_RETRY)
    if remaining is not None:
        delay = max(MIN_RETRY, min(delay, remaining / 2))
    return delay * rng.uniform(1.0, 1.0 + RETRY_JITTER)


def refresh_delay(max_age: int, interval: float, rng: random.Random) -> float:
    """Return when to refresh a policy that was just fetched (RFC 8461 §3.3, §10.2).

    About every `interval`, but in the first half of its life, so that many tries fit in before it
    expires. A policy too short-lived for that is looked at when it has expired, to be dropped.
    """
    if max_age < MIN_REFRESHED_LIFETIME:
        return policy_lifetime(max_age)
    return min(interval, max_age / 2) * rng.uniform(1.0 - REFRESH_JITTER, 1.0)


def absence_recheck(
    now: float, retry_at: float | None, interval: float, *, known: bool, rng: random.Random
) -> float:
    """Return when to look again at a domain without a policy that is to be kept current.

    `retry_at` is the earliest time where a fetch failed; not `known` says that DNS did.
    """
    if retry_at is not None:
        return max(retry_at, now + MIN_RETRY)
    if not known:
        return now + MIN_RETRY * rng.uniform(1.0, 1.0 + RETRY_JITTER)
    return now + interval * rng.uniform(1.0 - REFRESH_JITTER, 1.0)


def refresh_urgency(remaining: float, max_age: int) -> Urgency:
    """Return how urgent a failed refresh is: the less is left of max_age, the more."""
    left = remaining / policy_lifetime(max_age)
    if left < LAST_BELOW:
        return Urgency.LAST
    return Urgency.URGENT if left < URGENT_BELOW else Urgency.EARLY


def next_refresh(
    now: float,
    *,
    until: float,
    max_age: int,
    retry_at: float | None,
    interval: float,
    rng: random.Random,
) -> float:
    """Return when a policy that applies `until` then is to be refreshed: before it expires.

    `retry_at` is the earliest time after a failure. What is overdue is spread over the next hour,
    or over half of what is left where that is less.
    """
    remaining = max(0.0, until - now)
    if retry_at is not None:
        delay = retry_at - now
    else:
        age = policy_lifetime(max_age) - remaining
        delay = refresh_delay(max_age, interval, rng) - age
    if delay <= 0:
        delay = rng.uniform(0.0, min(CATCH_UP, remaining / 2))
    return now + min(delay, remaining)
