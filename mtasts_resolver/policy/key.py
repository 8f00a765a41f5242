"""From the lookup key that Postfix sends to the next hop, and the policy domain, that are meant."""

import re
from typing import NamedTuple

import idna

from mtasts_resolver.policy.hostname import MAX_NAME_LENGTH, is_hostname

# `_mta-sts.` stands before the policy domain in DNS, and the whole is bounded like any name.
MAX_DOMAIN_LENGTH = MAX_NAME_LENGTH - len("_mta-sts.")

# Postfix asks for the next hop as it stands in its configuration: `name`, `name:port`, `[name]`,
# `[name]:port`. Services may be named (`:submission`). An empty port is the usual one.
_NEXT_HOP = re.compile(
    r"(?:\[(?P<host>[^\]]*)\]|(?P<domain>[^:]*))(?::(?P<port>[A-Za-z0-9-]{0,32}))?\Z"
)
SMTP_PORT = "25"
MAX_PORT = 65_535
# The names that Postfix knows without asking the host (postconf(5), known_tcp_ports).
_SERVICES = {
    "": SMTP_PORT,
    "smtp": SMTP_PORT,
    "lmtp": "24",
    "smtps": "465",
    "submissions": "465",
    "submission": "587",
}


class NextHop(NamedTuple):
    """Where mail goes: whose MTA-STS policy applies to it, and where DANE looks for TLSA records.

    As text, `str(hop)`, it has one spelling, which for a domain at the usual port is the domain.
    """

    domain: str
    """The policy domain, in lower-case A-label form."""
    port: str = SMTP_PORT
    """A number; or a service that only the host's services(5) may know."""
    is_host: bool = False
    """It stands in brackets: the host of that name is meant, and no MX record is looked up."""

    def __str__(self) -> str:
        domain, port, is_host = self
        name = f"[{domain}]" if is_host else domain
        return name if port == SMTP_PORT else f"{name}:{port}"


def parse_next_hop(key: str) -> NextHop | None:
    """Return the next hop that `key` stands for, or None.

    None means that no policy can apply, and that nothing need be looked up:

    - `.parent`, which is no host name: sub-domains do not inherit a policy (RFC 8461 §3.4);
    - an address literal: it has no policy (RFC 8461 §3.4), and no TLSA records;
    - what cannot be a mail domain: no host name, a single label, too long to publish a record;
    - a port that is none.

    A smart host's name is the policy domain (RFC 8461 §3.4): to `[relay.example]:587` the policy of
    `relay.example` applies.
    """
    found = _NEXT_HOP.match(key)
    if not found:
        return None
    host, name, port = found.groups()
    if host is not None:
        name = host
    domain = _to_a_labels(name.removesuffix("."))
    if domain is None or len(domain) > MAX_DOMAIN_LENGTH or "." not in domain:
        return None
    number = SMTP_PORT if port is None else _to_number(port)
    if number is None or not is_hostname(domain):
        return None
    return NextHop(domain, number, host is not None)


def _to_number(port: str) -> str | None:
    """Return the number of a port, the name of a service without a known one, or None."""
    if port.isdigit():
        return str(int(port)) if 0 < int(port) <= MAX_PORT else None
    name = port.lower()
    return _SERVICES.get(name, name)


def _to_a_labels(name: str) -> str | None:
    """Map U-labels to A-labels and fold case, as Postfix does (UTS 46); None where it cannot.

    Postfix also looks up names that IDNA 2008 would not register, such as symbols; to know less
    than it does would leave their mail without the policy.
    """
    if name.isascii():
        return name.lower()
    if len(name) > MAX_NAME_LENGTH:  # punycode takes the square of a label's length
        return None
    try:
        mapped = idna.uts46_remap(name)
    except idna.IDNAError:
        return None
    return ".".join(map(_to_a_label, mapped.removesuffix(".").split(".")))


def _to_a_label(label: str) -> str:
    """Return the A-label, or what is no host name where the label claims to be one already."""
    if label.isascii():
        return label
    return "" if label.startswith("xn--") else "xn--" + label.encode("punycode").decode()
