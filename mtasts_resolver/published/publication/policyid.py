"""The id of a policy record: another document needs another one (RFC 8461 §3.1)."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

# The time in UTC, as in the example of RFC 8461 §3.1; others write a T between day and time, or
# leave out the Z.
_FORM = "%Y%m%d%H%M%SZ"
_STAMP = re.compile(r"(?P<day>[0-9]{8})T?(?P<time>[0-9]{6})Z?\Z")

_ONE = timedelta(seconds=1)
_LAST_YEAR = 9998  # beyond, there is no later time that could be written


def fresh_id(now: datetime, used: Iterable[str]) -> str:
    """Return an id that none of those `used` is: the time, or one that is later than all of them.

    Senders only see whether an id is another one. People read from it when the policy changed.
    """
    latest = max([now, *(stamp + _ONE for stamp in _stamps(used))])
    return latest.astimezone(UTC).strftime(_FORM)


def is_later(one: str, other: str) -> bool:
    """Tell whether the id `one` may have come after `other`: as a time, or as another id."""
    first, second = list(_stamps([one])), list(_stamps([other]))
    return first > second if first and second else one != other


def _stamps(ids: Iterable[str]) -> Iterator[datetime]:
    """Yield the times that ids stand for, of those that are a time."""
    for policy_id in ids:
        if found := _STAMP.match(policy_id):
            moment = f"{found['day']}{found['time']}Z"
            try:
                stamp = datetime.strptime(moment, _FORM).replace(tzinfo=UTC)
            except ValueError:
                continue  # fourteen digits, and no time: 20269999999999
            if stamp.year <= _LAST_YEAR:
                yield stamp
