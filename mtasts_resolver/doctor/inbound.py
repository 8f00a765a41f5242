"""smtpd(8): whether others can send to this host over TLS, and whom its certificate names."""

import shlex
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from mtasts_resolver.doctor.certificates import SeenChain, ShownCertificate
from mtasts_resolver.doctor.instance import (
    MasterService,
    PostfixInstance,
    list_items,
    security_level,
)
from mtasts_resolver.doctor.outbound.protocols import RANGES_SINCE, taken
from mtasts_resolver.doctor.well import unseen, well
from mtasts_resolver.findings import Finding, FindingKind, Severity

# Days that are left to a certificate when it should have been renewed: what renews by itself does
# so when a third of its time is left, of those that hold for 90 or 45 days.
RENEWAL_DAYS = 10.0
_DAY = 86_400.0

_STRICT = "Senders that hold to an MTA-STS policy or to DANE defer their mail"
_OPEN = "Mail to this host comes in unencrypted, for everybody on the way to read (ISM-0572)."

TLS_OFF = FindingKind(
    code="inbound-tls-off",
    severity=Severity.ERROR,
    title="smtpd does not offer TLS",
    matters=f"{_OPEN} {_STRICT}.",
)
TLS_DEMANDED = FindingKind(
    code="inbound-tls-demanded",
    severity=Severity.ERROR,
    title="port 25 takes no mail without TLS",
    matters="Hosts that cannot do TLS cannot send mail here; a public server must not demand it"
    " (RFC 3207 §4).",
)
SUBMISSION_OPTIONAL = FindingKind(
    code="submission-tls-optional",
    severity=Severity.WARNING,
    title="users may hand in mail without TLS",
    matters="Their mail, and their passwords where nothing else forbids it, can be read on the way"
    " (RFC 8314 §3.3).",
)
AUTH_OPEN = FindingKind(
    code="auth-without-tls",
    severity=Severity.ERROR,
    title="passwords are taken without TLS",
    matters="Whoever listens on the way gets them, and sends mail in the users' names.",
)
NO_CERTIFICATE = FindingKind(
    code="inbound-no-certificate",
    severity=Severity.ERROR,
    title="smtpd is to offer TLS, and has no certificate",
    matters=f"STARTTLS is not offered. {_OPEN} {_STRICT}.",
    action="Have one made, and later one issued by a public authority.",
)
UNUSABLE = FindingKind(
    code="inbound-certificate-unusable",
    severity=Severity.ERROR,
    title="smtpd cannot use its certificate",
    matters=f"STARTTLS is not offered, or fails. {_OPEN} {_STRICT}.",
    action="Name the files of a certificate with its chain, and of the key that belongs to it.",
)
OPEN_KEY = FindingKind(
    code="inbound-key-open",
    severity=Severity.ERROR,
    title="everybody on this host can read the key of smtpd's certificate",
    matters="Whoever has it can pose as this host, and read what senders take for protected.",
    action="Have root alone read it: Postfix reads it as root. Where others may have had it, have"
    " another issued.",
)
EXPIRED = FindingKind(
    code="inbound-certificate-expired",
    severity=Severity.ERROR,
    title="the certificate that smtpd shows is not valid now",
    matters=f"{_STRICT}.",
    action="Renew it, and see why what should have done so did not.",
)
EXPIRES_SOON = FindingKind(
    code="inbound-certificate-expires-soon",
    severity=Severity.WARNING,
    title="the certificate that smtpd shows expires soon",
    matters=f"From then on: {_STRICT[0].lower()}{_STRICT[1:]}.",
    action="Renew it, and see why what should have done so did not.",
)
INCOMPLETE = FindingKind(
    code="inbound-chain-incomplete",
    severity=Severity.WARNING,
    title="smtpd does not show the authority between its certificate and a trusted root",
    matters="Those that verify certificates cannot follow it to a root: senders that hold to an"
    " MTA-STS policy defer their mail.",
    action="Name the full chain, which the authority gave along (`fullchain.pem`).",
)
UNTRUSTED = FindingKind(
    code="inbound-certificate-untrusted",
    severity=Severity.NOTE,
    title="no public authority vouches for smtpd's certificate",
    matters="It encrypts, and proves nothing. A domain with an MTA-STS policy needs one that a"
    " public authority has issued; with DANE it may stay.",
    action="Have one issued before you publish a policy.",
)
OTHER_NAME = FindingKind(
    code="inbound-certificate-other-name",
    severity=Severity.NOTE,
    title="smtpd's certificate does not name this host",
    matters="That does no harm as long as no MX record leads here by that name.",
    action="Have one issued for the names that MX records use.",
)
MX_NOT_NAMED = FindingKind(
    code="mx-name-not-in-certificate",
    severity=Severity.ERROR,
    title="an MX record leads here by a name that is not in the certificate",
    matters="Senders that hold to an MTA-STS policy of that domain defer their mail.",
    action="Have a certificate issued that names it, too.",
)
OLD_PROTOCOLS = FindingKind(
    code="inbound-old-protocols",
    severity=Severity.NOTE,
    title="smtpd may agree on TLS before 1.2",
    matters="Nobody who can do better is made to do worse, save by somebody on the way (RFC 8996).",
)
MANDATORY_OLD_PROTOCOLS = FindingKind(
    code="submission-old-protocols",
    severity=Severity.WARNING,
    title="users may hand in mail over TLS before 1.2",
    matters="It has known flaws, and passwords go over it (RFC 8314 §4.1, RFC 8996).",
)
WEAK_CIPHERS = FindingKind(
    code="inbound-weak-ciphers",
    severity=Severity.WARNING,
    title="smtpd is set to take ciphers that do not protect",
    matters="What was encrypted with them can be read.",
)
NOT_LOGGED = FindingKind(
    code="inbound-tls-not-logged",
    severity=Severity.NOTE,
    title="smtpd logs nothing of TLS",
    matters="When a sender says that TLS fails, there is nothing to look at.",
)
NOT_IN_HEADER = FindingKind(
    code="inbound-tls-not-in-header",
    severity=Severity.NOTE,
    title="Received: lines do not tell whether mail came in over TLS",
    matters="Nobody can tell later how a mail was protected.",
)
NO_STARTTLS = FindingKind(
    code="starttls-not-offered",
    severity=Severity.ERROR,
    title="port 25 of this host does not offer STARTTLS, as main.cf says it should",
    matters=f"{_OPEN} {_STRICT}.",
    action="Look at the log for the reason; `postfix reload`, where main.cf was changed.",
)
STARTTLS_FAILS = FindingKind(
    code="starttls-fails",
    severity=Severity.ERROR,
    title="STARTTLS fails on port 25 of this host",
    matters=f"{_OPEN} {_STRICT}.",
    action="Look at the log for the reason.",
)
NOT_LISTENING = FindingKind(
    code="inbound-not-listening",
    severity=Severity.WARNING,
    title="nobody listens on port 25, where master.cf has smtpd listen",
    matters="No mail comes in from outside.",
    action="Restart Postfix: a reload does not do for inet_interfaces, nor for what was added to"
    " master.cf.",
)

KINDS = (
    *(TLS_OFF, TLS_DEMANDED, SUBMISSION_OPTIONAL, AUTH_OPEN, NO_CERTIFICATE, UNUSABLE, OPEN_KEY),
    *(EXPIRED, EXPIRES_SOON, INCOMPLETE, UNTRUSTED, OTHER_NAME, MX_NOT_NAMED, OLD_PROTOCOLS),
    *(MANDATORY_OLD_PROTOCOLS, WEAK_CIPHERS, NOT_LOGGED, NOT_IN_HEADER, NO_STARTTLS),
    *(STARTTLS_FAILS, NOT_LISTENING),
)

_WEAK = ("export", "low", "null")
_PUBLIC_PORTS = ("smtp", "25")
_SUBMISSION_PORTS = ("submission", "587", "submissions", "smtps", "465")
_LOOPBACK = ("127.0.0.1", "[::1]", "::1", "localhost", "loopback-only")


class SeenPort(Struct, frozen=True, kw_only=True):
    """What port 25 of this host said to somebody who asked for STARTTLS."""

    name: str = ""
    """By which it was asked for; empty for none."""
    outcome: Literal["tls", "no-starttls", "failed", "silent", "unseen"]
    reason: str = ""
    shown: ShownCertificate | None = None


class SeenInbound(Struct, frozen=True, kw_only=True):
    """One instance's side that others send to."""

    instance: PostfixInstance
    now: float
    """Seconds since 1970-01-01 UTC."""
    chains: tuple[SeenChain, ...] = ()
    ports: tuple[SeenPort, ...] = ()
    mx_names: tuple[tuple[str, str], ...] = ()
    """Names by which MX records lead here, each with a domain that has it."""


def public_services(instance: PostfixInstance) -> list[MasterService]:
    """Return the services on port 25 that others than this host can reach."""
    if _is_closed(instance):
        return []
    return [one for one in _on(instance, _PUBLIC_PORTS) if _host(one) not in _LOOPBACK]


def _is_closed(instance: PostfixInstance) -> bool:
    """Tell whether nobody but this host can connect."""
    return set(list_items(instance.value("inet_interfaces"))) <= set(_LOOPBACK)


def judge_inbound(seen: SeenInbound) -> Iterator[Finding]:
    """Yield what is to be said of what others send to."""
    instance = seen.instance
    services = public_services(instance)
    for service in services:
        yield from _judge_public(instance, service, seen.chains)
    if not _is_closed(instance):
        for service in _on(instance, _SUBMISSION_PORTS):
            yield from _judge_submission(instance, service)
        yield from _judge_auth(instance)
    if not services:
        yield well(_about(instance, "port 25"), "it is open to this host alone, or not at all")
        return
    if any(tls_level(service) != "none" for service in services):
        yield from _judge_telling(instance, services[0])
        yield from _judge_chains(seen)
        yield from _judge_ports(seen)
        yield from _judge_mx_names(seen)


def tls_level(service: MasterService) -> str:
    """Return `none`, `may` or `encrypt`: how smtpd(8) or postscreen(8) does TLS."""
    if service.program == "postscreen":
        return service.value("postscreen_tls_security_level") or "none"
    return security_level(service.value, "smtpd")


def old_versions(value: str) -> list[str]:
    """Return the versions before TLS 1.2 that a list of protocols allows."""
    allowed = taken(value) or frozenset()
    return [name for name in ("TLSv1", "TLSv1.1") if name.lower() in allowed]


def _on(instance: PostfixInstance, ports: tuple[str, ...]) -> list[MasterService]:
    return [
        service
        for service in instance.services
        if service.type == "inet"
        and service.program in ("smtpd", "postscreen")
        and service.name.rpartition(":")[2] in ports
    ]


def _host(service: MasterService) -> str:
    return service.name.rpartition(":")[0]


def _about(instance: PostfixInstance, what: str) -> str:
    return f"{instance.label}: {what}" if instance.label else what


def _set(
    instance: PostfixInstance, service: MasterService, name: str, value: str
) -> tuple[str, ...]:
    """Return the line that sets a parameter, where the service's own `-o` sets it there."""
    own = service if name in service.overrides else None
    return (instance.set_line({name: value}, own),)


def _judge_public(
    instance: PostfixInstance, service: MasterService, chains: tuple[SeenChain, ...]
) -> Iterator[Finding]:
    level = tls_level(service)
    about = _about(instance, f"smtpd on {service.name}")
    name = "smtpd_tls_security_level"
    if service.program == "postscreen" and "postscreen_tls_security_level" in instance.written:
        name = "postscreen_tls_security_level"
    if level == "none":
        commands = _set(instance, service, name, "may")
        if not chains:
            commands = (_enabling(instance),)
        yield TLS_OFF.found(about, f"{name} is empty or `none`", commands=commands)
        return
    if level == "encrypt":
        commands = _set(instance, service, name, "may")
        yield TLS_DEMANDED.found(about, f"{name} = encrypt", commands=commands)
    else:
        yield well(about, f"offers TLS ({name} = {level})")
    if level == "may" and (old := old_versions(service.value("smtpd_tls_protocols"))):
        yield OLD_PROTOCOLS.found(
            about,
            f"smtpd_tls_protocols allows {', '.join(old)}",
            commands=_set(instance, service, "smtpd_tls_protocols", _modern(instance)),
        )
    yield from _judge_ciphers(instance, service, about, "smtpd_tls_ciphers")


def _judge_ciphers(
    instance: PostfixInstance, service: MasterService, about: str, name: str
) -> Iterator[Finding]:
    if (grade := service.value(name)) in _WEAK:
        commands = _set(instance, service, name, "medium")
        yield WEAK_CIPHERS.found(about, f"{name} = {grade}", commands=commands)


def _enabling(instance: PostfixInstance) -> str:
    """Return the line that makes a key and a certificate of its own, and has smtpd offer TLS."""
    where = [] if instance.is_default else ["-c", instance.config_directory]
    return shlex.join(["postfix", *where, "tls", "enable-server"])


def _modern(instance: PostfixInstance) -> str:
    return ">=TLSv1.2" if instance.version >= RANGES_SINCE else "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"


def _judge_submission(instance: PostfixInstance, service: MasterService) -> Iterator[Finding]:
    about = _about(instance, f"smtpd on {service.name}")
    level = tls_level(service)
    if level != "encrypt" and service.value("smtpd_tls_wrappermode") != "yes":
        line = instance.set_line({"smtpd_tls_security_level": "encrypt"}, service)
        found = f"smtpd_tls_security_level = {level}"
        yield SUBMISSION_OPTIONAL.found(about, found, commands=(line,))
        return
    if old := old_versions(service.value("smtpd_tls_mandatory_protocols")):
        yield MANDATORY_OLD_PROTOCOLS.found(
            about,
            f"smtpd_tls_mandatory_protocols allows {', '.join(old)}",
            commands=_set(instance, service, "smtpd_tls_mandatory_protocols", _modern(instance)),
        )
    yield from _judge_ciphers(instance, service, about, "smtpd_tls_mandatory_ciphers")


def _judge_auth(instance: PostfixInstance) -> Iterator[Finding]:
    """See that nobody is asked for a password before TLS has begun; once for what is set once."""
    name = "smtpd_tls_auth_only"
    services = [one for one in instance.services if _takes_open_passwords(one)]
    for line in dict.fromkeys(
        line for one in services for line in _set(instance, one, name, "yes")
    ):
        these = [one.name for one in services if line in _set(instance, one, name, "yes")]
        about = _about(instance, f"smtpd on {', '.join(these)}")
        yield AUTH_OPEN.found(about, f"{name} = no", commands=(line,))


def _takes_open_passwords(service: MasterService) -> bool:
    return (
        service.program == "smtpd"
        and _host(service) not in _LOOPBACK
        and service.value("smtpd_sasl_auth_enable") == "yes"
        and service.value("smtpd_tls_auth_only") != "yes"
        and tls_level(service) != "encrypt"
        and service.value("smtpd_tls_wrappermode") != "yes"
    )


def _judge_telling(instance: PostfixInstance, service: MasterService) -> Iterator[Finding]:
    """See that somebody can tell later how mail came in."""
    if service.value("smtpd_tls_loglevel") == "0":
        name = "smtpd_tls_loglevel"
        commands = _set(instance, service, name, "1")
        yield NOT_LOGGED.found(_about(instance, name), "0", commands=commands)
    if service.value("smtpd_tls_received_header") == "no":
        name = "smtpd_tls_received_header"
        commands = _set(instance, service, name, "yes")
        yield NOT_IN_HEADER.found(_about(instance, name), "no", commands=commands)


def _judge_chains(seen: SeenInbound) -> Iterator[Finding]:
    instance = seen.instance
    if not seen.chains:
        about = _about(instance, "smtpd_tls_chain_files")
        line = _enabling(instance)
        yield NO_CERTIFICATE.found(
            about, "no certificate is named, there or elsewhere", commands=(line,)
        )
    for chain in seen.chains:
        about = _about(instance, f"{chain.parameter} {', '.join(chain.files)}")
        if chain.unseen:
            yield unseen(about, chain.unseen)
        if chain.open_key:
            line = shlex.join(["chmod", "o-r", chain.open_key])
            yield OPEN_KEY.found(
                _about(instance, chain.open_key), "it is readable for all", commands=(line,)
            )
        if chain.fault:
            yield UNUSABLE.found(about, chain.fault)
        elif chain.shown is not None:
            yield from _judge_certificate(seen, chain.shown, about)


def _judge_certificate(seen: SeenInbound, shown: ShownCertificate, about: str) -> Iterator[Finding]:
    days = (shown.not_after - seen.now) / _DAY
    hostname = seen.instance.value("myhostname")
    found = []
    if days < 0:
        found.append(EXPIRED.found(about, f"it expired {-days:.0f} days ago"))
    elif seen.now < shown.not_before:
        ahead = (shown.not_before - seen.now) / _DAY
        found.append(EXPIRED.found(about, f"it will be valid in {ahead:.0f} days"))
    elif days < RENEWAL_DAYS:
        found.append(EXPIRES_SOON.found(about, f"it expires in {days:.0f} days"))
    if shown.chain == "incomplete":
        found.append(INCOMPLETE.found(about, f"it was issued by {shown.issuer}"))
    elif shown.chain != "trusted":
        self_signed = shown.chain == "self-signed"
        words = "it is self-signed" if self_signed else f"it was issued by {shown.issuer}"
        found.append(UNTRUSTED.found(about, words))
    if not shown.is_for(hostname) and not seen.mx_names:
        named = ", ".join(shown.names[:3]) or "nobody"
        found.append(OTHER_NAME.found(about, f"it is for {named}, and myhostname is {hostname}"))
    yield from found
    if not found:
        yield well(about, f"for {', '.join(shown.names[:3])}, {days:.0f} days left")


def _judge_ports(seen: SeenInbound) -> Iterator[Finding]:
    about = _about(seen.instance, "port 25 of this host")
    for port in seen.ports:
        match port.outcome:
            case "tls":
                yield well(about, "STARTTLS works" + (f" for {port.name}" if port.name else ""))
            case "no-starttls":
                yield NO_STARTTLS.found(about, port.reason)
            case "failed":
                yield STARTTLS_FAILS.found(about, port.reason)
            case "silent":
                yield NOT_LISTENING.found(about, port.reason)
            case _:
                yield unseen(about, port.reason)


def _judge_mx_names(seen: SeenInbound) -> Iterator[Finding]:
    served = {port.name: port.shown for port in seen.ports if port.shown is not None}
    files = [chain.shown for chain in seen.chains if chain.shown is not None]
    for name, domain in seen.mx_names:
        # By the name that a sender asks for another certificate may be shown than by none.
        shown = [served[name]] if name in served else files
        if shown and not any(one.is_for(name) for one in shown):
            names = ", ".join(shown[0].names[:3]) or "nobody"
            found = f"the MX record of {domain} names {name}; the certificate is for {names}"
            yield MX_NOT_NAMED.found(_about(seen.instance, name), found)
