"""A table for Postfix, for a day when the daemon must be away: texthash, or made by postmap."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.control.values.policies import KeyAnswer


def table_lines(answers: Iterable[KeyAnswer], map_name: str) -> Iterator[str]:
    """Yield the lines: what must be known of the table first, then a key each."""
    held = [answer for answer in answers if answer.status == "OK"]
    deferred = [answer for answer in answers if answer.status in ("TEMP", "PERM")]
    yield f"# What mtasts-resolver answered in the map {map_name}, {datetime.now(UTC):%FT%TZ}."
    yield "# postmap this file and name it in smtp_tls_policy_maps, while the daemon is away."
    expiring = sorted((answer.expires, answer.key) for answer in held if answer.expires)
    if expiring:
        until, key = expiring[0]
        yield f"# The first policy, of {key}, is over at {until}, the last at {expiring[-1][0]}:"
        yield "# what is over must not be enforced any longer, and new domains are not in here."
    for answer in deferred:
        yield f"# {answer.key}: left out, since mail to it was deferred: {escaped(answer.text)}"
    for answer in sorted(held, key=lambda answer: answer.key):
        yield f"{answer.key}\t{answer.text}"
