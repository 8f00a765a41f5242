"""What mail is sent while a log is recorded, and how each must end: the truth of the far ends.

The expectations are of what the lab has set up; recording.py compares them with what receivers saw.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from mtasts_resolver.maillog.events import Cause
from tests.recordings.truth import Attempt, Session

from .checkhosts import INJECTS, NOT_YET, OUTDATED_ONLY, REFUSES, REFUSES_STARTTLS, WELL
from .correspondent import REMOTE
from .danehosts import TLSA_RIGHT, TLSA_UNUSABLE, TLSA_WRONG
from .internet import (
    EXPIRED,
    GOOD,
    IMPOSTOR,
    NO_STARTTLS,
    RELAY,
    SECOND,
    SELF_SIGNED,
    UNTRUSTED,
    WRONG_NAME,
)
from .published import MailHost

STS, DANE = "mta-sts", "dane"
"""By whose word TLS is enforced."""


@dataclass(frozen=True)
class Deed:
    """A message to one recipient."""

    domain: str
    attempt: Attempt
    enforced: str = ""
    older: Attempt | None = None
    """How it ends with Postfix before 3.10, if otherwise."""
    header: str = ""
    user: str = ""
    """The local part; empty: one that no other message has."""
    spelling: str = ""
    """Of the domain, in the address; empty: as it is."""


def sent(host: MailHost | str, level: str, version: str = "", cipher: str = "") -> Attempt:
    """Say that a host got it; of what is no host of the lab's, how."""
    name = host if isinstance(host, str) else host.name
    return Attempt(status="sent", host=name, session=Session(level, version, cipher))


def after(host: MailHost, attempt: Attempt) -> Attempt:
    """Say that a host with a wrong certificate was given up before."""
    return replace(attempt, left=((host.name, Cause.NAME_MISMATCH.value),))


def held(cause: Cause, host: MailHost | None = None) -> Attempt:
    """Say that TLS held it, at a host or before there was one."""
    return Attempt(status="deferred", host=host.name if host else "", cause=cause.value)


def returned(cause: Cause, host: MailHost | None = None) -> Attempt:
    """Say that its sender got it back, for it demanded more than can be had."""
    return Attempt(status="bounced", host=host.name if host else "", cause=cause.value)


def failed(status: str, host: str = "") -> Attempt:
    """Say that it did not go out, for a reason that has nothing to do with TLS."""
    return Attempt(status=status, host=host)


OUTSIDE = held(Cause.MX_OUTSIDE_POLICY)
ANONYMOUS = ("TLSv1.2", "ADH-AES256-GCM-SHA384")
CURRENT = ("TLSv1.3", "TLS_AES_256_GCM_SHA384")

SENT = (
    Deed("enforced.example", sent(GOOD, "verified"), STS),
    Deed("tlsa-right.example", sent(TLSA_RIGHT, "verified"), DANE),
    Deed("testing.example", sent(GOOD, "trusted")),
    Deed("no-record.example", sent(WRONG_NAME, "trusted")),
    Deed("untrusted-open.example", sent(UNTRUSTED, "untrusted")),
    Deed("self-signed-open.example", sent(SELF_SIGNED, "untrusted")),
    Deed("plain-open.example", sent(NO_STARTTLS, "none")),
    Deed("remote-open.example", sent(REMOTE, "trusted", *CURRENT)),
    Deed("anonymous-open.example", sent(REMOTE, "anonymous", *ANONYMOUS)),
    Deed("off-open.example", sent(GOOD, "none")),
    Deed("encrypted.example", sent(WRONG_NAME, "trusted")),
    Deed("relayed.example", sent(RELAY, "verified"), STS),
    Deed("first-has-tlsa.example", sent(TLSA_RIGHT, "verified")),
    Deed("unsigned-mx.example", sent(TLSA_RIGHT, "trusted")),
    Deed("tlsa-unusable.example", sent(TLSA_UNUSABLE, "trusted")),
    Deed("second-good.example", after(WRONG_NAME, sent(GOOD, "verified")), STS),
    Deed("mx-down.example", sent(WELL, "verified"), STS),
    Deed("xn--bcher-kva.example", sent(GOOD, "verified"), STS, spelling="bücher.example"),
    Deed("enforced.example", sent(GOOD, "verified"), STS, spelling="ENFORCED.Example"),
    Deed("impostor.example", OUTSIDE, STS, older=sent(IMPOSTOR, "verified")),
)
HELD = (
    Deed("wrong-name.example", held(Cause.NAME_MISMATCH, WRONG_NAME), STS),
    Deed("wrong-name.example", held(Cause.NAME_MISMATCH, WRONG_NAME), STS),
    Deed("untrusted.example", held(Cause.UNTRUSTED, UNTRUSTED), STS),
    Deed("mx-not-yet.example", held(Cause.NOT_YET_VALID, NOT_YET), STS),
    Deed("no-starttls.example", held(Cause.NO_STARTTLS, NO_STARTTLS), STS),
    Deed("mx-refuses-starttls.example", held(Cause.STARTTLS_REFUSED, REFUSES_STARTTLS), STS),
    Deed("mx-injects.example", held(Cause.HANDSHAKE, INJECTS), STS),
    Deed("outside.example", OUTSIDE, STS, older=held(Cause.NAME_MISMATCH, SECOND)),
    Deed("tlsa-wrong.example", held(Cause.DANE_MISMATCH, TLSA_WRONG), DANE),
    Deed("tlsa-fails-enforced.example", held(Cause.POLICY_LOOKUP), STS),
    Deed("unasked.example", held(Cause.POLICY_LOOKUP)),
    Deed("invalid.example", held(Cause.POLICY_INVALID)),
    Deed("unusable-0-0-1.example", held(Cause.DANE_UNUSABLE)),
    Deed("unsigned-host.example", held(Cause.DANE_UNUSABLE)),
    Deed("encrypted-plain.example", held(Cause.NO_STARTTLS, NO_STARTTLS)),
    Deed("encrypted-refused.example", held(Cause.STARTTLS_REFUSED, REFUSES_STARTTLS)),
)
REUSED = (
    *(Deed("hosted.example", sent(GOOD, "verified"), STS) for _ in range(3)),
    *(Deed("reused-open.example", sent(GOOD, "trusted")) for _ in range(3)),
    *(Deed("hosted.example", sent(GOOD, "verified"), STS) for _ in range(2)),
    *(Deed("reused-plain.example", sent(NO_STARTTLS, "none")) for _ in range(3)),
    *(Deed("expired.example", held(Cause.EXPIRED, EXPIRED), STS) for _ in range(2)),
    Deed("mx-outdated-only.example", held(Cause.HANDSHAKE, OUTDATED_ONLY), STS),
    Deed("hosted.example", sent(GOOD, "verified"), STS),
)
"""Over cached connections, by tlsproxy(8): one after the other."""
OF_NO_CONCERN = (
    Deed("mx-refuses.example", failed("deferred", REFUSES.name), STS),
    Deed("null-mx.example", failed("bounced")),
    Deed("nowhere.example", failed("bounced")),
    Deed("remote-open.example", failed("bounced", REMOTE), user="nobody"),
)
"""What fails for other reasons."""
MODERN = (Deed("lenient.example", sent(GOOD, "trusted"), STS, header="TLS-Required: no"),)
"""What Postfix before 3.10 does not know."""
REQUIRED = "Require-TLS-ESMTP: yes"
LATEST = (
    Deed("remote-open.example", sent(REMOTE, "trusted", *CURRENT), header=REQUIRED),
    Deed("extended.example", returned(Cause.REQUIRETLS, GOOD), STS, header=REQUIRED),
    Deed("plain-open.example", returned(Cause.REQUIRETLS), header=REQUIRED),
)
"""What Postfix before 3.11 does not know."""
