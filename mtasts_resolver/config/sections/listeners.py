"""Where the daemon listens for look-ups: `listen`."""

from typing import Annotated, Literal

from mtasts_resolver.config import kinds
from mtasts_resolver.config.endpoints import Address
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import FileMode, choice

MAX_LISTENERS = 64  # more than anyone has

ProtocolName = Literal["socketmap", "tcp_table"]


class ListenerConfig(Section, frozen=True, kw_only=True):
    """Where the daemon listens, and what it speaks there."""

    protocol: Annotated[
        ProtocolName,
        Key(
            "The protocol; `socketmap` is the better one, `tcp_table` has no map names.",
            choice(ProtocolName),
        ),
    ]
    address: Annotated[Address, Key("Where to listen.", kinds.ADDRESS)]
    mode: Annotated[
        FileMode | None,
        Key(
            "The mode of a unix socket; unset: `0660` where `owner` or `group` is named, else"
            " `0666`.",
            kinds.MODE,
        ),
    ] = None
    owner: Annotated[
        str | None,
        Key("The owner of a unix socket; unset, whoever runs the daemon.", kinds.ACCOUNT),
    ] = None
    group: Annotated[
        str | None, Key("The group of a unix socket; unset, the daemon's own.", kinds.ACCOUNT)
    ] = None
