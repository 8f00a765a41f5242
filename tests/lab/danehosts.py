"""MX hosts with TLSA records of every kind, and the domains that use them, as data.

Each kind has a domain without a policy, and one whose policy enforces TLS with just these hosts.
Where DANE decides alone, the certificate is one that the policy would judge the other way.
"""

from .published import Certificate, Dnssec, Domain, MailHost, policy

RIGHT = "3 1 1 {key_sha256}"
WRONG = f"3 1 1 {'00' * 32}"


def bad_name(name: str, *tlsa: str) -> MailHost:
    """Return a host whose certificate only DANE can verify."""
    return MailHost(f"{name}.mx.example", Certificate.WRONG_NAME, tlsa)


def good_name(name: str, *tlsa: str) -> MailHost:
    """Return a host whose certificate an enforced policy accepts."""
    return MailHost(f"{name}.mx.example", Certificate.GOOD, tlsa)


TLSA_RIGHT = bad_name("tlsa-right", RIGHT)
PLAIN = good_name("plain")
CLEAR = MailHost("clear.mx.example", None)
TLSA_WRONG = good_name("tlsa-wrong", WRONG)
TLSA_ABSENT = bad_name("tlsa-absent")
TLSA_FAILS = MailHost("tlsa-fails.mx.example", Certificate.GOOD, (RIGHT,), tlsa_fails=True)
ADDRESS_FAILS = MailHost("a-fails.mx.example", Certificate.GOOD, (RIGHT,), address_fails=True)
UNREACHABLE = MailHost("no-address.mx.example", None, reachable=False)
UNSIGNED = MailHost("host.unsigned-mx.example", Certificate.WRONG_NAME, (RIGHT,))
ALIAS = MailHost("alias.mx.example", None, alias_of=TLSA_RIGHT.name)
TLSA_AT_ALIAS = MailHost("tlsa-at-alias.mx.example", None, (RIGHT,), alias_of=TLSA_ABSENT.name)
IMPLICIT = MailHost("implicit.example", Certificate.WRONG_NAME, (RIGHT,))
NULL = MailHost("", None, reachable=False)

USABLE = {
    "3-1-1": (RIGHT,),
    "3-1-2": ("3 1 2 {key_sha512}",),
    "3-0-1": ("3 0 1 {certificate_sha256}",),
    "3-1-0": ("3 1 0 {key}",),
    "3-0-0": ("3 0 0 {certificate}",),
    "2-1-1": ("2 1 1 {ca_key_sha256}",),
    "2-0-1": ("2 0 1 {ca_sha256}",),
    "2-0-0": ("2 0 0 {ca}",),
    "2-1-0": ("2 1 0 {ca_key}",),
    "mixed": ("1 1 1 {key_sha256}", RIGHT),
}
"""TLSA records that can verify a host, by a name for them."""

UNUSABLE = {
    "1-1-1": ("1 1 1 {key_sha256}",),
    "0-0-1": ("0 0 1 {ca_sha256}",),
    "usage-4": ("4 1 1 {key_sha256}",),
    "usage-255": ("255 1 1 {key_sha256}",),
    "selector-2": ("3 2 1 {key_sha256}",),
    "type-3": ("3 1 3 {key_sha256}",),
    "type-255": ("3 1 255 {key_sha256}",),
    "short": ("3 1 1 {key_sha256:.62}",),
    "long": ("3 1 1 {key_sha256}00",),
    "sha512-short": ("3 1 2 {key_sha256}",),
    "no-key": ("3 1 0 00010203",),
    "no-certificate": ("3 0 0 00010203",),
    "key-and-more": ("3 1 0 {key}00",),
    "certificate-and-more": ("3 0 0 {certificate}00",),
    "certificate-as-key": ("3 1 0 {certificate}",),
    "key-as-certificate": ("3 0 0 {key}",),
    "no-ca": ("2 0 0 00010203",),
    "no-ca-key": ("2 1 0 00010203",),
}
"""TLSA records that cannot."""

UNUSABLE_AT_ONCE = {"1-1-1", "0-0-1", "usage-4", "usage-255", "type-255"}
"""Those that Postfix discards itself; of the others OpenSSL tells it when it connects."""

USABLE_HOSTS = {name: good_name(f"usable-{name}", *tlsa) for name, tlsa in USABLE.items()}
UNUSABLE_HOSTS = {name: bad_name(f"unusable-{name}", *tlsa) for name, tlsa in UNUSABLE.items()}

TLSA_UNUSABLE = UNUSABLE_HOSTS["1-1-1"]

DANE_HOSTS = (
    TLSA_RIGHT,
    PLAIN,
    CLEAR,
    TLSA_WRONG,
    TLSA_ABSENT,
    TLSA_FAILS,
    ADDRESS_FAILS,
    UNREACHABLE,
    UNSIGNED,
    ALIAS,
    TLSA_AT_ALIAS,
    IMPLICIT,
    *USABLE_HOSTS.values(),
    *UNUSABLE_HOSTS.values(),
)


def both(name: str, *mx: MailHost, dnssec: Dnssec = Dnssec.SIGNED) -> tuple[Domain, Domain]:
    """Return a domain without a policy, and one that enforces TLS with its MX hosts."""
    enforced = policy("enforce", *mx)
    return (
        Domain(f"{name}.example", mx, dnssec=dnssec),
        Domain(f"{name}-enforced.example", mx, enforced, dnssec=dnssec),
    )


DANE_DOMAINS = (
    *both("tlsa-right", TLSA_RIGHT),
    *both("tlsa-wrong", TLSA_WRONG),
    *both("tlsa-unusable", TLSA_UNUSABLE),
    *both("tlsa-fails", TLSA_FAILS),
    *both("first-fails", TLSA_FAILS, TLSA_RIGHT),
    *both("second-fails", TLSA_RIGHT, TLSA_FAILS),
    *both("address-fails", ADDRESS_FAILS, TLSA_RIGHT),
    *both("first-lost", ADDRESS_FAILS, PLAIN),
    *both("second-lost", PLAIN, ADDRESS_FAILS),
    *both("first-lost-second-fails", ADDRESS_FAILS, TLSA_FAILS),
    *both("all-lost", ADDRESS_FAILS),
    *both("clear-first", CLEAR, TLSA_RIGHT),
    *both("no-address", UNREACHABLE, TLSA_RIGHT),
    *both("first-has-tlsa", TLSA_RIGHT, TLSA_ABSENT),
    *both("second-has-tlsa", TLSA_ABSENT, TLSA_RIGHT),
    *both("absent-and-fails", TLSA_ABSENT, TLSA_FAILS),
    *both("unsigned-mx", TLSA_RIGHT, dnssec=Dnssec.UNSIGNED),
    *both("unsigned-host", UNSIGNED),
    *both("alias", ALIAS),
    *both("tlsa-at-alias", TLSA_AT_ALIAS),
    Domain("bogus.example", (TLSA_RIGHT,), dnssec=Dnssec.BOGUS),
    Domain("implicit.example", (IMPLICIT,), implicit=True),
    Domain("null-mx.example", (NULL,)),
    *(Domain(f"usable-{name}.example", (host,)) for name, host in USABLE_HOSTS.items()),
    *(Domain(f"unusable-{name}.example", (host,)) for name, host in UNUSABLE_HOSTS.items()),
)
