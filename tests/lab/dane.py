"""What happens to a mail where MX hosts have TLSA records, or where that cannot be found out.

Each row is played with `smtp_tls_security_level = may` and `dane` in main.cf, and where it says
what an enforced policy changes, with such a policy as well.
"""

from collections.abc import Iterator
from dataclasses import replace

from .danehosts import (
    ADDRESS_FAILS,
    ALIAS,
    CLEAR,
    IMPLICIT,
    PLAIN,
    TLSA_ABSENT,
    TLSA_AT_ALIAS,
    TLSA_FAILS,
    TLSA_RIGHT,
    TLSA_UNUSABLE,
    TLSA_WRONG,
    UNSIGNED,
    UNUSABLE_AT_ONCE,
    UNUSABLE_HOSTS,
    USABLE_HOSTS,
)
from .ends import (
    DANE,
    DANE_ONLY,
    NOTFOUND,
    End,
    held_back,
    refused,
    secure,
    temp,
    undelivered,
    unprotected,
    verified,
    verified_at_target,
)
from .postfix import Sender
from .published import MailHost
from .scenario import Scenario

LEVELS = {Sender.USUAL: "may", Sender.DANE: "dane"}

FAILED = f"host {TLSA_FAILS.name}: TLSA _25._tcp.{TLSA_FAILS.name}: 127.0.0.1 says SERVFAIL"
LOST = f"host {ADDRESS_FAILS.name}: AAAA {ADDRESS_FAILS.name}: 127.0.0.1 says SERVFAIL"
NO_HOST = undelivered("deferred", "4.4.3", f"name={ADDRESS_FAILS.name} type=A: Host not found")
LOOKUP_ERROR = undelivered("deferred", "4.7.5", f"(TLSA lookup error for {TLSA_FAILS.name}:25)")


def played(
    name: str, domain: str, answer: str, end: End, *rows: str, end_at_dane: End | None = None
) -> Iterator[Scenario]:
    """Return a row with main.cf at either level; `end_at_dane` where the levels differ."""
    for sender, level in LEVELS.items():
        yield Scenario(
            name=f"{name}, main.cf says {level}",
            to=f"{domain}.example",
            sender=sender,
            answer=answer,
            end=end_at_dane if end_at_dane and sender is Sender.DANE else end,
            rows=rows,
        )


def enforced(name: str, domain: str, answer: str, end: End, *rows: str) -> Iterator[Scenario]:
    """Return the same for the domain's neighbour that has an enforced policy."""
    return played(f"{name}, policy enforced", f"{domain}-enforced", answer, end, *rows)


def either(name: str, domain: str, answer: str, end: End, *rows: str) -> Iterator[Scenario]:
    """Return rows where an enforced policy changes nothing."""
    yield from played(name, domain, answer, end, *rows)
    yield from enforced(name, domain, answer, end, *rows)


def mismatch(host: MailHost) -> End:
    return refused(f"verification failed for {host.name}")


def unauthenticated(name: str, host: MailHost) -> End:
    """Say that Postfix found no usable record among those of that name."""
    return unprotected(host, sni=name not in UNUSABLE_AT_ONCE)


def also(end: End, words: str) -> End:
    """Say that Postfix's log says these words, too."""
    return replace(end, says=(*end.says, words))


REQUIRED = (
    *either("TLSA right", "tlsa-right", DANE_ONLY, verified(TLSA_RIGHT), "D1"),
    *either("TLSA wrong", "tlsa-wrong", DANE_ONLY, mismatch(TLSA_WRONG), "D1"),
    *either("TLSA fails at the first MX", "first-fails", DANE_ONLY, verified(TLSA_RIGHT), "D2"),
    *either("TLSA fails at the second MX", "second-fails", DANE_ONLY, verified(TLSA_RIGHT), "D2"),
    *either(
        "address of the first MX fails", "address-fails", DANE_ONLY, verified(TLSA_RIGHT), "D2"
    ),
    *either("first MX has no address", "no-address", DANE_ONLY, verified(TLSA_RIGHT), "D1"),
    *either(
        "MX is an alias, TLSA at its target",
        "alias",
        DANE_ONLY,
        verified_at_target(ALIAS, TLSA_RIGHT),
        "D4",
    ),
    *either(
        "MX is an alias that has TLSA itself",
        "tlsa-at-alias",
        DANE_ONLY,
        verified(TLSA_ABSENT, by=TLSA_AT_ALIAS),
        "D4",
    ),
    *played("no MX, TLSA at the domain", "implicit", DANE_ONLY, verified(IMPLICIT), "D5"),
)

PARTIAL = (
    *played("TLSA unusable", "tlsa-unusable", DANE, unprotected(TLSA_UNUSABLE), "D1"),
    *enforced(
        "TLSA unusable", "tlsa-unusable", secure(TLSA_UNUSABLE), mismatch(TLSA_UNUSABLE), "D1"
    ),
    # Only one of two hosts can be found, and it has no TLSA records.
    *played(
        "address of the first MX fails, second without TLSA",
        "first-lost",
        DANE,
        unprotected(PLAIN),
        "D8",
    ),
    *enforced(
        "address of the first MX fails, second without TLSA",
        "first-lost",
        secure(ADDRESS_FAILS, PLAIN),
        verified(PLAIN),
        "D8",
    ),
    *played(
        "address of the second MX fails, first without TLSA",
        "second-lost",
        DANE,
        unprotected(PLAIN),
        "D8",
    ),
    *enforced(
        "address of the second MX fails, first without TLSA",
        "second-lost",
        secure(PLAIN, ADDRESS_FAILS),
        verified(PLAIN),
        "D8",
    ),
    *played("TLSA at the first MX alone", "first-has-tlsa", DANE, verified(TLSA_RIGHT), "D1"),
    *enforced(
        "TLSA at the first MX alone",
        "first-has-tlsa",
        secure(TLSA_RIGHT, TLSA_ABSENT),
        mismatch(TLSA_RIGHT),
        "D1",
    ),
    *played("TLSA at the second MX alone", "second-has-tlsa", DANE, unprotected(TLSA_ABSENT), "D1"),
    *enforced(
        "TLSA at the second MX alone",
        "second-has-tlsa",
        secure(TLSA_ABSENT, TLSA_RIGHT),
        mismatch(TLSA_ABSENT),
        "D1",
    ),
)

UNKNOWN = (
    *played("TLSA fails", "tlsa-fails", DANE, LOOKUP_ERROR, "D2"),
    *enforced("TLSA fails", "tlsa-fails", temp(FAILED), held_back(temp(FAILED)), "D2", "A4"),
    *played(
        "first MX without TLSA, second fails",
        "absent-and-fails",
        DANE,
        unprotected(TLSA_ABSENT),
        "D2",
    ),
    *enforced(
        "first MX without TLSA, second fails",
        "absent-and-fails",
        temp(FAILED),
        held_back(temp(FAILED)),
        "D2",
    ),
    *enforced(
        "address of the first MX fails, TLSA of the second",
        "first-lost-second-fails",
        temp(FAILED),
        held_back(temp(FAILED)),
        "D2",
        "D8",
    ),
    *played(
        "address of the first MX fails, TLSA of the second",
        "first-lost-second-fails",
        DANE,
        LOOKUP_ERROR,
        "D2",
        "D8",
    ),
    *played("address of the only MX fails", "all-lost", DANE, NO_HOST, "D8"),
    *enforced("address of the only MX fails", "all-lost", temp(LOST), NO_HOST, "D8"),
    *played(
        "zone bogus",
        "bogus",
        DANE,
        undelivered("deferred", "4.4.3", "name=bogus.example type=MX: Host not found, try again"),
        "D2",
    ),
)

NONE = (
    *played(
        "MX unsigned, its host signed with TLSA",
        "unsigned-mx",
        NOTFOUND,
        unprotected(TLSA_RIGHT),
        "D3",
        end_at_dane=unprotected(TLSA_RIGHT, sni=True),  # Postfix tries, and takes it for no proof
    ),
    *enforced(
        "MX unsigned, its host signed with TLSA",
        "unsigned-mx",
        secure(TLSA_RIGHT),
        mismatch(TLSA_RIGHT),
        "D3",
    ),
    *played("MX host unsigned", "unsigned-host", NOTFOUND, unprotected(UNSIGNED), "D4"),
    *enforced("MX host unsigned", "unsigned-host", secure(UNSIGNED), mismatch(UNSIGNED), "D4"),
    *played(
        "null MX",
        "null-mx",
        NOTFOUND,
        undelivered("bounced", "5.1.0", "does not accept mail (nullMX)"),
        "D5",
    ),
)

USABILITY = (
    *(
        scenario
        for name, host in USABLE_HOSTS.items()
        for scenario in played(
            f"TLSA usable: {name}", f"usable-{name}", DANE_ONLY, verified(host), "D6"
        )
    ),
    *(
        scenario
        for name, host in UNUSABLE_HOSTS.items()
        for scenario in played(
            f"TLSA unusable: {name}", f"unusable-{name}", DANE, unauthenticated(name, host), "D6"
        )
    ),
)
"""Postfix and the daemon must agree on which TLSA records are usable."""


def at_encrypt(
    name: str, domain: str, sender: Sender, answer: str, end: End, *rows: str
) -> Scenario:
    """Return a row with main.cf at `encrypt`, and the usual map or the one with `dane: only`."""
    asked = "dane: only" if sender is Sender.ONLY else "dane: true"
    return Scenario(
        name=f"{name}, main.cf says encrypt, {asked}",
        to=f"{domain}.example",
        sender=sender,
        answer=answer,
        end=end,
        rows=("D10", *rows),
    )


NO_TLS_AT_FIRST = f"TLS is required, but was not offered by host {CLEAR.name}"
REQUIRED_FAILED = f"TEMP DANE may be required, but its look-up failed: {FAILED}"

STRICTER = (
    # The answer `dane` lets mail go out in plain text, although main.cf forbids it.
    at_encrypt(
        "first MX without STARTTLS, second with TLSA",
        "clear-first",
        Sender.ENCRYPT,
        DANE,
        End("sent", (), CLEAR, tls=False),
    ),
    at_encrypt(
        "first MX without STARTTLS, second with TLSA",
        "clear-first",
        Sender.ONLY,
        NOTFOUND,
        also(unprotected(TLSA_RIGHT), NO_TLS_AT_FIRST),
    ),
    at_encrypt(
        "the same, policy enforced",
        "clear-first-enforced",
        Sender.ONLY,
        secure(CLEAR, TLSA_RIGHT),
        also(mismatch(TLSA_RIGHT), NO_TLS_AT_FIRST),
    ),
    at_encrypt("TLSA right", "tlsa-right", Sender.ONLY, DANE_ONLY, verified(TLSA_RIGHT)),
    at_encrypt("TLSA wrong", "tlsa-wrong", Sender.ONLY, DANE_ONLY, mismatch(TLSA_WRONG), "D1"),
    at_encrypt(
        "address of the first MX fails, second without TLSA",
        "first-lost",
        Sender.ONLY,
        NOTFOUND,
        unprotected(PLAIN),
        "D8",
    ),
    at_encrypt(
        "TLSA fails",
        "tlsa-fails",
        Sender.ONLY,
        REQUIRED_FAILED,
        held_back(REQUIRED_FAILED),
        "D2",
        "A4",
    ),
    at_encrypt("MX host unsigned", "unsigned-host", Sender.ONLY, NOTFOUND, unprotected(UNSIGNED)),
)
"""What becomes of a main.cf that is stricter than the level `dane`."""

DANE_SCENARIOS = (*REQUIRED, *PARTIAL, *UNKNOWN, *NONE, *USABILITY, *STRICTER)
