"""Next hops that this Postfix names itself: smart hosts.

RFC 8461 §3.4: a smart host's domain is a policy domain. What it publishes for mail to itself
applies to mail that is handed over to it, and may not name the host that takes this.
"""

import re
from collections.abc import Iterator, Mapping
from shlex import quote

from msgspec import Struct

from mtasts_resolver.doctor.instance import PostfixInstance, list_items
from mtasts_resolver.doctor.outbound.client import Client, shown_value
from mtasts_resolver.doctor.surroundings import SmartHostPolicy
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import Mode, NextHop, matches, parse_next_hop

OUTSIDE = FindingKind(
    code="smart-host-outside-its-policy",
    severity=Severity.ERROR,
    title="a smart host's domain enforces a policy that does not name it",
    matters="The policy is meant for mail to that domain, and applies to what is handed over, too"
    " (RFC 8461 §3.4): all mail by this smart host is deferred.",
    action="Ask its operator to name the host in the policy; until then override the answer.",
)

KINDS = (OUTSIDE,)

_UNVERIFIED = (
    "See first that its MX records are right: forged ones look like this, and then to hold mail is"
    " what the policy is for. If they are, ask its operator to name the host in the policy, or name"
    " the host yourself, in brackets."
)

# The parameters that name next hops, each as `[transport:]nexthop` or as the next hop alone.
_HOPS = ("relayhost", "smtp_fallback_relay")
_TRANSPORTS = ("default_transport", "relay_transport")
# Tables whose right-hand sides name them; those in files are read by whoever looks.
TABLES_OF_HOPS = (
    "transport_maps",
    "sender_dependent_relayhost_maps",
    "sender_dependent_default_transport_maps",
)
_TRANSPORT = re.compile(r"(?P<transport>[A-Za-z0-9_.-]*):(?P<hop>.*)\Z")
MAX_HOPS = 50  # each may take a look-up of a policy; more smart hosts than anyone has


class NamedHop(Struct, frozen=True):
    """A next hop, and where it is named."""

    where: str
    """The parameter, or the table."""
    text: str
    hop: NextHop


def named_hops(instance: PostfixInstance, entries: Mapping[str, list[str]]) -> tuple[NamedHop, ...]:
    """Return the next hops that an instance names and that have a policy domain.

    `entries` are the right-hand sides of tables, by the parameter that names them.
    """
    found: dict[NextHop, NamedHop] = {}
    for where, text in _texts(instance, entries):
        if (hop := parse_next_hop(text)) is not None and len(found) < MAX_HOPS:
            found.setdefault(hop, NamedHop(where, text, hop))
    return tuple(found.values())


def _texts(
    instance: PostfixInstance, entries: Mapping[str, list[str]]
) -> Iterator[tuple[str, str]]:
    for name in _HOPS:
        yield from ((name, text) for text in list_items(instance.value(name)))
    for name in _TRANSPORTS:
        yield from ((name, hop) for hop in _after_transport(instance, instance.value(name)))
    for name in TABLES_OF_HOPS:
        for value in entries.get(name, []):
            if name == "sender_dependent_relayhost_maps":
                yield name, value
            else:
                yield from ((name, hop) for hop in _after_transport(instance, value))


def _after_transport(instance: PostfixInstance, value: str) -> Iterator[str]:
    """Yield the next hops of `transport:nexthop`, where the transport is smtp(8)."""
    found = _TRANSPORT.match(value.strip())
    if not found or not found["hop"]:
        return
    service = instance.service(found["transport"] or "smtp")
    if service is not None and service.is_outbound:
        yield from list_items(found["hop"])


def judge_next_hops(client: Client, hops: tuple[NamedHop, ...]) -> Iterator[Finding]:
    """Yield the smart hosts to which mail would be deferred."""
    if client.service is not None or client.options is None or client.prefix != "smtp":
        return
    for named in hops:
        policy = client.around.policies.get(str(named.hop))
        if policy is None or policy.mode != Mode.ENFORCE:
            continue
        outside = [host for host in policy.hosts if not _allows(policy, host)]
        if not policy.hosts or len(outside) < len(policy.hosts):
            continue
        leads_to, allowed = (shown_value(", ".join(names)) for names in (outside, policy.mx))
        found = (
            f"`{shown_value(named.text)}` of {named.where} leads to {leads_to}, and the policy of"
            f" {named.hop.domain} allows {allowed}"
        )
        # What DNS alone names, somebody on the way may have put there: to have that trusted would
        # do what the policy is there to prevent.
        commands = (_override(named, outside),) if named.hop.is_host else ()
        action = "" if named.hop.is_host else _UNVERIFIED
        yield OUTSIDE.found(client.about(named.where), found, action=action, commands=commands)


def _allows(policy: SmartHostPolicy, host: str) -> bool:
    return any(matches(host, pattern) for pattern in policy.mx)


def _override(named: NamedHop, hosts: list[str]) -> str:
    policy = f"secure match={':'.join(hosts)} servername=hostname"
    return (
        f"mtasts-resolver override add {quote(str(named.hop))} --policy {quote(policy)}"
        " --for 90d --reason 'its policy does not name it'"
    )
