r"""What an administrator has decided for a destination, in place of what it publishes.

A pattern says for which next hops. The most specific one that fits counts:

    pattern               fits                                                   specific
    [relay.example]:587   this next hop, however Postfix spells it               most
    relay.example:587     this next hop
    relay.example         each next hop whose policy domain it is, with or without
                          brackets, at any port (RFC 8461 §3.4)
    .relay.example        each whose policy domain is below it, at any depth
    .example              the same, further up                                   least

A port in a pattern is that of the next hop: `[relay.example]` is port 25, as it is to Postfix. A
dot before a domain means what it does in Postfix's own tables, and leaves out the domain itself.
"""

from collections.abc import Callable, Iterator
from typing import Literal, get_args

from msgspec import Struct

from mtasts_resolver.policy import NextHop, parse_next_hop
from mtasts_resolver.postfix.policytext import (
    DANE_ONLY,
    FINGERPRINT,
    SECURE,
    VERIFY,
    level_of,
    parse_policy_text,
)
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply, Status

Action = Literal["skip", "encrypt", "dane", "dane-only", "live"]
"""`skip`: not found, so that main.cf decides. `live`: as found, as though there were no override,
and also in a map that only observes. The others are Postfix's security levels."""

ACTIONS: tuple[Action, ...] = get_args(Action)
Origin = Literal["configuration", "command"]

MAX_REASON = 200  # characters: a sentence and a ticket's number; it stands in lines of the log
MAX_USER = 64  # characters; useradd(8) allows 32
_SHOWN = 60  # characters of a faulty value that an error quotes
_VERIFIES = (SECURE, VERIFY, FINGERPRINT, DANE_ONLY)  # levels at which no host goes unverified


class Override(Struct, frozen=True, kw_only=True):
    """One decision."""

    pattern: str
    """For which next hops, in the one spelling that `parse_pattern` gives it."""
    action: Action | Literal["policy"]
    text: str = ""
    """The policy text, where that is the action."""
    reason: str
    """Why, for whoever reads it in a year."""
    until: float | None = None
    """Seconds since 1970-01-01 UTC, from which on it does not hold; None: until it is removed."""
    origin: Origin = "configuration"
    user: str = ""
    """Who added it by command."""
    added: float | None = None
    """When it was added by command."""

    @property
    def reply(self) -> Reply | None:
        """What Postfix is told; None where that is found out as though there were no override."""
        match self.action:
            case "live":
                return None
            case "skip":
                return NOT_FOUND
            case "policy":
                return Reply(Status.OK, self.text)
        return Reply(Status.OK, self.action)

    @property
    def weakens(self) -> bool:
        """Tell whether mail may go out unverified although a policy or DANE would forbid it."""
        reply = self.reply
        return reply is not None and level_of(reply.text) not in _VERIFIES

    def lapsed(self, wall: float) -> bool:
        """Tell whether its end date is over, when the wall clock says `wall`."""
        return self.until is not None and wall >= self.until


def parse_pattern(text: str) -> str:
    """Return the one spelling of the pattern `text`. Raise ValueError, which says what is wrong."""
    if text.startswith("."):
        # Whatever stands before the dot, a policy domain must result.
        hop = parse_next_hop(f"x{text}")
        if hop is None or hop.is_host or ":" in text:
            raise ValueError("after the dot a domain is needed, without brackets or a port")
        return hop.domain.removeprefix("x")
    hop = parse_next_hop(text)
    if hop is None:
        if text.startswith("*."):
            raise ValueError(f"for all that is below a domain write {text[1:][:_SHOWN]!a}")
        raise ValueError(
            "it is no domain, no next hop with the name of one, and no dot with a domain after it;"
            " for an address, or a name without a dot, use a table of Postfix that is asked first"
        )
    return _spelled(hop) if hop.is_host or ":" in text else hop.domain


def parse_override(
    *,
    pattern: str,
    action: str | None,
    policy: str | None,
    reason: str,
    until: float | None,
    user: str,
    added: float | None,
) -> Override:
    """Return the override that was added by command, or raise ValueError: it says what is wrong."""
    if (action is None) == (policy is None):
        raise ValueError("one of action and policy is needed, and not both")
    known = next((known for known in ACTIONS if known == action), None)
    if action is not None and known is None:
        raise ValueError(f"the action {action[:_SHOWN]!a} is not one of {', '.join(ACTIONS)}")
    if len(user) > MAX_USER or not user.isprintable():
        raise ValueError("the name of the user is too long, or not all of it is printable")
    return Override(
        pattern=_named("pattern", parse_pattern, pattern),
        action=known or "policy",
        text="" if policy is None else _named("policy", parse_policy_text, policy),
        reason=_named("reason", parse_reason, reason),
        until=until,
        origin="command",
        user=user,
        added=added,
    )


def _named(name: str, parse: Callable[[str], str], text: str) -> str:
    """Return what `parse` makes of `text`; its error names the value."""
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{name} {text[:_SHOWN]!a}: {error}") from None


def patterns_for(hop: NextHop) -> Iterator[str]:
    """Yield each pattern that fits `hop`, the most specific first."""
    yield _spelled(hop)
    domain = hop.domain
    yield domain
    dot = domain.find(".")
    while dot >= 0:
        yield domain[dot:]
        dot = domain.find(".", dot + 1)


def parse_reason(text: str) -> str:
    """Return a reason on one line. Raise ValueError."""
    reason = " ".join(text.split())
    if not reason:
        raise ValueError("it is empty: say why, for whoever reads it in a year")
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise ValueError(
            f"it is longer than {MAX_REASON} characters, or not all of it is printable"
        )
    return reason


def _spelled(hop: NextHop) -> str:
    """Return how a pattern spells this next hop alone: a domain always has its port."""
    return str(hop) if hop.is_host else f"{hop.domain}:{hop.port}"
