"""Smart hosts, and the domains of that name with MX hosts of their own, as data.

Each has TLSA records in other places. Only DANE can verify most of their certificates, so that mail
shows whether DANE or the policy decided. All listen on ports 25 and 587.
"""

from typing import NamedTuple

from .danehosts import ALIAS, RIGHT, WRONG
from .published import Certificate, Dnssec, Domain, MailHost, policy

SMTP, SUBMISSION = 25, 587


class Relay(NamedTuple):
    """A domain that mail is relayed to: by its MX record, or to the host of that name."""

    domain: Domain
    host: MailHost
    mx: MailHost
    """The host itself, where there is no MX record."""


class Published(NamedTuple):
    """Where a relay has TLSA records."""

    itself: tuple[int, ...]
    its_mx: tuple[int, ...] | None
    """None: it has no MX record."""
    dnssec: Dnssec = Dnssec.SIGNED


PUBLISHED = {
    "at-25": Published((SMTP,), (SMTP,)),
    "at-587": Published((SUBMISSION,), (SUBMISSION,)),
    "host-alone": Published((SMTP, SUBMISSION), ()),
    "mx-alone": Published((), (SMTP, SUBMISSION)),
    "no-mx-at-25": Published((SMTP,), None),
    "no-mx-at-587": Published((SUBMISSION,), None),
    "unsigned": Published((SMTP, SUBMISSION), (SMTP, SUBMISSION), Dnssec.UNSIGNED),
}


def listener(name: str, at: tuple[int, ...]) -> MailHost:
    """Return a host with right TLSA records at these ports."""
    return MailHost(
        name,
        Certificate.WRONG_NAME,
        tlsa=(RIGHT,) if SMTP in at else (),
        submission_tlsa=(RIGHT,) if SUBMISSION in at else (),
        ports=(SMTP, SUBMISSION),
    )


def relay(name: str, published: Published, *, enforced: bool) -> Relay:
    """Return the relay, with or without a policy that names the host and the MX host."""
    name = f"relay-{name}-enforced.example" if enforced else f"relay-{name}.example"
    host = listener(name, published.itself)
    mx = host if published.its_mx is None else listener(f"mx.{name}", published.its_mx)
    document = policy("enforce", *dict.fromkeys((host, mx))) if enforced else None
    domain = Domain(name, (mx,), document, dnssec=published.dnssec, implicit=mx is host)
    return Relay(domain, host, mx)


def single(name: str, host: MailHost) -> Relay:
    """Return a relay of one host, whose policy names it."""
    return Relay(Domain(name, (host,), policy("enforce", host), implicit=True), host, host)


OPEN = {name: relay(name, published, enforced=False) for name, published in PUBLISHED.items()}
ENFORCED = {name: relay(name, published, enforced=True) for name, published in PUBLISHED.items()}

WRONG_AT_587 = single(
    "relay-wrong.example",
    MailHost(
        "relay-wrong.example",
        Certificate.GOOD,
        tlsa=(RIGHT,),
        submission_tlsa=(WRONG,),
        ports=(SMTP, SUBMISSION),
    ),
)
FAILS_AT_587 = single(
    "relay-fails.example",
    MailHost(
        "relay-fails.example",
        Certificate.GOOD,
        submission_tlsa=(RIGHT,),
        tlsa_fails=True,
        ports=(SMTP, SUBMISSION),
    ),
)
OTHER_HOST = MailHost("relay-not-named.example", Certificate.GOOD, ports=(SMTP, SUBMISSION))
NAMED_HOST = MailHost("mx.relay-not-named.example", Certificate.GOOD, ports=(SMTP, SUBMISSION))
NOT_NAMED = Relay(
    Domain(OTHER_HOST.name, (NAMED_HOST,), policy("enforce", NAMED_HOST)), OTHER_HOST, NAMED_HOST
)
"""Its policy names its MX host, and not the host that is called as the domain is."""

RELAYS = (*OPEN.values(), *ENFORCED.values(), WRONG_AT_587, FAILS_AT_587, NOT_NAMED)
RELAY_HOSTS = tuple(dict.fromkeys(host for relay in RELAYS for host in (relay.host, relay.mx)))
RELAY_DOMAINS = tuple(relay.domain for relay in RELAYS)

AN_ALIAS = f"[{ALIAS.name}]"
"""Its target has TLSA records at port 25."""

NEXT_HOPS = (
    AN_ALIAS,
    *(
        form.format(name)
        for name in (domain.name for domain in RELAY_DOMAINS)
        for form in ("{}", "{}:587", "[{}]", "[{}]:587", "[{}]:submission")
    ),
)
RELAYED = {hop: f"relayed-{number}.example" for number, hop in enumerate(NEXT_HOPS, start=1)}
"""The recipient domain that transport_maps sends by way of each next hop."""
