"""What happens to a mail while all that was published stays as it is: one row, one mail.

It goes to a domain in one of several ways, and ends as the domain's policy says.
"""

from .daemon import HTTPS_TIMEOUT
from .ends import (
    ENFORCES_WRONG,
    NOTFOUND,
    PLAIN,
    UNPROTECTED,
    WITHOUT_STARTTLS,
    WRONG,
    End,
    not_connected,
    refused,
    secure,
    unprotected,
    verified,
)
from .internet import (
    BAD_RELAY,
    EXPIRED,
    GOOD,
    IMPOSTOR,
    MAIL_ADDRESSES,
    NO_STARTTLS,
    RELAY,
    RELAY_MX,
    SECOND,
    SELF_SIGNED,
    UNTRUSTED,
    WRONG_NAME,
)
from .postfix import Sender
from .scenario import Scenario

TOO_SLOW = f"took more than {HTTPS_TIMEOUT:g} s"

ENFORCED = (
    Scenario(
        name="enforced and verified",
        to="enforced.example",
        end=verified(GOOD),
        answer=secure(GOOD, ".mx.example"),
        fetches=1,
        rows=("P1", "A1"),
    ),
    Scenario(
        name="enforced, unknown fields in the policy",
        to="extended.example",
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("P8", "A2", "A5"),
    ),
    Scenario(
        name="enforced, with an address, a final dot and a blank line",
        to="lenient.example",
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("P6", "P9"),
    ),
    Scenario(
        name="enforced, certificate expired",
        to="expired.example",
        end=refused("certificate has expired"),
        answer=secure(EXPIRED),
    ),
    Scenario(
        name="enforced, certificate for another name",
        to="wrong-name.example",
        end=WRONG,
        answer=ENFORCES_WRONG,
    ),
    Scenario(
        name="enforced, certificate self-signed",
        to="self-signed.example",
        end=refused("self-signed certificate"),
        answer=secure(SELF_SIGNED),
    ),
    Scenario(
        name="enforced, certificate of an unknown CA",
        to="untrusted.example",
        end=refused("untrusted issuer"),
        answer=secure(UNTRUSTED),
    ),
    Scenario(
        name="enforced, no STARTTLS",
        to="no-starttls.example",
        end=WITHOUT_STARTTLS,
        answer=secure(NO_STARTTLS),
    ),
    Scenario(
        name="enforced, MX host outside the policy",
        to="outside.example",
        end=refused(f"verification failed for {SECOND.name}"),
        modern_end=not_connected(SECOND, "outside.example"),
        answer=secure(GOOD),
    ),
    # Before 3.10 Postfix compares the certificate with the policy, but not the MX host's name.
    Scenario(
        name="enforced, MX host outside the policy, certificate of a host inside",
        to="impostor.example",
        end=verified(IMPOSTOR),
        modern_end=not_connected(IMPOSTOR, "impostor.example"),
        answer=secure(GOOD),
        rows=("A2",),
    ),
    Scenario(
        name="enforced, first MX bad, second good",
        to="second-good.example",
        end=verified(GOOD),
        answer=secure(WRONG_NAME, GOOD),
    ),
    Scenario(
        name="enforced, record and policy host are a provider's",
        to="hosted.example",
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("R5",),
    ),
    Scenario(
        name="enforced, media type with a parameter, chunked",
        to="web-charset.example",
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("P4",),
    ),
    Scenario(
        name="enforced, policy host keeps the connection open",
        to="web-keeps-open.example",
        end=verified(GOOD),
        answer=secure(GOOD),
    ),
    Scenario(
        name="enforced, policy host dead at its IPv6 address",
        to="web-dead-ipv6.example",
        end=verified(GOOD),
        answer=secure(GOOD),
    ),
    Scenario(
        name="enforced, document of exactly 64 KiB",
        to="web-full.example",
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("P5",),
    ),
)

NOT_ENFORCED = (
    Scenario(
        name="testing, certificate good",
        to="testing.example",
        end=unprotected(GOOD),
        answer=NOTFOUND,
        rows=("C8",),
    ),
    Scenario(
        name="testing, certificate bad",
        to="testing-bad.example",
        end=UNPROTECTED,
        answer=NOTFOUND,
        rows=("C8",),
    ),
    Scenario(
        name="testing, no STARTTLS",
        to="testing-no-starttls.example",
        end=PLAIN,
        answer=NOTFOUND,
        rows=("C8",),
    ),
    Scenario(
        name="testing, certificate bad, in a map that enforces testing",
        to="testing-bad.example",
        sender=Sender.STRICT,
        end=WRONG,
        answer=ENFORCES_WRONG,
        rows=("C8",),
    ),
    Scenario(
        name="testing, certificate good, in a map that enforces testing",
        to="testing.example",
        sender=Sender.STRICT,
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("C8",),
    ),
    Scenario(
        name="mode none",
        to="none.example",
        end=UNPROTECTED,
        answer=NOTFOUND,
    ),
    Scenario(
        name="no record",
        to="no-record.example",
        end=UNPROTECTED,
        answer=NOTFOUND,
        fetches=0,
    ),
    Scenario(
        name="sub-domain of a domain with a policy",
        to="sub.enforced.example",
        end=UNPROTECTED,
        answer=NOTFOUND,
        fetches=0,
        rows=("K1",),
    ),
    Scenario(
        name="the key that Postfix asks for the parent",
        to="sub.enforced.example",
        key=".enforced.example",
        end=UNPROTECTED,
        answer=NOTFOUND,
        fetches=0,
        rows=("K1",),
    ),
)

KEYS = (
    Scenario(
        name="smart host, in brackets with a port",
        to="no-record.example",
        sender=Sender.RELAY_HOST,
        key="[relay.example]:25",
        end=verified(RELAY),
        answer=secure(RELAY, RELAY_MX),
        rows=("K3",),
    ),
    Scenario(
        name="smart host, by its MX record",
        to="no-record.example",
        sender=Sender.RELAY_DOMAIN,
        key="relay.example",
        end=verified(RELAY_MX),
        answer=secure(RELAY, RELAY_MX),
        rows=("K3",),
    ),
    Scenario(
        name="smart host, certificate for another name",
        to="enforced.example",
        sender=Sender.BAD_RELAY,
        key="[bad-relay.example]:25",
        end=refused(f"verification failed for {BAD_RELAY.name}"),
        answer=secure(BAD_RELAY),
        rows=("K3",),
    ),
    Scenario(
        name="address literal",
        to=f"[{MAIL_ADDRESSES[WRONG_NAME.name][0]}]",
        end=End("sent", ("rusted TLS connection established to",), WRONG_NAME),
        answer=NOTFOUND,
        fetches=0,
        rows=("K2",),
    ),
    Scenario(
        name="IDN, A-label",
        to="xn--bcher-kva.example",
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("K4",),
    ),
    Scenario(
        name="IDN, U-label",
        to="bücher.example",
        end=verified(GOOD),
        answer=secure(GOOD),
        rows=("K4",),
    ),
    Scenario(
        name="domain in capitals",
        to="ENFORCED.Example",
        end=verified(GOOD),
        answer=secure(GOOD, ".mx.example"),
        rows=("K4",),
    ),
)

WAYS = tuple(
    Scenario(
        name=f"{what}, {way}",
        to=f"{domain}.example",
        sender=sender,
        end=end,
        answer=reply,
    )
    for sender, way in (
        (Sender.CHROOTED, "over a unix socket, from a chrooted smtp"),
        (Sender.TCP_TABLE, "over tcp_table"),
        (Sender.PROXIED, "through proxymap"),
    )
    for what, domain, end, reply in (
        ("enforced and verified", "enforced", verified(GOOD), secure(GOOD, ".mx.example")),
        ("enforced and refused", "wrong-name", WRONG, ENFORCES_WRONG),
        ("no record", "no-record", UNPROTECTED, NOTFOUND),
    )
)


def unusable(name: str, domain: str, because: str, *rows: str, fetches: int | None) -> Scenario:
    """Return the row of a policy that cannot be used, and so must not make mail fail."""
    return Scenario(
        name=name,
        to=f"{domain}.example",
        end=UNPROTECTED,
        answer=NOTFOUND,
        because=because,
        fetches=fetches,
        rows=rows,
    )


BROKEN_RECORDS = (
    unusable("record: two of them", "two-records", "2 TXT records begin with", "R2", fetches=0),
    unusable("record: no id", "no-id", "it has no id", "R3", fetches=0),
    unusable(
        "record: an id with hyphens", "bad-id", "'id=2026-11-01' is malformed", "R3", fetches=0
    ),
    unusable(
        "record: another version", "wrong-version", "no TXT record begins with", "R1", fetches=0
    ),
    unusable("record: version not first", "not-first", "", "R1", fetches=0),
)

BROKEN_DOCUMENTS = (
    unusable("document: no version", "no-version", "there is no version", "P7", fetches=1),
    unusable(
        "document: unknown mode", "bad-mode", "the mode 'enforced' is none of", "P7", fetches=1
    ),
    unusable(
        "document: max_age no number",
        "bad-max-age",
        "max_age '1_000' is not a number",
        "P10",
        fetches=1,
    ),
    unusable("document: no max_age", "no-max-age", "there is no max_age", "P7", fetches=1),
    unusable("document: mx no host name", "bad-mx", "is not a host name", "P9", fetches=1),
    unusable("document: no mx", "no-mx", "there is no mx", "P7", fetches=1),
    unusable("document: HTML", "html", "'<!DOCTYPE html>' is not", fetches=1),
    unusable("document: not UTF-8", "not-utf8", "line 5: it is not UTF-8", fetches=1),
)

BROKEN_POLICY_HOSTS = (
    unusable(
        "policy host: certificate expired", "web-expired", "expired 3 days ago", "P1", fetches=0
    ),
    unusable(
        "policy host: wrong name",
        "web-wrong-name",
        "is for elsewhere.invalid, not for",
        "P1",
        fetches=0,
    ),
    unusable(
        "policy host: name only in the CN", "web-common-name", "holds no DNS name", "P1", fetches=0
    ),
    unusable("policy host: self-signed", "web-self-signed", "is self-signed", "P1", fetches=0),
    unusable(
        "policy host: unknown CA", "web-untrusted", "authority that is not trusted", "P1", fetches=0
    ),
    unusable(
        "policy host: redirect",
        "web-redirect",
        "redirect to https://mta-sts.wrong-name",
        "P2",
        fetches=1,
    ),
    unusable("policy host: 404", "web-404", "404 Not Found", "P2", fetches=1),
    unusable("policy host: 500", "web-500", "500 Internal Server Error", "P2", fetches=1),
    unusable("policy host: text/html", "web-html", "media type text/html", "P4", fetches=1),
    unusable("policy host: too long", "web-large", "longer than 65,536 bytes", "P5", fetches=1),
    unusable(
        "policy host: too long, chunked",
        "web-large-chunked",
        "longer than 65,536 bytes",
        "P5",
        fetches=1,
    ),
    unusable(
        "policy host: too long, length unsaid",
        "web-large-close",
        "longer than 65,536 bytes",
        "P5",
        fetches=1,
    ),
    unusable("policy host: gzip", "web-gzip", "content coding gzip", "P5", fetches=1),
    unusable(
        "policy host: gzip of a megabyte", "web-gzip-large", "content coding gzip", "P5", fetches=1
    ),
    unusable("policy host: slow", "web-slow", TOO_SLOW, "P5", fetches=1),
    unusable("policy host: never ends", "web-endless", TOO_SLOW, "P5", fetches=1),
    unusable("policy host: down", "web-down", "connection refused", "C3", fetches=0),
    unusable("policy host: a loopback address", "web-loopback", "127.0.0.80", "P12", fetches=0),
)

MAIN = (*ENFORCED, *NOT_ENFORCED, *KEYS)

STEADY = (
    *MAIN,
    *WAYS,
    *BROKEN_RECORDS,
    *BROKEN_DOCUMENTS,
    *BROKEN_POLICY_HOSTS,
)
"""What one daemon after the other, whatever it knows already, must do."""
