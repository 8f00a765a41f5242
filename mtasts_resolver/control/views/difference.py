"""From one text to another, in lines."""

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

# Lines of both texts together of which the shortest difference is looked for: a policy has ten. To
# find it takes as many steps as lines squared at the least, and a hostile text may have thousands.
MAX_COMPARED = 40


def difference(was: str | None, now: str | None) -> tuple[str, ...]:
    """Return the lines of both texts: `-` before those that are gone, `+` before new ones."""
    old, new = (was or "").splitlines(), (now or "").splitlines()
    if len(old) + len(new) > MAX_COMPARED:
        return tuple(_roughly(old, new))
    found: list[str] = []
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            found += (f" {line}" for line in old[old_from:old_to])
        else:
            found += (f"-{line}" for line in old[old_from:old_to])
            found += (f"+{line}" for line in new[new_from:new_to])
    return tuple(found)


def _roughly(old: list[str], new: list[str]) -> Iterator[str]:
    """Yield what only one of them has, whatever the order, and what is left of the other."""
    in_new = Counter(new)
    for line in old:
        if in_new[line] > 0:
            in_new[line] -= 1
        else:
            yield f"-{line}"
    in_old = Counter(old)
    for line in new:
        if in_old[line] > 0:
            in_old[line] -= 1
            yield f" {line}"
        else:
            yield f"+{line}"
