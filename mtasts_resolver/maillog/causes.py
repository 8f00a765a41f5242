"""Why TLS was not as it must be, of Postfix's own words.

Strangers' words stand behind Postfix's: a certificate's issuer, a server's reply. So each text is
looked at from its beginning, and what a stranger may have written is never searched.
"""

import re

from mtasts_resolver.maillog.events import Cause

# X509_verify_cert_error_string(3), which Postfix writes behind the number (tls_verify.c).
_NUMBERS = {
    2: Cause.UNTRUSTED,  # unable to get issuer certificate
    9: Cause.NOT_YET_VALID,
    10: Cause.EXPIRED,
    18: Cause.SELF_SIGNED,
    19: Cause.UNTRUSTED,  # self-signed certificate in certificate chain
    20: Cause.UNTRUSTED,  # unable to get local issuer certificate
    21: Cause.UNTRUSTED,  # unable to verify the first certificate
    27: Cause.UNTRUSTED,  # certificate not trusted
    62: Cause.NAME_MISMATCH,  # hostname mismatch
    64: Cause.NAME_MISMATCH,  # IP address mismatch
    65: Cause.DANE_MISMATCH,  # no matching DANE TLSA records
}
_NUMBER = re.compile(r"num=([0-9]{1,3}):")

# What Postfix says of a certificate, at its beginning.
_CERTIFICATE = (
    ("untrusted issuer", Cause.UNTRUSTED),
    ("self-signed certificate", Cause.SELF_SIGNED),
    ("self signed certificate", Cause.SELF_SIGNED),
    ("certificate has expired", Cause.EXPIRED),
    ("certificate not yet valid", Cause.NOT_YET_VALID),
    ("CommonName mis-match", Cause.NAME_MISMATCH),  # Postfix 2.2
    # policy_failure= of a policy table, with smtp_tls_enforce_sts_mx_patterns: what it could not
    # find out of the policy.
    ("external policy failure", Cause.POLICY_LOOKUP),
)

# Why smtp(8) does not deliver to a host, or not at all, at its beginning.
_DELIVERY = (
    ("Server certificate not verified", Cause.NOT_VERIFIED),
    ("Server certificate not trusted", Cause.UNTRUSTED),
    ("Server certificate could not be verified", Cause.NOT_VERIFIED),  # Postfix 2.2
    ("TLS is required, but was not offered", Cause.NO_STARTTLS),
    ("TLS is required, but host ", Cause.STARTTLS_REFUSED),  # ... refused to start TLS: its reply
    ("TLS is required, but ", Cause.HANDSHAKE),  # ... our TLS engine is unavailable, and the like
    ("Cannot start TLS: ", Cause.HANDSHAKE),
    ("TLSA lookup error", Cause.TLSA_LOOKUP),
    ("TLSA records unusable", Cause.DANE_UNUSABLE),
    ("no TLSA records found", Cause.DANE_UNUSABLE),
    ("non DNSSEC destination", Cause.DANE_UNUSABLE),
    ("client TLS configuration problem", Cause.POLICY_LOOKUP),
    ("MX name ", Cause.MX_OUTSIDE_POLICY),
    ("Sender requested REQUIRETLS", Cause.REQUIRETLS),
    ("REQUIRETLS ", Cause.REQUIRETLS),
)
# error(8), which repeats what held an earlier attempt; and Postfix 2.2, on what was not queued.
SUSPENDED = "delivery temporarily suspended: "
_BEFORE = re.compile(rf"(?:{SUSPENDED})?(?:delivery via [^\s:]{{1,300}}(?::[0-9]{{1,5}})?: )?")


def certificate_cause(reason: str) -> Cause:
    """Return why a certificate was not good enough."""
    if (number := _NUMBER.match(reason)) is not None:
        return _NUMBERS.get(int(number[1]), Cause.NOT_VERIFIED)
    return _beginning(reason, _CERTIFICATE) or Cause.NOT_VERIFIED


def delivery_cause(reason: str) -> Cause | None:
    """Return why TLS held a message, None if it was not TLS."""
    before = _BEFORE.match(reason)
    return _beginning(reason[before.end() :] if before else reason, _DELIVERY)


def _beginning(text: str, causes: tuple[tuple[str, Cause], ...]) -> Cause | None:
    for beginning, cause in causes:
        if text.startswith(beginning):
            return cause
    return None
