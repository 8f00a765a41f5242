"""smtp_tls_security_level, and what it and our answers make of each other.

Any answer of ours takes the level's place; where we say "not found", the level holds.
"""

import difflib
from collections.abc import Iterator

from mtasts_resolver.doctor.instance import security_level
from mtasts_resolver.doctor.outbound.client import TABLES, Client
from mtasts_resolver.findings import Finding, FindingKind, Severity

LEVEL = "tls_security_level"
LEVELS = ("none", "may", "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure")
# Levels at which some mail is held rather than sent in plain text, which the answer `dane` allows.
_STRICT = ("encrypt", "dane-only", "fingerprint", "verify", "secure")
# Those that most of the Internet's hosts cannot satisfy.
_FOR_FEW = ("dane-only", "fingerprint", "verify", "secure")
_DANE = ("dane", "dane-only")

PLAIN_TEXT = FindingKind(
    code="plain-text-without-policy",
    severity=Severity.WARNING,
    title="mail to domains without a policy goes out in plain text",
    matters="TLS is not even tried, though nearly every host offers it. Mail to which a policy"
    " applies is protected all the same.",
    action="Encrypt where the other side can.",
)
SERVICE_PLAIN_TEXT = FindingKind(
    code="service-in-plain-text",
    severity=Severity.NOTE,
    title="a service of master.cf sends in plain text where there is no policy",
    matters="Mail by this service to which no policy applies goes out in plain text. That is well"
    " for a content filter on this host, and for nothing else.",
    action="Let it have main.cf's level, if it sends to other hosts.",
)
INVALID = FindingKind(
    code="security-level-unknown",
    severity=Severity.ERROR,
    title="Postfix has no such security level",
    matters="smtp(8) ends at once, and no mail goes out.",
    action="Write one of none, may, encrypt, dane, dane-only, fingerprint, verify and secure.",
)
OBSOLETE = FindingKind(
    code="obsolete-tls-switch",
    severity=Severity.NOTE,
    title="TLS is switched by a parameter that is obsolete",
    matters="It counts only while smtp_tls_security_level is not set, and later versions drop it.",
    action="Set smtp_tls_security_level instead.",
)
WEAKENED = FindingKind(
    code="level-weakened-by-dane",
    severity=Severity.WARNING,
    title="an answer `dane` takes the place of a stricter level",
    matters="At a host without TLSA records `dane` allows plain text again, to domains of which"
    " only some hosts can be verified by DANE.",
    action="Set `dane: only` for the map in the daemon's configuration.",
)
OVERRIDDEN = FindingKind(
    code="dane-overridden-by-policies",
    severity=Severity.WARNING,
    title="answers take the place of DANE",
    matters="The map leaves DANE to Postfix, but each answer of it replaces the level: where a"
    " policy is satisfied and TLSA records are not, mail is delivered all the same (RFC 8461 §2).",
    action="Set `dane: true` for the map in the daemon's configuration.",
)
FOR_FEW = FindingKind(
    code="level-for-few-hosts",
    severity=Severity.WARNING,
    title="the level holds for every destination, and few can satisfy it",
    matters="It holds for every destination: mail to hosts that cannot satisfy it is deferred, and"
    " bounces in the end.",
    action="Write `may`, or `dane`, and let the answers be stricter where a domain asks for it.",
)
NO_DNSSEC = FindingKind(
    code="dane-without-dnssec",
    severity=Severity.ERROR,
    title="DANE is asked for, and Postfix does not ask for DNSSEC",
    matters="Mail to domains that get the answer `dane-only` is deferred; the level `dane` is as"
    " `may`.",
    action="Have Postfix ask for it, with a resolver on this host that validates; or set"
    " `dane: false` for the map in the daemon's configuration.",
)
DANE_OFF = FindingKind(
    code="dane-turned-off",
    severity=Severity.ERROR,
    title="a parameter turns DANE off in Postfix",
    matters="Mail to domains that get the answer `dane-only` is deferred; the level `dane` is as"
    " `may`.",
)
UNVALIDATED = FindingKind(
    code="dane-without-validation",
    severity=Severity.WARNING,
    title="the level is one of DANE's, and the resolver does not validate DNSSEC",
    matters="TLSA records count for nothing: `dane` is as `may`, and `dane-only` holds all mail.",
    action="Have a validating resolver on this host, or write `may`.",
)
INSECURE_MX = FindingKind(
    code="insecure-mx-without-dane",
    severity=Severity.NOTE,
    title="TLSA records count for nothing where a domain is not signed",
    matters="At a signed MX host that an unsigned domain names, mail goes out unverified.",
    action="Let smtp_tls_dane_insecure_mx_policy be `dane`.",
)
WRAPPER = FindingKind(
    code="wrapper-mode-without-encryption",
    severity=Severity.ERROR,
    title="TLS from the first byte needs the level `encrypt`, or a stricter one",
    matters="smtp(8) refuses to connect, and the mail is deferred.",
)
FINGERPRINTS = FindingKind(
    code="fingerprints-missing",
    severity=Severity.ERROR,
    title="the level is `fingerprint`, and there are none",
    matters="All mail at this level is deferred.",
    action="Name them in smtp_tls_fingerprint_cert_match, or in a table of your own.",
)
DIGEST = FindingKind(
    code="fingerprint-digest-weak",
    severity=Severity.WARNING,
    title="certificates are recognised by a digest that can be forged",
    matters="Another certificate with the same MD5 or SHA-1 can be made.",
    action="Use sha256, and take the fingerprints anew.",
)

KINDS = (
    *(PLAIN_TEXT, SERVICE_PLAIN_TEXT, INVALID, OBSOLETE, WEAKENED, OVERRIDDEN, FOR_FEW),
    *(NO_DNSSEC, DANE_OFF, UNVALIDATED, INSECURE_MX, WRAPPER, FINGERPRINTS, DIGEST),
)


def effective_level(client: Client) -> str:
    """Return the level that holds where no table answers, as smtp(8) decides it."""
    return security_level(client.plain, client.prefix)


def judge_level(client: Client) -> Iterator[Finding]:
    """Yield what is wrong with the level, and with what it needs."""
    if client.judges(LEVEL, "use_tls", "enforce_tls", TABLES):
        yield from _level(client)
    if client.judges(LEVEL, TABLES) or client.decides(*_DNS):
        yield from _dane(client)


def _level(client: Client) -> Iterator[Finding]:
    level, name = effective_level(client), client.name(LEVEL)
    about, said = client.about(name), client.said(name)
    if level not in LEVELS:
        meant = difflib.get_close_matches(level, LEVELS, n=1)
        commands = client.set(**{LEVEL: meant[0]}) if meant else ()
        yield INVALID.found(about, said, commands=commands)
        return
    for suffix in ("use_tls", "enforce_tls"):
        if client.judges(suffix) and client.value(suffix) == "yes":
            switch = client.name(suffix)
            commands = (*client.set(**{LEVEL: level}), *client.unset(switch))
            yield OBSOLETE.found(client.about(switch), client.said(switch), commands=commands)
    if level == "none" and client.judges(LEVEL):
        kind = PLAIN_TEXT if client.service is None else SERVICE_PLAIN_TEXT
        usual = "dane" if client.around.ours.validates else "may"
        usual = "encrypt" if client.value("tls_wrappermode") == "yes" else usual
        yield kind.found(about, said, commands=client.set(**{LEVEL: usual}))
    if level in _DANE and _is_unvalidated(client):
        yield UNVALIDATED.found(about, said)
    yield from _with_answers(client, level)
    if level in _FOR_FEW and client.service is None and not _has_smart_host(client):
        yield FOR_FEW.found(about, said)
    if client.value("tls_wrappermode") == "yes" and level in ("none", "may"):
        yield WRAPPER.found(
            about,
            f"{said}; {client.named(client.name('tls_wrappermode'))}",
            commands=client.set(**{LEVEL: "encrypt"}),
        )
    if level == "fingerprint":
        yield from _fingerprints(client)


def _is_unvalidated(client: Client) -> bool:
    """Tell whether the resolver that smtp(8) asks is known not to validate: the daemon asks it."""
    dns = client.around.ours.config.dns
    return client.around.ours.validates is False and dns.dnssec != "off" and not dns.servers


def _has_smart_host(client: Client) -> bool:
    """Tell whether all mail goes to a host of the administrator's choice."""
    return bool(client.plain("relayhost") or client.plain("default_transport").partition(":")[2])


def _with_answers(client: Client, level: str) -> Iterator[Finding]:
    options, name = client.options, client.name(LEVEL)
    if options is None:
        return
    shown = client.our_table.map_name if client.our_table else client.best_map
    shown = shown or "for tcp_table"
    if level in _STRICT and options.dane is True:
        found = f"{client.said(name)}, and the map {shown} may answer `dane`"
        yield WEAKENED.found(client.about(name), found)
    if level in _DANE and options.dane is False:
        found = f"{client.said(name)}, and the map {shown} has `dane: false`"
        yield OVERRIDDEN.found(client.about(name), found)


def _fingerprints(client: Client) -> Iterator[Finding]:
    match, digest = "tls_fingerprint_cert_match", "tls_fingerprint_digest"
    name = client.name(match)
    if not client.value(match):
        yield FINGERPRINTS.found(client.about(name), client.said(name))
    name = client.name(digest)
    if client.value(digest).lower() in ("md5", "sha1"):
        commands = client.set(**{digest: "sha256"})
        yield DIGEST.found(client.about(name), client.said(name), commands=commands)


_SUPPORT = "dns_support_level"
_LOOKUP = "host_lookup"
_OPTIONS = "dns_resolver_options"
_DNS = (
    *("smtp_dns_support_level", "lmtp_dns_support_level", "smtp_host_lookup", "lmtp_host_lookup"),
    *("smtp_dns_resolver_options", "lmtp_dns_resolver_options"),
    *("ignore_mx_lookup_error", "disable_dns_lookups"),
)


def _dane(client: Client) -> Iterator[Finding]:
    """Yield what keeps Postfix from DANE, where it is to do it."""
    options = client.options
    answered = options is not None and options.dane is not False
    if client.service and client.service.overrides.get("disable_dns_lookups") == "yes":
        return  # it sends to hosts that it finds without DNS, such as a filter's
    if not answered and effective_level(client) not in _DANE:
        return
    name = client.name(_SUPPORT)
    if client.value(_SUPPORT) != "dnssec":
        found = client.said(name)
        if client.around.ours.validates is False:
            found += "; and the daemon knows no resolver that validates"
        yield NO_DNSSEC.found(
            client.about(name), found, commands=client.set(**{_SUPPORT: "dnssec"})
        )
    yield from _turned_off(client)
    insecure = "tls_dane_insecure_mx_policy"
    name = client.name(insecure)
    written = name in (client.service.overrides if client.service else client.instance.written)
    if written and client.value(insecure) != "dane":
        yield INSECURE_MX.found(
            client.about(name), client.said(name), commands=client.set(**{insecure: "dane"})
        )


def _turned_off(client: Client) -> Iterator[Finding]:
    lookup = client.value(_LOOKUP).replace(",", " ").split()
    if lookup and "dns" not in lookup:
        yield _off(client, client.name(_LOOKUP), client.set(**{_LOOKUP: "dns"}))
    search = {"res_defnames", "res_dnsrch"} & set(
        client.value(_OPTIONS).lower().replace(",", " ").split()
    )
    if search:
        name = client.name(_OPTIONS)
        yield _off(client, name, client.unset(name))
    for name in ("ignore_mx_lookup_error", "disable_dns_lookups"):
        if client.plain(name) == "yes" and client.decides(name) and client.prefix == "smtp":
            yield _off(client, name, client.set_plain(**{name: "no"}))


def _off(client: Client, name: str, commands: tuple[str, ...]) -> Finding:
    return DANE_OFF.found(client.about(name), client.said(name), commands=commands)
