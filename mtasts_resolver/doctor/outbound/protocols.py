"""Which versions of TLS, and which ciphers, smtp(8) takes.

    smtp_tls_mandatory_protocols = *( [ "!" / ">=" / "<=" ] version )

postconf(5): where versions are named without a mark, only these are taken; `!` takes one out; `>=`
and `<=` (Postfix 3.6) bound them. An empty list takes all that the library has.
"""

import re
from collections.abc import Iterator

from mtasts_resolver.doctor.outbound.client import Client
from mtasts_resolver.findings import Finding, FindingKind, Severity

MANDATORY, OPPORTUNISTIC = "tls_mandatory_protocols", "tls_protocols"
VERSIONS = ("sslv2", "sslv3", "tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3")
MODERN = ("tlsv1.2", "tlsv1.3")
RANGES_SINCE = (3, 6)

OUTDATED = FindingKind(
    code="outdated-tls-for-policies",
    severity=Severity.WARNING,
    title="verified connections may use TLS 1.0 or 1.1",
    matters="Where a policy is enforced TLS 1.0 and 1.1 are taken, too, which are deprecated"
    " (RFC 8996).",
    action="Take TLS 1.2 and later.",
)
TOO_NEW = FindingKind(
    code="only-newest-tls-for-policies",
    severity=Severity.WARNING,
    title="verified connections may use TLS 1.3 alone",
    matters="Mail to domains that enforce a policy, and whose hosts have nothing newer than"
    " TLS 1.2, is deferred.",
    action="Take TLS 1.2 and later.",
)
NONE_LEFT = FindingKind(
    code="no-tls-version-left",
    severity=Severity.ERROR,
    title="no version of TLS is left for verified connections",
    matters="Mail to every domain that enforces a policy is deferred.",
    action="Take TLS 1.2 and later.",
)
PLAIN_INSTEAD = FindingKind(
    code="plain-text-instead-of-tls-1.2",
    severity=Severity.WARNING,
    title="without a policy TLS 1.2 is not taken",
    matters="Mail to hosts that have nothing newer goes out in plain text instead.",
    action="Take TLS 1.2 and later.",
)
UNREADABLE = FindingKind(
    code="tls-versions-unknown",
    severity=Severity.ERROR,
    title="Postfix does not understand a list of TLS versions",
    matters="All mail that would use TLS is deferred.",
    action="Take TLS 1.2 and later.",
)
WEAK_CIPHERS = FindingKind(
    code="weak-ciphers",
    severity=Severity.WARNING,
    title="ciphers are taken that protect little, or nothing",
    matters="A connection may count as protected, and be read all the same.",
    action="Let it have its default.",
)
CIPHERS_EXCLUDED = FindingKind(
    code="usual-ciphers-excluded",
    severity=Severity.WARNING,
    title="ciphers are excluded that most hosts use",
    matters="Hosts that use them have none left with TLS 1.2: mail is deferred where a policy is"
    " enforced, and goes out in plain text elsewhere.",
    action="Exclude nothing that is not broken; Postfix keeps its lists itself.",
)

KINDS = (OUTDATED, TOO_NEW, NONE_LEFT, PLAIN_INSTEAD, UNREADABLE, WEAK_CIPHERS, CIPHERS_EXCLUDED)

_ITEM = re.compile(r"(?P<mark>!|>=|<=)?\s*(?P<version>[A-Za-z0-9.]+)\Z")
_SPLIT = re.compile(r"[\s,:]+")
# Numbers that Postfix takes for versions, too: the hexadecimal ones of the protocol.
_HEX = {
    "0002": "sslv2",
    "0300": "sslv3",
    "0301": "tlsv1",
    "0302": "tlsv1.1",
    "0303": "tlsv1.2",
    "0304": "tlsv1.3",
}
_WEAK_GRADES = ("export", "low", "null")
# OpenSSL's names for what most connections use, see openssl-ciphers(1).
_USUAL = frozenset(
    (
        *("ALL", "DEFAULT", "HIGH", "AES", "AESGCM", "AES128", "AES256", "ECDSA", "aECDSA", "RSA"),
        *("aRSA", "EECDH", "ECDHE", "kEECDH", "kECDHE"),
    )
)


def taken(value: str) -> frozenset[str] | None:
    """Return the versions that a list takes; None where Postfix would not understand it."""
    named, excluded = set(), set()
    lowest, highest = 0, len(VERSIONS) - 1
    value = re.sub(r"([<>!]=?)\s+", r"\1", value)
    for word in filter(None, _SPLIT.split(value)):
        found = _ITEM.match(word)
        version = _version(found["version"]) if found else None
        if found is None or version is None:
            return None
        match found["mark"]:
            case "!":
                excluded.add(version)
            case ">=":
                lowest = VERSIONS.index(version)
            case "<=":
                highest = VERSIONS.index(version)
            case _:
                named.add(version)
    within = VERSIONS[lowest : highest + 1]
    return frozenset(one for one in within if one not in excluded and (not named or one in named))


def _version(text: str) -> str | None:
    text = text.lower()  # `TLSv1` is the name, and `TLSv1.0` is none
    text = _HEX.get(text.removeprefix("0x"), text)
    return text if text in VERSIONS else None


def judge_protocols(client: Client) -> Iterator[Finding]:
    """Yield what is wrong with versions and ciphers."""
    for suffix in (MANDATORY, OPPORTUNISTIC):
        if not client.judges(suffix):
            continue
        versions = taken(client.value(suffix))
        if (kind := _kind(suffix, versions)) is not None:
            name = client.name(suffix)
            commands = client.set(**{suffix: since_1_2(client)})
            yield kind.found(client.about(name), client.said(name), commands=commands)
    yield from _ciphers(client)


def since_1_2(client: Client) -> str:
    """Return how this version of Postfix spells TLS 1.2 and later."""
    if client.instance.version >= RANGES_SINCE:
        return ">=TLSv1.2"
    return "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"


def _kind(suffix: str, versions: frozenset[str] | None) -> FindingKind | None:
    if versions is None:
        return UNREADABLE
    modern = versions.intersection(MODERN)
    if suffix == OPPORTUNISTIC:
        return None if "tlsv1.2" in modern else PLAIN_INSTEAD
    if not modern:
        return NONE_LEFT
    if "tlsv1.2" not in modern:
        return TOO_NEW
    return OUTDATED if versions - modern else None


def _ciphers(client: Client) -> Iterator[Finding]:
    for suffix in ("tls_mandatory_ciphers", "tls_ciphers"):
        if client.judges(suffix) and client.value(suffix).lower() in _WEAK_GRADES:
            name = client.name(suffix)
            yield WEAK_CIPHERS.found(
                client.about(name), client.said(name), commands=client.set(**{suffix: "medium"})
            )
    for suffix in ("tls_exclude_ciphers", "tls_mandatory_exclude_ciphers"):
        excluded = {word.lstrip("!") for word in _SPLIT.split(client.value(suffix))}
        if client.judges(suffix) and not excluded.isdisjoint(_USUAL):
            name = client.name(suffix)
            yield CIPHERS_EXCLUDED.found(
                client.about(name),
                client.said(name),
                commands=client.unset(name),
            )
