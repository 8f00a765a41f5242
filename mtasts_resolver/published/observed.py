"""What was seen of a domain: by name servers, policy host and MX hosts. Plain values.

Nothing here is judged. Words that strangers wrote are printable already, and bounded; but a
document is as it was served.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct


class SeenFailure(Struct, frozen=True):
    """Why something could not be seen, or is not valid."""

    code: str
    """As those of discovery/errors.py; besides, see the attribute that has it."""
    reason: str
    outage: bool = False
    """Of a look-up: the name servers had no answer to what has one, so it is they who fail."""


class SeenTexts(Struct, frozen=True, kw_only=True):
    """The TXT records of a name."""

    name: str
    texts: tuple[str, ...] = ()
    """The strings of each record, concatenated (RFC 8461 §3.1); with tabs as they are."""
    more: int = 0
    """How many records there are beyond these."""
    ttl: float = 0.0
    """Seconds that are left of it where a name server has it in its cache; of an absence, too."""
    alias_of: str | None = None
    """The name at the end of its CNAMEs."""
    failure: SeenFailure | None = None
    """Why it could not be looked up."""


class SeenCertificate(Struct, frozen=True, kw_only=True):
    """A certificate that a host showed, or one of its chain."""

    dns_names: tuple[str, ...]
    """The first of them."""
    more_names: int = 0
    """How many there are beyond these."""
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
    """The one agreed on, as `TLSv1.3`; empty where that did not become known."""
    cipher: str
    outdated: tuple[str, ...] = ()
    """The versions before TLS 1.2 that it takes, too."""
    certificate: SeenCertificate | None = None
    """None where it cannot be read."""
    chain: tuple[SeenCertificate, ...] = ()
    """Those that came with it, as they came."""
    failure: SeenFailure | None = None
    """Why the certificate is not valid for the host, or not trusted; None where it is.

    The code is `certificate-expired`, `certificate-not-yet-valid`, `certificate-names-another`,
    `certificate-self-signed`, `certificate-issuer-unknown` (not trusted, or an intermediate one is
    not sent) or `certificate-invalid`; or `tls-outdated`, where there is no version from TLS 1.2
    on, and the certificate was not verified.
    """


class SeenAddress(Struct, frozen=True, kw_only=True):
    """One address of a policy host or MX host, and what came of connecting to it."""

    address: str
    failure: SeenFailure | None = None
    """Why there was no conversation, or where it broke off.

    `address-forbidden`: it is not globally routable, and so it was not visited. `no-route`: this
    host itself has no way to such addresses. `unreachable`, `connect-timeout`, `tls-failed`,
    `conversation-broken`, `conversation-timeout`, `observation-timeout` (others took all the time).

    Of a policy host also `policy-fetch-timeout`, `policy-body`, `policy-host-unreachable` (what it
    says is no HTTP). Of an MX host `smtp-refused` (a greeting, or an answer to EHLO, of 4xx or
    5xx), `smtp-invalid`, `starttls-refused` (offered, and then refused), `starttls-injection` (more
    than the answer to STARTTLS came in plain text).
    """
    greeting: str = ""
    """Of an MX host: the line that it said first."""
    starttls: bool | None = None
    """Of an MX host: whether it offers STARTTLS; None where it was not asked."""
    tls: SeenTls | None = None
    status: int | None = None
    """Of a policy host: the HTTP status, as are those below."""
    headers: tuple[tuple[str, str], ...] = ()
    """Those of policyhost/visit.py that were sent, in lower case; of one sent twice, the first."""
    document: str | None = None
    """The body of status 200; None where there was none, or too much, or it is not UTF-8."""


class SeenHost(Struct, frozen=True, kw_only=True):
    """A policy host or an MX host."""

    name: str
    preference: int | None = None
    """Of an MX host that an MX record names."""
    addresses: tuple[SeenAddress, ...] = ()
    more_addresses: int = 0
    """How many it has beyond these: they were not visited, or there would be too much to keep."""
    failure: SeenFailure | None = None
    """Why its addresses could not be looked up: all of them, or those of one family.

    `host-without-address`, `host-name-invalid` (what an MX record names is no host name), or as
    those of discovery/errors.py.
    """
    alias_of: str | None = None
    """The name at the end of its CNAMEs."""
    through_proxy: bool = False
    """It was visited through a proxy: its one address here is the empty text."""


class SeenDane(Struct, frozen=True, kw_only=True):
    """What DANE says of one MX host."""

    host: str
    outcome: str
    """The value of an Outcome of policy/dane.py."""
    detail: str = ""
    fits: bool | None = None
    """Whether at each address that showed a certificate a usable TLSA record fits it.

    None: not known.
    """
    misfit: str = ""
    """Why it does not fit, or why that is not known."""


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
    """The most preferred first. Without MX records, the domain itself (RFC 5321 §5.1)."""
    more_mx_hosts: int = 0
    """How many there are beyond these."""
    mx_failure: SeenFailure | None = None
    """Why there are none: `mx-null`, `domain-unknown`, or as those of discovery/errors.py."""
    mx_authenticated: bool = False
    """Whether DNSSEC vouches for the MX records."""
    dane: str = "off"
    """The value of a Dane of policy/dane.py."""
    dane_reason: str = ""
    dane_hosts: tuple[SeenDane, ...] = ()
    smtp: bool = True
    """Whether the MX hosts were asked; not so with `--no-smtp`."""
    smtp_blocked: bool = False
    """No address of any host could be reached on port 25, as where a provider blocks that."""
    ipv4: bool = True
    """Whether this host has a way to the Internet by IPv4."""
    ipv6: bool = True
    """The same by IPv6."""

    @property
    def outage(self) -> SeenFailure | None:
        """Return why nothing is known of the domain, where the name servers failed altogether."""
        failures = (self.record.failure, self.mx_failure)
        ours = [failure for failure in failures if failure is not None and failure.outage]
        return ours[0] if len(ours) == len(failures) else None

    def failures(self) -> Iterator[SeenFailure]:
        """Yield all that kept something from being seen; not what is wrong with what was seen."""
        hosts = (self.policy_host, *self.mx_hosts)
        seen = [self.record.failure, self.reports.failure, self.mx_failure]
        seen += [host.failure for host in hosts]
        seen += [each.failure for host in hosts for each in host.addresses]
        return (failure for failure in seen if failure is not None)
