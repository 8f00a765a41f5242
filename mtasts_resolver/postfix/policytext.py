r"""A policy text that an administrator wrote: what Postfix would read, and would not misread.

Postfix reads the value of a look-up in smtp_tls_policy_maps so (postconf(5), TLS_README, and
tls_policy_lookup_one() in src/smtp/smtp_tls_policy.c of 3.4 to 3.11):

    policy     = level *(separator attribute)
    separator  = 1*("," / SP / TAB / CR / LF)
    attribute  = name "=" value
    level      = "none" / "may" / "encrypt" / "fingerprint" / "verify" / "secure" / "dane"
               / "dane-only"

    name              at the levels                value
    ciphers           may and above                "medium" / "high"
    protocols         may and above                such as >=TLSv1.2 or !TLSv1:!TLSv1.1
    exclude           may and above                names of ciphers, ":" between
    servername        may and above                a host name, or "hostname"
    match             verify, secure               host names, .parents and strategies, ":" between
    match             fingerprint                  digests in hexadecimal, "|" between
    tafile            verify, secure               an absolute path
    connection_reuse  may and above                "yes" / "no"
    enable_rpk        may and above                "yes" / "no"

Where it finds anything else, it holds all mail to the destination. So more is refused here than
Postfix would: what it overlooks (attributes at `none`), what can have no effect that is meant (an
attribute that stands twice, save `match` and `tafile`, which add up; grades of ciphers that no
library has any more), and what it takes from another line of main.cf (the digests of
`fingerprint`). Upper case in a level or a name is refused, for it is never needed. Not accepted are
the attributes for TLS reports, which speak of a policy that the domain published, and braces, which
nothing else needs.
"""

import re
from collections.abc import Callable, Mapping

from mtasts_resolver.policy import is_hostname
from mtasts_resolver.postfix.reply import AttributeSyntaxError

# Characters. It must fit into a line of tcp_table, which has 4,095 with `%20` for a space; sixteen
# digests of SHA-256 fit into it.
MAX_POLICY_TEXT = 2_000
_SHOWN = 60  # characters of a fault that an error quotes

_SEPARATORS = re.compile(r"[, \t\r\n]+")
# What may stand in a value besides the rest of its grammar: visible ASCII without what separates
# (a comma), and without braces.
_VISIBLE = re.compile(r"[!-+\--z|~]*\Z")

NONE, MAY, ENCRYPT = "none", "may", "encrypt"
FINGERPRINT, VERIFY, SECURE = "fingerprint", "verify", "secure"
DANE, DANE_ONLY = "dane", "dane-only"
LEVELS = (NONE, MAY, ENCRYPT, FINGERPRINT, VERIFY, SECURE, DANE, DANE_ONLY)
_BY_NAME = (VERIFY, SECURE)  # levels that compare names with a certificate that has an authority
_WITH_TLS = LEVELS[1:]

_PROTOCOL = r"(?:SSLv2|SSLv3|TLSv1(?:\.[123])?)"
_PROTOCOL_LIST = re.compile(rf"(?:!?{_PROTOCOL}|[<>]={_PROTOCOL})\Z")
_CIPHER = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@+_.-]{0,63}\Z")
# MD5 to SHA-512, with or without colons between the octets.
_DIGEST = re.compile(r"[0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){15,63}\Z")
_STRATEGIES = ("nexthop", "dot-nexthop", "hostname")
_ADD_UP = ("match", "tafile")


def parse_policy_text(text: str) -> str:
    """Return `text` as Postfix is sent it, one space between its words. Raise AttributeSyntaxError.

    The error says which word is wrong, and what would be right.
    """
    if len(text) > MAX_POLICY_TEXT:
        raise AttributeSyntaxError(f"it is longer than {MAX_POLICY_TEXT:,} characters")
    level, *attributes = [word for word in _SEPARATORS.split(text) if word] or [""]
    if level not in LEVELS:
        raise AttributeSyntaxError(
            f"{_quote(level)} is no security level of Postfix: {', '.join(LEVELS)}"
        )
    seen = [_check_attribute(attribute, level) for attribute in attributes]
    for name in seen:
        if name not in _ADD_UP and seen.count(name) > 1:
            raise AttributeSyntaxError(f"the attribute {name} stands twice")
    if level == FINGERPRINT and "match" not in seen:
        raise AttributeSyntaxError("the level fingerprint needs match=DIGEST")
    return " ".join([level, *attributes])


def level_of(text: str) -> str:
    """Return the security level of a policy text that was parsed."""
    return text.partition(" ")[0]


def _check_attribute(attribute: str, level: str) -> str:
    """Return the attribute's name, where it may stand at `level` and has a value that it can."""
    name, equals, value = attribute.partition("=")
    if not equals or not name:
        raise AttributeSyntaxError(f"{_quote(attribute)} is not NAME=VALUE")
    found = _ATTRIBUTES.get(name)
    if found is None:
        known = ", ".join(_ATTRIBUTES)
        raise AttributeSyntaxError(f"{_quote(name)} is no attribute that can stand here: {known}")
    levels, is_value, valid = found
    if level not in levels:
        raise AttributeSyntaxError(f"{name} cannot stand at the level {level}")
    is_valid = _is_digests if level == FINGERPRINT and name == "match" else is_value
    if not _VISIBLE.match(value) or not is_valid(value):
        meant = "digests in hexadecimal, '|' between" if is_valid is _is_digests else valid
        raise AttributeSyntaxError(f"{name}={_quote(value)} is not {meant}")
    return name


def _is_digests(value: str) -> bool:
    digests = value.split("|")
    return all(map(_DIGEST.match, digests))


def _is_names(value: str) -> bool:
    return all(name in _STRATEGIES or _is_name(name) for name in value.split(":"))


def _is_name(name: str) -> bool:
    """Tell whether `name` is a host name, or a dot and one: all names below it.

    One without a dot is none that a certificate has, but a strategy that is spelt wrong.
    """
    return "." in name and is_hostname(name.lower().removeprefix("."))


def _is_servername(value: str) -> bool:
    return value == "hostname" or ("." in value and is_hostname(value.lower()))


def _is_protocols(value: str) -> bool:
    return all(map(_PROTOCOL_LIST.match, value.split(":")))


def _is_ciphers(value: str) -> bool:
    return all(map(_CIPHER.match, value.split(":")))


def _is_path(value: str) -> bool:
    return value.startswith("/") and not value.endswith("/")


def _quote(text: str) -> str:
    return ascii(text[:_SHOWN])


_Attribute = tuple[tuple[str, ...], Callable[[str], bool], str]
"""The levels at which it may stand, what is true of its values, and what that means in words."""

_ATTRIBUTES: Mapping[str, _Attribute] = {
    "match": (
        (FINGERPRINT, *_BY_NAME),
        _is_names,
        "host names, .parents, nexthop, dot-nexthop or hostname, ':' between",
    ),
    "servername": (
        _WITH_TLS,
        _is_servername,
        "a host name, or 'hostname'",
    ),
    "protocols": (
        _WITH_TLS,
        _is_protocols,
        "names such as TLSv1.2, each with '!', '>=' or '<=' or without, ':' between",
    ),
    "ciphers": (_WITH_TLS, ("medium", "high").__contains__, "medium or high"),
    "exclude": (_WITH_TLS, _is_ciphers, "names of ciphers, ':' between"),
    "tafile": (_BY_NAME, _is_path, "the absolute path of a file"),
    "connection_reuse": (_WITH_TLS, ("yes", "no").__contains__, "yes or no"),
    "enable_rpk": (_WITH_TLS, ("yes", "no").__contains__, "yes or no"),
}
