"""From the lookup key that Postfix sends to the policy domain that is meant (RFC 8461 §3.4)."""

import re

import idna

from mtasts_resolver.policy.hostname import MAX_NAME_LENGTH, is_hostname

# `_mta-sts.` stands before the policy domain in DNS, and the whole is bounded like any name.
MAX_DOMAIN_LENGTH = MAX_NAME_LENGTH - len("_mta-sts.")

# Postfix asks for the next hop as it stands in its configuration: `name`, `name:port`, `[name]`,
# `[name]:port`. Services may be named (`:submission`).
_NEXT_HOP = re.compile(
    r"(?:\[(?P<host>[^\[\]]*)\]|(?P<domain>[^\[\]:]*))(?::[A-Za-z0-9-]{1,32})?\Z"
)


def policy_domain(key: str) -> str | None:
    """Return the policy domain that `key` stands for, in lower-case A-label form, or None.

    None means that no policy can apply, and that nothing need be looked up:

    - `.parent`: sub-domains do not inherit a policy (RFC 8461 §3.4);
    - an address literal: it has no policy (RFC 8461 §3.4);
    - what cannot be a mail domain: no host name, a single label, too long to publish a record.

    A smart host's name is the policy domain (RFC 8461 §3.4): `[relay.example]:587` is asked as
    `relay.example`.
    """
    if key.startswith("."):
        return None
    found = _NEXT_HOP.match(key)
    if not found:
        return None
    name = found["domain"] if found["host"] is None else found["host"]
    domain = _to_a_labels(name.removesuffix("."))
    if domain is None or len(domain) > MAX_DOMAIN_LENGTH or "." not in domain:
        return None
    return domain if is_hostname(domain) else None


def _to_a_labels(name: str) -> str | None:
    """Map U-labels to A-labels and fold case, as Postfix does (UTS 46); None where it cannot.

    Postfix also looks up names that IDNA 2008 would not register, such as symbols; to know less
    than it does would leave their mail without the policy.
    """
    if name.isascii():
        return name.lower()
    if len(name) > MAX_NAME_LENGTH:  # an A-label is never shorter than its U-label
        return None
    try:
        mapped = idna.uts46_remap(name, std3_rules=True)
    except idna.IDNAError:
        return None
    return ".".join(map(_to_a_label, mapped.removesuffix(".").split(".")))


def _to_a_label(label: str) -> str:
    """Return the A-label, or what is no host name where the label claims to be one already."""
    if label.isascii():
        return label
    return "" if label.startswith("xn--") else "xn--" + label.encode("punycode").decode("ascii")
