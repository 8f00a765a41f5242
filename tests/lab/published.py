"""What a domain and its hosts can publish, as types: the words of the tables of domains."""

from enum import StrEnum

import msgspec

FIRST_ID = "20261101T000000"
"""The id of every policy record until a scenario publishes another."""

POLICY_LIMIT = 64 * 1024
"""RFC 8461 §3.3 lets a sender refuse a policy document longer than this, in bytes."""


class Certificate(StrEnum):
    """Whether a client has reason to accept a host's certificate, and what is wrong with it."""

    GOOD = "good"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    COMMON_NAME_ONLY = "common-name-only"
    SELF_SIGNED = "self-signed"
    UNTRUSTED = "untrusted-ca"
    IMPOSTOR = "for-the-good-host"
    """Valid, for the host of another name that policies do name."""
    ENDS_IN_DAYS = "ends-in-5-days"
    ENDS_IN_WEEKS = "ends-in-20-days"
    """Good, but not for long."""
    NOT_YET = "not-yet-valid"
    INCOMPLETE = "incomplete"
    """Of an authority between it and the trusted one; the host does not send that one's own."""


class Tls(StrEnum):
    """The versions of TLS that a host takes."""

    CURRENT = "current"
    OUTDATED_TOO = "outdated-too"
    OUTDATED_ONLY = "outdated-only"
    """Those before TLS 1.2, too, and those alone (RFC 8996)."""
    NONE = "none"
    """It speaks in plain text where TLS is expected."""


class Smtp(StrEnum):
    """What becomes of a conversation with a receiver."""

    GOOD = "good"
    REFUSES = "refuses"
    """It greets with a refusal."""
    REFUSES_STARTTLS = "refuses-starttls"
    """It offers STARTTLS, and then does not do it."""
    INJECTS = "injects"
    """More than its answer to STARTTLS comes before TLS does."""
    IS_NO_SMTP = "is-no-smtp"


IPV4, IPV6 = 4, 6


class Dnssec(StrEnum):
    """What a validating resolver makes of a zone."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    """Its parent has no DS record, so that whatever it says is insecure."""
    BOGUS = "bogus"
    """Its parent has the DS record of another key, so that every answer is SERVFAIL."""


class MailHost(msgspec.Struct, frozen=True):
    """An SMTP receiver. Without a certificate it does not offer STARTTLS."""

    name: str
    certificate: Certificate | None
    tlsa: tuple[str, ...] = ()
    """The TLSA records at `_25._tcp`, with placeholders for what pki.tlsa_data gives."""
    submission_tlsa: tuple[str, ...] = ()
    """Those at `_587._tcp`."""
    tlsa_fails: bool = False
    """Whether the look-up of these records fails."""
    address_fails: bool = False
    alias_of: str = ""
    """The host that the name is a CNAME for; empty: it has an address of its own."""
    reachable: bool = True
    """False: the name has no address."""
    address: str = ""
    """Empty: the next one of 198.51.100.0/24."""
    more_addresses: tuple[str, ...] = ()
    ports: tuple[int, ...] = (25,)
    """Where it listens."""
    families: tuple[int, ...] = (IPV4,)
    """The versions of IP that it has an address of."""
    down: tuple[int, ...] = ()
    """Those of them by which nothing listens."""
    tls: Tls = Tls.CURRENT
    smtp: Smtp = Smtp.GOOD

    @property
    def receives(self) -> bool:
        """Whether there is a receiver of this name."""
        return self.reachable and not self.alias_of


class Framing(StrEnum):
    """How an HTTP/1.1 response says where its body ends."""

    LENGTH = "content-length"
    CHUNKED = "chunked"
    CLOSE = "close"


class PolicyHost(msgspec.Struct, frozen=True):
    """What `https://mta-sts.<domain>/` does when it is asked for the policy."""

    certificate: Certificate = Certificate.GOOD
    status: int = 200
    media_type: str = "text/plain"
    location: str = ""
    framing: Framing = Framing.LENGTH
    gzip: bool = False
    pause: float = 0.0
    """Seconds between two bytes of the body."""
    hangs_up: bool = True
    """Whether the host closes the connection when it has sent everything."""
    up: bool = True
    """Whether anything listens on port 443."""
    address: str = ""
    """Empty: the next one of 192.0.2.0/24."""
    dead_address: str = ""
    """An IPv6 address that the host has, too, and that no network has."""
    families: tuple[int, ...] = (IPV4,)
    down: tuple[int, ...] = ()
    """As those of a MailHost."""
    tls: Tls = Tls.CURRENT
    headers: tuple[tuple[str, str], ...] = ()
    """Header fields besides those that every response has."""
    document_by_ipv6: bytes | None = None
    """What is served there; None: what is served by IPv4."""


class Domain(msgspec.Struct, frozen=True):
    """A recipient domain. Without a document it has no policy host."""

    name: str
    mx: tuple[MailHost, ...]
    document: bytes | None = None
    records: tuple[str, ...] | None = None
    """The TXT records at `_mta-sts`; None: one good record if there is a document."""
    policy_host: PolicyHost = PolicyHost()
    provider: str = ""
    """Whose names `_mta-sts` and `mta-sts` are CNAMEs for; empty: the domain has its own."""
    dnssec: Dnssec = Dnssec.SIGNED
    implicit: bool = False
    """Whether the domain has no MX record, for it is its own and only MX host."""
    reports: tuple[str, ...] | None = None
    """The TXT records at `_smtp._tls`; None: a good one."""
    ttl: int = 60
    """Of its records, in seconds."""
    fails: tuple[str, ...] = ()
    """The names below it, such as `_mta-sts`, that no look-up gets an answer for."""

    @property
    def report_records(self) -> tuple[str, ...]:
        if self.reports is not None:
            return self.reports
        return (f"v=TLSRPTv1; rua=mailto:reports@{self.name}",)

    @property
    def policy_records(self) -> tuple[str, ...]:
        if self.records is not None:
            return self.records
        return () if self.document is None else (record(FIRST_ID),)


def record(policy_id: str) -> str:
    return f"v=STSv1; id={policy_id};"


def policy(mode: str, *mx: MailHost | str, max_age: int = 604_800) -> bytes:
    patterns = [host if isinstance(host, str) else host.name for host in mx]
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {p}" for p in patterns)]
    return "".join(f"{line}\r\n" for line in [*lines, f"max_age: {max_age}"]).encode()


def padded(document: bytes, size: int) -> bytes:
    """Fill a document with well-formed extension fields, so that only its length is wrong."""
    field = b"padding: " + b"x" * 80 + b"\r\n"
    return document + field * -(-(size - len(document)) // len(field))
