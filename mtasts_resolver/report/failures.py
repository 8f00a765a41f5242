"""What others report that failed (RFC 8460 §4.3), in plain words, and what mends it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class ReportedFault(NamedTuple):
    """A kind of failure."""

    what: str
    remedy: str


REPORTED_FAULTS: Mapping[str, ReportedFault] = MappingProxyType(
    {
        "starttls-not-supported": ReportedFault(
            "the MX host did not offer STARTTLS",
            "switch TLS on there (smtpd_tls_security_level = may); where it is on, something on the"
            " way may take it out: a firewall that looks into SMTP, or an attack",
        ),
        "certificate-host-mismatch": ReportedFault(
            "the MX host's certificate is for other names",
            "get one for the name that the MX record has",
        ),
        "certificate-expired": ReportedFault(
            "the MX host's certificate had expired",
            "renew it, and have Postfix read it again; look at what should have renewed it",
        ),
        "certificate-not-trusted": ReportedFault(
            "the MX host's certificate is of nobody whom the sender trusts",
            "use one of a public authority, and send its intermediate certificates along",
        ),
        "validation-failure": ReportedFault(
            "the MX host could not be verified for another reason, which the report may name",
            "look at its certificate with `check`: most often an intermediate one is missing, or"
            " the host is not among the mx of the policy",
        ),
        "tlsa-invalid": ReportedFault(
            "a TLSA record of the MX host is wrong, or its certificate does not fit any",
            "publish the TLSA record of a new certificate before the certificate is used",
        ),
        "dnssec-invalid": ReportedFault(
            "DNSSEC of the MX host's domain cannot be validated",
            "look for signatures that ran out, and for a DS record of a key that is gone",
        ),
        "dane-required": ReportedFault(
            "the sender demands DANE, and the MX host has no usable TLSA record",
            "publish one, or ask the sender why it demands that",
        ),
        "sts-policy-fetch-error": ReportedFault(
            "the MTA-STS policy could not be fetched",
            "have https://mta-sts.<domain>/.well-known/mta-sts.txt answer with 200 from everywhere"
            " (`check` looks), or take away the record at _mta-sts.<domain>",
        ),
        "sts-policy-invalid": ReportedFault(
            "the MTA-STS policy is malformed",
            "`check` names its line; `publish` writes one that is right",
        ),
        "sts-webpki-invalid": ReportedFault(
            "the certificate of the policy host is not valid",
            "renew it: it must be of a public authority, for mta-sts.<domain>",
        ),
        "unspecified": ReportedFault(
            "the report does not say how",
            "nothing can be done from that alone; the same sender may say more on another day",
        ),
    }
)
