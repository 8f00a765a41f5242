"""What can go wrong while a policy is discovered, in words for an administrator.

    DiscoveryError                  .code names the kind for logs and metrics
    ├── DnsError                    the name servers gave no answer: nothing is known, try again
    │   ├── DnsTimeoutError             none answered in time
    │   ├── DnsServerError              SERVFAIL, REFUSED and the like, or an answer that is no DNS
    │   ├── DnsAnswerError              an answer that is malformed or beyond all bounds
    │   └── DnsConfigError              there is no name server to ask
    ├── NoRecordError               there is no usable policy record: deliver as without MTA-STS
    ├── FetchError                  there is a record, but no policy could be had (RFC 8461 §3.3)
    │   ├── PolicyHostError             mta-sts.<domain> has no address, or its look-up failed
    │   ├── AddressForbiddenError       it has only addresses that must not be connected to
    │   ├── ConnectError                refused, unreachable, closed early, or no TLS spoken
    │   ├── CertificateError            not valid for the name, expired, or not trusted
    │   ├── FetchTimeoutError           the whole fetch took too long
    │   ├── StatusError                 the status is not 200; a redirect names its Location
    │   ├── MediaTypeError              the media type is not text/plain
    │   ├── BodyError                   the body is too long, encoded, or cut short
    │   ├── InvalidPolicyError          the document breaks RFC 8461 §3.2
    │   └── FetchCostError              the fetch took far more processor time than others do
    └── ObservationCostError        to look at a domain took far more of it than others do
    ShortageError                   this host lacks something: it says nothing of the domain

No exception of dnspython, httpx, ssl or the operating system leaves this package.
"""

from mtasts_resolver.discovery.findings import FoundRecord


class DiscoveryError(Exception):
    """No policy was discovered; the text says why."""

    code: str = "discovery-failed"


class ShortageError(Exception):
    """This host lacks what discovery needs: nothing is known of the domain, try again.

    The text says what is lacking, and what to do. It is no DiscoveryError, so that nobody who
    handles those takes it for an answer about the domain.
    """


class DnsError(DiscoveryError):
    """The name servers gave no answer; this is not absence, and it may pass."""

    code = "dns-failed"
    outage: bool = False
    """They gave none to a question that has one either: it is they who fail, not the domain."""


class DnsTimeoutError(DnsError):
    code = "dns-timeout"


class DnsServerError(DnsError):
    code = "dns-server-failure"


class DnsAnswerError(DnsError):
    """There is an answer, but it is malformed or beyond all bounds: the domain's own failure."""

    code = "dns-answer-unusable"


class DnsConfigError(DnsError):
    code = "dns-not-configured"
    outage = True


class NoRecordError(DiscoveryError):
    """The domain publishes no usable policy record; `ttl` seconds may pass until it is asked again.

    `absent` tells a domain that publishes nothing from one whose record is broken.
    """

    def __init__(self, reason: str, *, ttl: float, absent: bool) -> None:
        super().__init__(reason)
        self.ttl = ttl
        self.absent = absent
        self.code = "no-record" if absent else "record-invalid"


class FetchError(DiscoveryError):
    """A policy record exists, but no policy could be had from the policy host."""

    code = "fetch-failed"
    record: FoundRecord | None = None
    """The policy record, where it was looked up in the same discovery."""


class PolicyHostError(FetchError):
    code = "policy-host-unresolvable"


class AddressForbiddenError(FetchError):
    code = "policy-host-address-forbidden"


class ConnectError(FetchError):
    code = "policy-host-unreachable"


class CertificateError(FetchError):
    code = "policy-host-certificate-invalid"


class FetchTimeoutError(FetchError):
    code = "policy-fetch-timeout"


class StatusError(FetchError):
    code = "policy-fetch-status"


class MediaTypeError(FetchError):
    code = "policy-media-type"


class BodyError(FetchError):
    code = "policy-body"


class InvalidPolicyError(FetchError):
    code = "policy-invalid"


class FetchCostError(FetchError):
    code = "policy-fetch-costly"


class ObservationCostError(DiscoveryError):
    code = "observation-costly"
