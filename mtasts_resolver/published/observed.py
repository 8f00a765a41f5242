"""What was seen of a domain: by name servers, policy host and MX hosts. Plain values.

Nothing here is judged. Words that strangers wrote are printable already, and bounded.
"""

from datetime import datetime

from msgspec import Struct


class SeenFailure(Struct, frozen=True):
    """Why something could not be seen, or is not valid."""

    code: str
    """As those of discovery/errors.py."""
    reason: str


class SeenTexts(Struct, frozen=True, kw_only=True):
    """The TXT records of a name."""

    name: str
    texts: tuple[str, ...] = ()
    """The strings of each record, concatenated (RFC 8461 §3.1)."""
    ttl: float = 0.0
    """Seconds; of an absence, too."""
    alias_of: str | None = None
    """The name at the end of its CNAMEs."""
    failure: SeenFailure | None = None
    """Why it could not be looked up."""


class SeenCertificate(Struct, frozen=True, kw_only=True):
    """A certificate that a host showed, or one of its chain."""

    dns_names: tuple[str, ...]
    common_name: str
    issuer: str
    not_before: datetime
    not_after: datetime
    key: str
    """Such as `RSA 2048` or `EC secp256r1`."""
    sha256: str
    """Of the certificate, in hexadecimal: another certificate has another."""


class SeenTls(Struct, frozen=True, kw_only=True):
    """What TLS at one address of a host showed."""

    version: str
    """The one agreed on, as `TLSv1.3`."""
    cipher: str
    outdated: tuple[str, ...] = ()
    """The versions before TLS 1.2 that it takes, too."""
    certificate: SeenCertificate | None = None
    failure: SeenFailure | None = None
    """Why the certificate is not valid for the host, or not trusted; None where it is."""


class SeenAddress(Struct, frozen=True, kw_only=True):
    """One address of a policy host or MX host, and what came of connecting to it."""

    address: str
    failure: SeenFailure | None = None
    """Why there was no conversation, or where it broke off."""
    greeting: str = ""
    """Of an MX host: the line that it said first."""
    starttls: bool | None = None
    """Of an MX host: whether it offers STARTTLS; None where it was not asked."""
    tls: SeenTls | None = None
    status: int | None = None
    """Of a policy host: the HTTP status, as are those below."""
    headers: tuple[tuple[str, str], ...] = ()
    """Those of the response, with names in lower case; of many, the first."""
    document: str | None = None
    """The body as text; None where there was none, or too much."""


class SeenHost(Struct, frozen=True, kw_only=True):
    """A policy host or an MX host."""

    name: str
    preference: int | None = None
    """Of an MX host that an MX record names."""
    addresses: tuple[SeenAddress, ...] = ()
    failure: SeenFailure | None = None
    """Why its addresses could not be looked up, or may not be connected to."""
    alias_of: str | None = None


class SeenDane(Struct, frozen=True, kw_only=True):
    """What DANE says of one MX host."""

    host: str
    outcome: str
    """As those of policy/dane.py."""
    detail: str = ""
    fits: bool | None = None
    """Whether a usable TLSA record fits the certificate that the host showed; None: not known."""


class Observed(Struct, frozen=True, kw_only=True):
    """All that was seen of one domain."""

    domain: str
    at: datetime
    record: SeenTexts
    """Of `_mta-sts.<domain>`."""
    reports: SeenTexts
    """Of `_smtp._tls.<domain>` (RFC 8460 §3)."""
    policy_host: SeenHost
    mx_hosts: tuple[SeenHost, ...] = ()
    """The most preferred first."""
    mx_failure: SeenFailure | None = None
    """Why there are none: a failure, a null MX, no such domain."""
    mx_authenticated: bool = False
    """Whether DNSSEC vouches for the MX records."""
    dane: str = "off"
    """The status, as those of policy/dane.py."""
    dane_reason: str = ""
    dane_hosts: tuple[SeenDane, ...] = ()
    smtp: bool = True
    """Whether the MX hosts were asked; not so with `--no-smtp`."""
    smtp_blocked: bool = False
    """No address of any host could be reached on port 25, as where a provider blocks that."""
