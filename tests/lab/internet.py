"""The internet of the lab, as data: which domains there are, and what they publish."""

import msgspec

from .checkhosts import CHECKED, CHECKED_HOSTS
from .danehosts import DANE_DOMAINS, DANE_HOSTS
from .published import (
    IPV4,
    IPV6,
    POLICY_LIMIT,
    Certificate,
    Dnssec,
    Domain,
    Framing,
    MailHost,
    PolicyHost,
    padded,
    policy,
    record,
)
from .relayhosts import RELAY_DOMAINS, RELAY_HOSTS

GOOD = MailHost("good.mx.example", Certificate.GOOD)
SECOND = MailHost("second.mx.example", Certificate.GOOD)
EXPIRED = MailHost("expired.mx.example", Certificate.EXPIRED)
WRONG_NAME = MailHost("wrong-name.mx.example", Certificate.WRONG_NAME)
SELF_SIGNED = MailHost("self-signed.mx.example", Certificate.SELF_SIGNED)
UNTRUSTED = MailHost("untrusted.mx.example", Certificate.UNTRUSTED)
IMPOSTOR = MailHost("impostor.mx.example", Certificate.IMPOSTOR)
NO_STARTTLS = MailHost("no-starttls.mx.example", None)
RELAY = MailHost("relay.example", Certificate.GOOD)
RELAY_MX = MailHost("mx.relay.example", Certificate.GOOD)
BAD_RELAY = MailHost("bad-relay.example", Certificate.WRONG_NAME)

MAIL_HOSTS = (
    GOOD,
    SECOND,
    EXPIRED,
    WRONG_NAME,
    SELF_SIGNED,
    UNTRUSTED,
    IMPOSTOR,
    NO_STARTTLS,
    RELAY,
    RELAY_MX,
    BAD_RELAY,
    *DANE_HOSTS,
    *RELAY_HOSTS,
    *CHECKED_HOSTS,
)

HOST_ZONES = {"mx.example": Dnssec.SIGNED, "unsigned-mx.example": Dnssec.UNSIGNED}
"""Zones of MX hosts alone."""

# Where a scenario shows that a policy is not in force, the MX host has a certificate for another
# name: mail that such a host gets was not protected by an enforced policy.
ENFORCE = policy("enforce", WRONG_NAME)

EXTENSIONS = (
    b'quoted: a="b, c"; \\d = e\r\n'
    b"spaced:  two  spaces, and one behind \r\n"
    b"attribute: policy_failure=validation-failure\r\n"
    b"braced: }{ a }\r\n"
    b"accented: caf\xc3\xa9\r\n"
)
"""Fields that RFC 8461 does not know, with what could mislead a parser of attributes."""

LENIENT = policy("enforce", "192.0.2.25", f"{GOOD.name}.").replace(b"mode:", b"\r\nmode:")
"""An address that no MX host can have as its name, a name with a final dot, and a blank line."""


def unusable(name: str, document: bytes = ENFORCE, **policy_host: object) -> Domain:
    """Return a domain whose policy would forbid delivery, if only the sender could use it."""
    host = msgspec.convert(policy_host, PolicyHost)
    return Domain(f"{name}.example", (WRONG_NAME,), document, policy_host=host)


def unusable_record(name: str, *records: str) -> Domain:
    return Domain(f"{name}.example", (WRONG_NAME,), ENFORCE, records=records)


def cached(name: str) -> Domain:
    """Return a domain whose policy a scenario caches before it breaks something."""
    return Domain(f"{name}.example", (WRONG_NAME,), ENFORCE)


ENFORCED = (
    Domain("enforced.example", (GOOD,), policy("enforce", GOOD, "*.mx.example")),
    Domain("extended.example", (GOOD,), policy("enforce", GOOD) + EXTENSIONS),
    Domain("lenient.example", (GOOD,), LENIENT),
    Domain("expired.example", (EXPIRED,), policy("enforce", EXPIRED)),
    Domain("wrong-name.example", (WRONG_NAME,), ENFORCE),
    Domain("self-signed.example", (SELF_SIGNED,), policy("enforce", SELF_SIGNED)),
    Domain("untrusted.example", (UNTRUSTED,), policy("enforce", UNTRUSTED)),
    Domain("no-starttls.example", (NO_STARTTLS,), policy("enforce", NO_STARTTLS)),
    Domain("outside.example", (SECOND,), policy("enforce", GOOD)),
    Domain("impostor.example", (IMPOSTOR,), policy("enforce", GOOD)),
    Domain("second-good.example", (WRONG_NAME, GOOD), policy("enforce", WRONG_NAME, GOOD)),
    Domain("hosted.example", (GOOD,), policy("enforce", GOOD), provider="provider.example"),
    Domain("xn--bcher-kva.example", (GOOD,), policy("enforce", GOOD)),
    Domain("relay.example", (RELAY_MX,), policy("enforce", RELAY, RELAY_MX)),
    Domain("bad-relay.example", (BAD_RELAY,), policy("enforce", BAD_RELAY)),
)

NOT_ENFORCED = (
    Domain("testing.example", (GOOD,), policy("testing", GOOD)),
    Domain("testing-bad.example", (WRONG_NAME,), policy("testing", WRONG_NAME)),
    Domain("testing-no-starttls.example", (NO_STARTTLS,), policy("testing", NO_STARTTLS)),
    Domain("none.example", (WRONG_NAME,), policy("none")),
    Domain("no-record.example", (WRONG_NAME,)),
    Domain("sub.enforced.example", (WRONG_NAME,)),
)

BROKEN_RECORDS = (
    unusable_record("two-records", record("1"), record("2")),
    unusable_record("no-id", "v=STSv1;"),
    unusable_record("bad-id", "v=STSv1; id=2026-11-01;"),
    unusable_record("wrong-version", "v=STSv2; id=1;"),
    unusable_record("not-first", "id=1; v=STSv1;"),
)

BROKEN_DOCUMENTS = (
    unusable("no-version", ENFORCE.replace(b"version: STSv1\r\n", b"")),
    unusable("bad-mode", ENFORCE.replace(b"enforce", b"enforced")),
    unusable("bad-max-age", ENFORCE.replace(b"604800", b"1_000")),
    unusable("no-max-age", ENFORCE.replace(b"max_age: 604800\r\n", b"")),
    unusable("bad-mx", policy("enforce", "wrong_name:mx{}example")),
    unusable("no-mx", policy("enforce")),
    unusable("html", b"<!DOCTYPE html>\n<title>Not found</title>\n" + ENFORCE),
    unusable("not-utf8", ENFORCE + b"note: caf\xe9\r\n"),
)

BROKEN_POLICY_HOSTS = (
    unusable("web-expired", certificate="expired"),
    unusable("web-wrong-name", certificate="wrong-name"),
    unusable("web-common-name", certificate="common-name-only"),
    unusable("web-self-signed", certificate="self-signed"),
    unusable("web-untrusted", certificate="untrusted-ca"),
    unusable("web-redirect", status=301, location="https://mta-sts.wrong-name.example/"),
    unusable("web-404", status=404),
    unusable("web-500", status=500),
    unusable("web-html", media_type="text/html"),
    unusable("web-large", padded(ENFORCE, POLICY_LIMIT + 1)),
    unusable("web-large-chunked", padded(ENFORCE, POLICY_LIMIT + 1), framing="chunked"),
    unusable("web-large-close", padded(ENFORCE, POLICY_LIMIT + 1), framing="close"),
    unusable("web-gzip", gzip=True),
    unusable("web-gzip-large", padded(ENFORCE, 1_000_000), gzip=True),
    unusable("web-slow", pause=0.2),
    unusable("web-endless", framing="close", hangs_up=False),
    unusable("web-down", up=False),
    unusable("web-loopback", address="127.0.0.80"),
)

# Odd, and yet as RFC 8461 has it: these policies are in force.
ODD_POLICY_HOSTS = (
    Domain(
        "web-charset.example",
        (GOOD,),
        policy("enforce", GOOD),
        policy_host=PolicyHost(media_type="Text/Plain; charset=utf-8", framing=Framing.CHUNKED),
    ),
    Domain(
        "web-keeps-open.example",
        (GOOD,),
        policy("enforce", GOOD),
        policy_host=PolicyHost(hangs_up=False),
    ),
    Domain(
        "web-dead-ipv6.example",
        (GOOD,),
        policy("enforce", GOOD),
        policy_host=PolicyHost(dead_address="2001:db8::dead"),
    ),
    Domain("web-full.example", (GOOD,), policy("enforce", GOOD).ljust(POLICY_LIMIT, b"\n")),
)

CHANGING = tuple(
    cached(name)
    for name in (
        "new-id",
        "new-id-none",
        "record-removed",
        "document-broken",
        "web-goes-down",
        "dns-fails",
        "dns-stops",
        "dns-hangs",
        "dns-stays-away",
        "restarted",
        "killed",
        "dns-never-worked",
        "resolver-never-worked",
        "turns-bogus",
    )
)

STEERED = tuple(
    cached(name) for name in ("turns-testing", "loses-record", "id-kept", "id-kept-with-failure")
)
"""Visited by the tests of the commands, and not by the table of scenarios."""

UNPUBLISHED = Domain(
    "unpublished.example",
    (GOOD,),
    policy("testing", GOOD),
    records=(),
    policy_host=PolicyHost(up=False),
)
"""Has a name for its policy host, and nothing there."""

DOMAINS = (
    *ENFORCED,
    *NOT_ENFORCED,
    *BROKEN_RECORDS,
    *BROKEN_DOCUMENTS,
    *BROKEN_POLICY_HOSTS,
    *ODD_POLICY_HOSTS,
    *CHANGING,
    *STEERED,
    UNPUBLISHED,
    *DANE_DOMAINS,
    *RELAY_DOMAINS,
    *CHECKED,
)

RECEIVERS = tuple(host for host in MAIL_HOSTS if host.receives)
POLICY_DOMAINS = tuple(domain for domain in DOMAINS if domain.document is not None)
"""Those with a policy host of their own."""


def addresses(families: tuple[int, ...], ipv4: str, ipv6: str) -> tuple[str, ...]:
    """Return the addresses of a host that has those of some versions of IP."""
    return tuple({IPV4: ipv4, IPV6: ipv6}[family] for family in families)


MAIL_ADDRESSES = {
    host.name: (
        *addresses(host.families, host.address or f"198.51.100.{n}", f"2001:db8::25:{n}"),
        *host.more_addresses,
    )
    for n, host in enumerate(RECEIVERS, start=10)
}
POLICY_ADDRESSES = {
    domain.name: addresses(
        domain.policy_host.families,
        domain.policy_host.address or f"192.0.2.{n}",
        f"2001:db8::443:{n}",
    )
    for n, domain in enumerate(POLICY_DOMAINS, start=10)
}
IPV6_ADDRESSES = tuple(
    address
    for addresses in (*MAIL_ADDRESSES.values(), *POLICY_ADDRESSES.values())
    for address in addresses
    if ":" in address
)
SENDER_ADDRESS = "203.0.113.1"
