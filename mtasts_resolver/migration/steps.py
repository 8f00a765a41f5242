"""What an administrator does, in which order, to come here and to go back: nothing is done here."""

import stat
from collections.abc import Iterable, Iterator
from enum import StrEnum
from shlex import quote as shell_word

from msgspec import Struct

from mtasts_resolver.config import Address, InetAddress
from mtasts_resolver.doctor.units import SERVICE, SOCKET
from mtasts_resolver.migration.maincf import AskedThere
from mtasts_resolver.migration.takeover import Takeover, numeric

OUR_UNITS = (SOCKET, SERVICE)
_DROP_IN = "/etc/systemd/system/mtasts-resolver.socket.d/migrate.conf"


class MovingStep(Struct, frozen=True):
    """One step: what it is for, and the lines to type."""

    words: str
    commands: tuple[str, ...] = ()


class Remaining(StrEnum):
    """What is yet to be done of the configuration."""

    DONE = "done"
    TO_WRITE = "to-write"
    BY_HAND = "by-hand"
    """One is there that is not written over."""


class Moving(Struct, frozen=True, kw_only=True):
    """What the steps depend on."""

    again: str
    """The command that writes the configuration."""
    configuration: Remaining
    bring: str
    """The command that brings policies to the daemon; empty where none wait."""
    running: bool = False
    """Whether ours runs as it is to be."""
    same_address: bool
    """Whether ours listens where theirs does, so that only one of them can run."""
    socket_unit: tuple[str, ...] = ()
    """What systemd's socket unit needs, so that it listens where the configuration says."""
    units: tuple[str, ...]
    """Theirs, the socket first."""
    dnssec: tuple[str, ...] = ()
    asked: tuple[AskedThere, ...] = ()
    reload: tuple[str, ...] = ()


def socket_lines(taken: Takeover) -> tuple[str, ...]:
    """Return the lines that have systemd listen where `listen` says: it takes that one's place."""
    listens = [setting for setting in taken.settings if setting.path[0] == "listen"]
    values = {setting.path[-1]: setting.value for setting in listens}
    if not values:
        return ()
    lines = ["[Socket]", "ListenStream=", f"ListenStream={_stream(taken.address)}"]
    if "mode" in values:
        mode = values["mode"].strip('"')
        lines.append(f"SocketMode={mode}")
        if not int(mode, 8) & stat.S_IWOTH:
            # systemd makes it root's, and theirs was not: only Postfix is to reach it.
            lines += ["SocketUser=postfix", "SocketGroup=postfix"]
    words = " ".join(map(shell_word, lines))
    return (
        f"mkdir -p {_DROP_IN.rpartition('/')[0]}",
        rf"printf '%s\n' {words} > {_DROP_IN}",
        "systemctl daemon-reload",
    )


def _stream(address: Address) -> str:
    if isinstance(address, InetAddress):
        return str(numeric(address)).removeprefix("inet:")
    return address.path.replace("%", "%%")  # systemd.unit(5), Specifiers


def steps_there(moving: Moving) -> list[MovingStep]:
    """Return the steps to this program."""
    steps = [*_before(moving)]
    if moving.same_address:
        words = "Stop it, for only one can listen there. Mail waits for these seconds."
        steps.append(_stop(moving.units, words))
    if not moving.running or moving.socket_unit:
        commands = (f"systemctl {verb} {' '.join(OUR_UNITS)}" for verb in ("enable", "restart"))
        steps.append(MovingStep("Start ours.", tuple(commands)))
    if moving.bring:
        steps.append(MovingStep("Bring the policies to it.", (moving.bring,)))
    if lines := _lines(one.change for one in moving.asked):
        steps.append(MovingStep("Have Postfix ask it.", (*lines, *moving.reload)))
    steps.append(MovingStep("See that all is well.", ("mtasts-resolver doctor",)))
    if by_hand := [one.about for one in moving.asked if one.by_hand]:
        words = f"Have Postfix ask it by hand, and reload it: {', '.join(by_hand)}."
        steps.append(MovingStep(f"{words} Then run this again: it ends with how the other stops."))
    elif not moving.same_address:
        steps.append(_stop(moving.units, "Stop the other, which nothing asks any more then."))
    return steps


def _before(moving: Moving) -> Iterator[MovingStep]:
    """Yield what is done before anything stops or starts."""
    match moving.configuration:
        case Remaining.TO_WRITE:
            yield MovingStep("Write the configuration.", (moving.again,))
        case Remaining.BY_HAND:
            words = "Add to the configuration what it should have, by hand."
            yield MovingStep(words, ("mtasts-resolver config check",))
        case Remaining.DONE:
            pass
    if moving.dnssec:
        words = "Let Postfix look DANE up itself: else it defers what is answered with `dane-only`."
        words += " It needs a resolver that validates; or set `dane: false` for the maps."
        yield MovingStep(words, (*moving.dnssec, *moving.reload))
    if moving.socket_unit:
        yield MovingStep("Have the socket unit listen there.", moving.socket_unit)


def steps_back(moving: Moving) -> list[MovingStep]:
    """Return the steps back, which need nothing but what is left as it was."""
    start = MovingStep("Start the other.", (f"systemctl enable --now {' '.join(moving.units)}",))
    stop = MovingStep("Stop ours.", (f"systemctl disable --now {' '.join(OUR_UNITS)}",))
    ask = _lines(one.back for one in moving.asked)
    asking = [MovingStep("Have Postfix ask it again.", (*ask, *moving.reload))] if ask else []
    if moving.same_address:
        return [stop, start, *asking]
    return [start, *asking, stop]


def _stop(units: tuple[str, ...], words: str) -> MovingStep:
    return MovingStep(words, (f"systemctl disable --now {' '.join(units)}",))


def _lines(several: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for lines in several for line in lines))
