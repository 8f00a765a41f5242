"""Host names and mx patterns, in the A-label form that DNS and certificates hold."""

import re

MAX_NAME_LENGTH = 253  # RFC 1035 §2.3.4: 255 octets on the wire are 253 characters of text

# RFC 5321 §4.1.2: Domain = sub-domain *("." sub-domain); sub-domain = Let-dig [Ldh-str].
# RFC 1035 §2.3.4 bounds a label at 63. `\Z`, not `$`: a trailing LF is not part of a name.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z", re.ASCII)


def is_domain(name: str) -> bool:
    """Tell whether `name` fits the grammar of a domain, in lower case, without a trailing dot."""
    return len(name) <= MAX_NAME_LENGTH and _DOMAIN.match(name) is not None


def is_hostname(name: str) -> bool:
    """Tell whether `name` is a lower-case A-label host name without a trailing dot.

    An IPv4 address is none, although its labels fit the grammar: no top-level domain is a number
    (RFC 3696 §2).
    """
    return is_domain(name) and not name.rpartition(".")[2].isdigit()


def is_mx_pattern(pattern: str) -> bool:
    """Tell whether `pattern` is a host name, or `*.` and a host name (RFC 8461 §3.2)."""
    return is_hostname(pattern.removeprefix("*."))


def matches(host: str, pattern: str) -> bool:
    """Tell whether the MX host name `host` fits the mx `pattern` of a policy (RFC 8461 §4.1).

    A wildcard stands for exactly one label, the left-most: `*.example.com` fits `mx.example.com`,
    and neither `example.com` nor `a.mx.example.com`. Case and a trailing dot are not compared.
    """
    host = host.removesuffix(".").lower()
    pattern = pattern.lower()
    if pattern.startswith("*."):
        label, _, parent = host.partition(".")
        return label != "" and parent == pattern[2:]
    return host == pattern
