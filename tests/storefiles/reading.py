"""What the files hold, as this version of the program finds it."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from mtasts_resolver.store.changetable import Wanted
from tests.storefiles.content import KEYS, MAPS
from tests.storefiles.opening import OpenState, opened
from tests.unit.knowledge.world import ask
from tests.unit.store.support import contents

LATER = 3_600.0
"""Seconds between the last write and the look: no policy is over, but for none."""
EVER = (0.0, 4e9)


LONG = 200
"""Characters of a text that are written down; of a longer one its sum."""


class KnownContent(Struct, frozen=True):
    """What is answered, and by what."""

    answers: dict[str, str]
    """What Postfix gets, by map and next hop."""
    policies: dict[str, Any]
    overrides: list[Any]


class StateContent(Struct, frozen=True):
    """What a daemon finds in its directory."""

    known: KnownContent
    changes: list[Any]
    """The latest first."""
    counts: list[Any]
    checks: dict[str, str]
    """The sum of the last check of each own domain; with no domain, of what is yet to be told."""


class Then(Struct, frozen=True):
    """What was written, by whom, and what was found in it at once."""

    program: str
    python: str
    sqlite: str
    clock: float
    """Seconds since 1970, when all of it was written."""
    formats: dict[str, int]
    state: StateContent
    killed: StateContent


async def read_state(state: Path) -> StateContent:
    """Return what is in a daemon's directory, which is used as a daemon uses it."""
    async with opened(state, later=LATER) as held:
        known = await read_known(held)
        changes = [one async for page in held.history.pages(Wanted()) for one in page]
        counts = await held.history.counted(*EVER)
        checks = await held.checks.open()
        assert (held.store.trouble, held.history.trouble, held.checks.trouble) == (None, None, None)
        await held.checks.close()
    return StateContent(
        known,
        _short([change.change for change in changes]),
        _short(counts),
        {domain: sha256(text).hexdigest() for domain, text in checks.items()},
    )


async def read_known(held: OpenState) -> KnownContent:
    """Return what it takes to answer, which needs no disk that can be written."""
    answers = {f"{name} {key}": await _answer(held, name, key) for name in MAPS for key in KEYS}
    return KnownContent(
        _short(answers), _short(await contents(held.store)), _short(list(held.world.overrides))
    )


async def _answer(held: OpenState, name: str, key: str) -> str:
    return str(await ask(held.service, key, name))


def _short(value: object) -> Any:
    """Return `value` as JSON has it, with the sum of each text in it that is long."""
    return _shortened(msgspec.to_builtins(value, str_keys=True))


def _shortened(value: Any) -> Any:
    match value:
        case str() if len(value) > LONG:
            return f"{len(value)} characters, SHA-256 {sha256(value.encode()).hexdigest()}"
        case dict():
            return {_shortened(key): _shortened(item) for key, item in value.items()}
        case list() | tuple():
            return [_shortened(item) for item in value]
    return value
