"""The words of RFC 8460 for what was applied, and for what failed."""

import re

POLICY_TYPES = ("sts", "tlsa", "no-policy-found")
"""RFC 8460 §4.2."""

RESULT_TYPES = (
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
)
"""RFC 8460 §4.3.1 to §4.3.3."""

_ALSO = {"mtasts": "sts", "dane": "tlsa", "none": "no-policy-found", "nopolicy": "no-policy-found"}


def bare_name(name: str) -> str:
    """Return what spellings have in common: `policy-type`, `policy_type` and `policyType`."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def policy_type(word: str) -> str | None:
    """Return the policy type that `word` means, in whatever spelling; None for one that is none."""
    return _POLICY_TYPES.get(bare_name(word))


def result_type(word: str) -> str | None:
    """Return the result type that `word` means, in whatever spelling; None for one that is none."""
    return _RESULT_TYPES.get(bare_name(word))


_POLICY_TYPES = {bare_name(word): word for word in POLICY_TYPES} | _ALSO
_RESULT_TYPES = {bare_name(word): word for word in RESULT_TYPES}
