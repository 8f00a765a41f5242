"""What is answered for some destinations in place of what they publish: `overrides`."""

from typing import Annotated

from mtasts_resolver.config import kinds
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import EndTime, choice
from mtasts_resolver.postfix.override import Action

MAX_OVERRIDES = 1_000  # of so many nobody knows the reasons; the file has no room for more


class OverrideOptions(Section, frozen=True, kw_only=True):
    """What is answered for a destination in place of what it publishes."""

    action: Annotated[
        Action | None,
        Key(
            '`skip`: "not found", so that main.cf decides; `encrypt`, `dane` and `dane-only`: that'
            " security level; `live`: what is found, as though there were no override, and also in"
            " a map that only observes. Either this or `policy` is needed.",
            choice(Action),
        ),
    ] = None
    policy: Annotated[
        str | None,
        Key(
            "A fixed answer: a security level and attributes, as in `smtp_tls_policy_maps`,"
            " checked against [its grammar](overrides.md#a-fixed-policy).",
            kinds.POLICY_TEXT,
        ),
    ] = None
    reason: Annotated[str, Key("Why, for whoever reads it in a year.", kinds.REASON)]
    until: Annotated[
        EndTime | None,
        Key(
            "When it ends; null: when it is removed. A date alone is the end of that day, UTC."
            " The log and `status` announce it a week ahead.",
            kinds.END_TIME,
        ),
    ] = None
