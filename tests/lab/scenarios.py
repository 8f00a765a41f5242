"""What happens to a mail, as a table: where it goes, what goes wrong before, and how it ends."""

from dataclasses import dataclass

from .ends import (
    ENFORCES_WRONG,
    NOTFOUND,
    PLAIN,
    UNPROTECTED,
    WITHOUT_STARTTLS,
    WRONG,
    End,
    refused,
    secure,
    unprotected,
    verified,
)
from .internet import (
    BAD_RELAY,
    EXPIRED,
    GOOD,
    MAIL_ADDRESSES,
    NO_STARTTLS,
    RELAY,
    RELAY_MX,
    SECOND,
    SELF_SIGNED,
    UNTRUSTED,
    WRONG_NAME,
    policy,
)
from .postfix import Sender
from .steps import (
    Step,
    answer,
    dns_fails,
    id_check,
    is_cached,
    kill,
    logged,
    new_document,
    new_id,
    policy_host_down,
    record_removed,
    resolver_hangs,
    resolver_stops,
    restart,
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One row: a mail goes `to` a domain, and it ends so."""

    name: str
    to: str
    end: End
    answer: str
    """What the daemon answers for the key when it is asked afterwards."""
    key: str = ""
    """The lookup key; empty: `to`."""
    sender: Sender = Sender.USUAL
    before: tuple[Step, ...] = ()
    own_resolver: bool = False
    """Whether the daemon asks a resolver of its own instead of everybody's."""
    because: str = ""
    """What the daemon logs about the domain, besides its name."""
    fetches: int | None = None
    """How often a policy host was asked for a document; None: it does not matter."""
    rows: tuple[str, ...] = ()
    """The rows of docs/conformance.md that this proves."""

    @property
    def lookup_key(self) -> str:
        return self.key or self.to

    @property
    def policy_domain(self) -> str:
        """The domain whose policy is asked for."""
        return self.lookup_key.removeprefix("[").partition("]")[0]

    @property
    def map_name(self) -> str:
        return "strict" if self.sender is Sender.STRICT else "default"


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
        answer=secure(GOOD),
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
        to=f"[{MAIL_ADDRESSES[WRONG_NAME.name]}]",
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
    unusable("policy host: slow", "web-slow", "took more than 3 s", "P5", fetches=1),
    unusable("policy host: never ends", "web-endless", "took more than 3 s", "P5", fetches=1),
    unusable("policy host: down", "web-down", "connection refused", "C3", fetches=0),
    unusable("policy host: a loopback address", "web-loopback", "127.0.0.80", "P12", fetches=0),
)


def cached(
    name: str, domain: str, *steps: Step, own_resolver: bool = False, rows: tuple[str, ...] = ()
) -> Scenario:
    """Return a row in which the policy was cached, and is still enforced after all `steps`."""
    return Scenario(
        name=f"cached, then {name}",
        to=f"{domain}.example",
        before=(is_cached, *steps),
        end=WRONG,
        answer=ENFORCES_WRONG,
        own_resolver=own_resolver,
        rows=rows,
    )


CHANGES = (
    Scenario(
        name="cached, then a new id: the policy has changed",
        to="new-id.example",
        before=(
            is_cached,
            new_document(policy("enforce", GOOD)),
            new_id,
            restart,
            answer(secure(GOOD)),
        ),
        end=refused(f"verification failed for {WRONG_NAME.name}"),
        answer=secure(GOOD),
        because="policy-changed",
        rows=("C5",),
    ),
    Scenario(
        name="cached, then a new id: the policy is mode none",
        to="new-id-none.example",
        before=(is_cached, new_document(policy("none")), new_id, restart, answer(NOTFOUND)),
        end=UNPROTECTED,
        answer=NOTFOUND,
        because="policy-changed",
        rows=("C5", "C7"),
    ),
    cached(
        "the record is removed", "record-removed", record_removed, restart, id_check, rows=("R6",)
    ),
    cached(
        "a new id: the document is broken",
        "document-broken",
        new_document(b"<html>"),
        new_id,
        restart,
        id_check,
        logged("policy-refresh-failed"),
        rows=("C9",),
    ),
    cached(
        "a new id: the policy host is down",
        "web-goes-down",
        policy_host_down,
        new_id,
        restart,
        id_check,
        logged("policy-refresh-failed"),
        rows=("C2", "C6"),
    ),
    cached("DNS fails", "dns-fails", dns_fails, policy_host_down, rows=("C2",)),
    cached("the resolver is gone", "dns-stops", resolver_stops, own_resolver=True, rows=("C2",)),
    cached(
        "the resolver is gone, and a restart",
        "dns-stays-away",
        resolver_stops,
        restart,
        own_resolver=True,
        rows=("C2",),
    ),
    cached("the resolver hangs", "dns-hangs", resolver_hangs, own_resolver=True, rows=("C2",)),
    cached(
        "all is down, and a restart",
        "restarted",
        dns_fails,
        policy_host_down,
        restart,
        rows=("C2",),
    ),
    cached("all is down, and kill -9", "killed", dns_fails, policy_host_down, kill, rows=("C2",)),
    Scenario(
        name="nothing cached, and DNS fails",
        to="dns-never-worked.example",
        before=(dns_fails,),
        end=UNPROTECTED,
        answer=NOTFOUND,
    ),
    Scenario(
        name="nothing cached, and the resolver hangs",
        to="resolver-never-worked.example",
        before=(resolver_hangs,),
        own_resolver=True,
        end=UNPROTECTED,
        answer=NOTFOUND,
    ),
)

STEADY = (
    *ENFORCED,
    *NOT_ENFORCED,
    *KEYS,
    *WAYS,
    *BROKEN_RECORDS,
    *BROKEN_DOCUMENTS,
    *BROKEN_POLICY_HOSTS,
)
"""What one daemon after the other, whatever it knows already, must do."""

ALL = (*STEADY, *CHANGES)
