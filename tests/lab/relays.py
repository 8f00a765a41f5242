"""What happens to a mail that goes by way of a smart host: row K5.

The next hop says where TLSA records are looked for: with brackets at the host of that name, without
them at the MX hosts of the domain; at port 25, or at the port that it names.
"""

from collections.abc import Iterator
from dataclasses import replace

from .danehosts import ALIAS, TLSA_RIGHT
from .ends import (
    DANE_ONLY,
    NOTFOUND,
    End,
    held_back,
    not_connected,
    refused,
    secure,
    temp,
    unprotected,
    verified,
    verified_at_target,
)
from .internet import MAIL_ADDRESSES
from .postfix import Sender
from .published import MailHost
from .relayhosts import (
    AN_ALIAS,
    ENFORCED,
    FAILS_AT_587,
    NOT_NAMED,
    OPEN,
    RELAYED,
    SMTP,
    SUBMISSION,
    WRONG_AT_587,
    Relay,
)
from .scenario import Scenario

HOPS = ("{}", "{}:587", "[{}]", "[{}]:587")
YES, NO = True, False
VERIFIED_BY_DANE = {
    # published                HOPS: {}   {}:587  [{}]  [{}]:587
    "at-25": ("host and MX host at 25", YES, NO, YES, NO),
    "at-587": ("host and MX host at 587", NO, YES, NO, YES),
    "host-alone": ("host at both ports, MX host without", NO, NO, YES, YES),
    "mx-alone": ("MX host at both ports, host without", YES, YES, NO, NO),
    "no-mx-at-25": ("host at 25, no MX", YES, NO, YES, NO),
    "no-mx-at-587": ("host at 587, no MX", NO, YES, NO, YES),
    "unsigned": ("host and MX host at both ports, unsigned", NO, NO, NO, NO),
}
"""Where the TLSA records are, and for which next hops they count."""


def relayed(name: str, relay: Relay, form: str, answer: str, end: End, *rows: str) -> Scenario:
    """Return the row of a mail by way of a next hop."""
    hop = form.format(relay.domain.name)
    return Scenario(
        name=f"{hop}: {name}",
        to=RELAYED[hop],
        via=hop,
        answer=answer,
        end=end,
        rows=("K3", "K5", *rows),
    )


def receiver(relay: Relay, form: str) -> MailHost:
    return relay.host if "[" in form else relay.mx


def at(host: MailHost, form: str, end: End) -> End:
    """Say that it ends so at the port of the next hop."""
    port = SMTP if form in ("{}", "[{}]") else SUBMISSION
    return replace(end, says=(*end.says, f"{host.name}[{MAIL_ADDRESSES[host.name][0]}]:{port}"))


def rows_of_table(*, enforced: bool) -> Iterator[Scenario]:
    for published, (name, *by_dane) in VERIFIED_BY_DANE.items():
        relay = (ENFORCED if enforced else OPEN)[published]
        for form, dane in zip(HOPS, by_dane, strict=True):
            host = receiver(relay, form)
            if dane:
                answer, end = DANE_ONLY, verified(host)
            elif enforced:
                answer = secure(*dict.fromkeys((relay.host, relay.mx)))
                end = refused(f"verification failed for {host.name}")
            else:
                answer, end = NOTFOUND, unprotected(host)
            yield relayed(f"TLSA of {name}", relay, form, answer, at(host, form, end))


def relayhost(name: str, sender: Sender, relay: Relay, answer: str, end: End) -> Scenario:
    """Return the row of a mail that relayhost sends by way of port 587 of a host in brackets."""
    return Scenario(
        name=f"relayhost = [{relay.domain.name}]:587: {name}",
        to="enforced.example",
        sender=sender,
        key=f"[{relay.domain.name}]:587",
        answer=answer,
        end=at(relay.host, "[{}]:587", end),
        rows=("K3", "K5"),
    )


AT_25, AT_587 = OPEN["at-25"], OPEN["at-587"]
FAILED = f"TLSA _587._tcp.{FAILS_AT_587.host.name}: 127.0.0.1 says SERVFAIL"
HELD = temp(f"host {FAILS_AT_587.host.name}: {FAILED}")

RELAYHOST = (
    # With the first one all mail was deferred where TLSA records were looked for at port 25.
    relayhost("TLSA at 25 alone", Sender.TLSA_AT_25, AT_25, NOTFOUND, unprotected(AT_25.host)),
    relayhost("TLSA at 587", Sender.TLSA_AT_587, AT_587, DANE_ONLY, verified(AT_587.host)),
)

ODD = (
    Scenario(
        name=f"{AN_ALIAS}: an alias, TLSA at its target",
        to=RELAYED[AN_ALIAS],
        via=AN_ALIAS,
        answer=DANE_ONLY,
        end=verified_at_target(ALIAS, TLSA_RIGHT),
        rows=("K5", "D4"),
    ),
    relayed(
        "the port by name, TLSA at 587",
        AT_587,
        "[{}]:submission",
        DANE_ONLY,
        at(AT_587.host, "[{}]:submission", verified(AT_587.host)),
    ),
    relayed(
        "TLSA right at 25, wrong at 587; policy enforced",
        WRONG_AT_587,
        "[{}]:587",
        DANE_ONLY,
        refused(f"verification failed for {WRONG_AT_587.host.name}"),
        "D1",
    ),
    relayed(
        "TLSA fails at 587; policy enforced",
        FAILS_AT_587,
        "[{}]:587",
        HELD,
        held_back(HELD),
        "D2",
    ),
    relayed(
        "TLSA fails at 587, none at 25; policy enforced",
        FAILS_AT_587,
        "[{}]",
        secure(FAILS_AT_587.host),
        verified(FAILS_AT_587.host),
    ),
)

# The policy's patterns are compared with the host that Postfix connects to: the MX host of the next
# hop, or the one that stands in brackets (RFC 8461 §3.4, §4.1).
NAMED = tuple(
    relayed(
        "the policy names the MX host alone",
        NOT_NAMED,
        form,
        secure(NOT_NAMED.mx),
        at(NOT_NAMED.mx, form, verified(NOT_NAMED.mx)),
        "A1",
    )
    for form in ("{}", "{}:587")
) + tuple(
    replace(
        relayed(
            "the policy names the MX host alone",
            NOT_NAMED,
            form,
            secure(NOT_NAMED.mx),
            refused(f"verification failed for {NOT_NAMED.host.name}"),
            "A1",
        ),
        modern_end=not_connected(NOT_NAMED.host, NOT_NAMED.domain.name),
    )
    for form in ("[{}]", "[{}]:587")
)

RELAY_SCENARIOS = (
    *RELAYHOST,
    *rows_of_table(enforced=False),
    *rows_of_table(enforced=True),
    *ODD,
    *NAMED,
)
