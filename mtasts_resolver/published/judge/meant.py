"""What the domain means senders to do, as far as it can be told: by it each defect is weighed."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.findings import Finding, Severity
from mtasts_resolver.policy import (
    Dane,
    DocumentError,
    Mode,
    Policy,
    PolicyRecord,
    RecordError,
    parse_document,
    select_record,
)
from mtasts_resolver.published.judge.words import at_most
from mtasts_resolver.published.observed import Observed, SeenHost

MX_NULL, DOMAIN_UNKNOWN = "mx-null", "domain-unknown"
"""Why there is no MX host, and never will be mail."""


# What happens to mail where an MX host cannot be verified, and the policy is not enforced.
_IN_TESTING = (
    "While the policy is tested, the mail is delivered, and that is reported; were the policy "
    "enforced, it would be held."
)
_IN_CACHES = "Senders that have the policy in their cache, and enforce it, do not deliver there."
_UNASKED = (
    "No policy asks senders to verify this host: the mail is delivered. With one that is enforced "
    "it would be held."
)


class Meant(Struct, frozen=True, kw_only=True):
    """What is published, as read: the policy that a sender gets, if any."""

    record: PolicyRecord | None = None
    policy: Policy | None = None
    attempted: bool = False
    """There is a policy record, or what should be one, or a policy document."""
    dane: bool = False
    """Every MX host that can be used is to be verified with TLSA records (RFC 7672)."""
    no_mail: bool = False
    """The domain does not exist, or a null MX record says that it takes no mail (RFC 7505)."""

    @property
    def mode(self) -> Mode | None:
        """Return the mode of the policy, or None where there is none."""
        return None if self.policy is None else self.policy.mode

    @property
    def at_mx_hosts(self) -> Severity:
        """How bad it is at worst where an MX host cannot be verified as the policy asks.

        Enforced, mail is held. In mode testing it is reported and delivered, and would be held. A
        policy that cannot be had may be in the caches of senders. Else nobody verifies.
        """
        if self.mode is Mode.ENFORCE:
            return Severity.ERROR
        if self.mode is Mode.TESTING or (self.policy is None and self.attempted):
            return Severity.WARNING
        return Severity.NOTE

    def at_mx_host(self, finding: Finding) -> Finding:
        """Return the finding on an MX host that cannot be verified, as bad as that is."""
        if self.mode is Mode.ENFORCE:
            return finding
        if self.mode is Mode.TESTING:
            matters = _IN_TESTING
        elif self.policy is None and self.attempted:
            matters = _IN_CACHES
        else:
            matters = _UNASKED
        return replace(at_most(finding, self.at_mx_hosts), matters=matters)


def read(observed: Observed) -> Meant:
    """Return what the domain means, as read from what was seen."""
    texts = [text.encode() for text in observed.record.texts]
    try:
        record = select_record(texts)
    except RecordError:
        record = None
    policies = list(_policies(observed.policy_host))
    failure = observed.mx_failure
    return Meant(
        record=record,
        policy=policies[0] if policies and record is not None else None,
        attempted=record is not None or bool(policies) or any(map(is_attempt, texts)),
        dane=observed.dane == Dane.REQUIRED.value,
        no_mail=failure is not None and failure.code in (MX_NULL, DOMAIN_UNKNOWN),
    )


def is_attempt(text: bytes) -> bool:
    """Tell whether `text`, at the name of a policy record, is meant to be one.

    Others stand there where a wildcard has TXT records.
    """
    return b"v=sts" in text[:16].lower() or text.lstrip(b' \t"').startswith(b"id=")


def _policies(host: SeenHost) -> Iterator[Policy]:
    """Yield the policy that each address of the policy host serves, where it is valid."""
    for seen in host.addresses:
        if seen.document is not None and seen.failure is None:
            try:
                yield parse_document(seen.document.encode())
            except DocumentError:
                continue
