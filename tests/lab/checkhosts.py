"""Domains that are looked over by `check`, as data: one that is as it should be, and what is not.

Much that can be wrong has a domain in internet.py already, or in danehosts.py; here is the rest. No
mail is sent to any of it.
"""

import msgspec

from .danehosts import ALIAS, NULL, RIGHT
from .published import (
    IPV4,
    IPV6,
    Certificate,
    Domain,
    MailHost,
    PolicyHost,
    Smtp,
    Tls,
    policy,
    record,
)

BOTH = (IPV4, IPV6)
MONTHS = 10_368_000
"""Seconds: a max_age as large senders publish it."""


def mx(name: str, certificate: Certificate | None = Certificate.GOOD, **kind: object) -> MailHost:
    """Return an MX host that has something of its own."""
    return msgspec.convert(
        {"name": f"{name}.mx.example", "certificate": certificate} | kind, MailHost
    )


MODEL_HOSTS = tuple(
    MailHost(f"{name}.model.example", Certificate.GOOD, (RIGHT,), families=BOTH)
    for name in ("mx1", "mx2")
)
RENEWED_LATE = MailHost("mx1.neglected.example", Certificate.ENDS_IN_WEEKS)
RENAMED = MailHost("mx2.neglected.example", Certificate.GOOD)
ENDS_IN_DAYS = mx("ends-in-days", Certificate.ENDS_IN_DAYS)
ENDS_IN_WEEKS = mx("ends-in-weeks", Certificate.ENDS_IN_WEEKS)
INCOMPLETE = mx("incomplete", Certificate.INCOMPLETE)
NOT_YET = mx("not-yet", Certificate.NOT_YET)
COMMON_NAME = mx("common-name", Certificate.COMMON_NAME_ONLY)
OUTDATED_TOO = mx("outdated-too", tls=Tls.OUTDATED_TOO)
OUTDATED_ONLY = mx("outdated-only", tls=Tls.OUTDATED_ONLY)
FORBIDDEN = mx("forbidden", address="127.0.0.25")
DOWN = mx("down", down=(IPV4,))
DOWN_BY_IPV6 = mx("down-by-ipv6", families=BOTH, down=(IPV6,))
REFUSES = mx("refuses", smtp=Smtp.REFUSES)
REFUSES_STARTTLS = mx("refuses-starttls", smtp=Smtp.REFUSES_STARTTLS)
INJECTS = mx("injects", smtp=Smtp.INJECTS)
IS_NO_SMTP = mx("is-no-smtp", smtp=Smtp.IS_NO_SMTP)
NO_HOST_NAME = MailHost("mx_1.example", None, reachable=False)
"""What an MX record must not name."""
MANY = mx("many", more_addresses=tuple(f"198.51.100.{n}" for n in range(201, 206)))
LOST = MailHost("lost.mx.example", None, reachable=False)
WELL = mx("as-it-should-be", families=BOTH)
"""For domains that have something else wrong."""

CHECKED_HOSTS = (
    *MODEL_HOSTS,
    RENEWED_LATE,
    RENAMED,
    ENDS_IN_DAYS,
    ENDS_IN_WEEKS,
    INCOMPLETE,
    NOT_YET,
    COMMON_NAME,
    OUTDATED_TOO,
    OUTDATED_ONLY,
    FORBIDDEN,
    DOWN,
    DOWN_BY_IPV6,
    REFUSES,
    REFUSES_STARTTLS,
    INJECTS,
    IS_NO_SMTP,
    MANY,
    LOST,
    WELL,
)

ENFORCE = policy("enforce", WELL, max_age=MONTHS)


def web(name: str, **does: object) -> Domain:
    """Return a domain with nothing wrong but its policy host."""
    host = msgspec.convert(does, PolicyHost)
    return Domain(f"web-{name}.example", (WELL,), ENFORCE, policy_host=host)


def document(name: str, text: bytes) -> Domain:
    """Return a domain with nothing wrong but its document."""
    return Domain(f"text-{name}.example", (WELL,), text)


def served_by(name: str, *hosts: MailHost) -> Domain:
    """Return a domain with nothing wrong but its MX hosts."""
    return Domain(f"mx-{name}.example", hosts, policy("enforce", *hosts, max_age=MONTHS))


def reporting(name: str, *records: str) -> Domain:
    """Return a domain with nothing wrong but its record for TLS reports."""
    return Domain(f"reports-{name}.example", (WELL,), ENFORCE, reports=records)


def recorded(name: str, *records: str, **kind: object) -> Domain:
    """Return a domain with nothing wrong but its policy record."""
    return msgspec.structs.replace(
        Domain(f"record-{name}.example", (WELL,), ENFORCE, records=records), **kind
    )


MODEL = Domain(
    "model.example",
    MODEL_HOSTS,
    policy("enforce", *MODEL_HOSTS, max_age=MONTHS),
    policy_host=PolicyHost(families=BOTH),
)

NEGLECTED = Domain(
    "neglected.example",
    (RENEWED_LATE, RENAMED),
    policy("enforce", RENEWED_LATE, "mail.neglected.example", max_age=86_400),
    policy_host=PolicyHost(certificate=Certificate.ENDS_IN_DAYS),
    reports=(),
)
"""Set up once, and then forgotten."""

KEPT_ID = Domain("kept-id.example", (WELL,), ENFORCE)

CHECKED_RECORDS = (
    recorded("absent"),
    Domain("record-lost.example", (WELL,), provider="lost-provider.example"),
    recorded("fails", record("1"), fails=("_mta-sts",)),
    recorded("space", "v=STSv1 ; id=1;"),
    recorded("more-fields", "v=STSv1; id=1; mode=enforce;"),
    recorded("for-long", record("1"), ttl=172_800),
)
CHECKED_POLICY_HOSTS = (
    web("ends-in-days", certificate=Certificate.ENDS_IN_DAYS),
    web("ends-in-weeks", certificate=Certificate.ENDS_IN_WEEKS),
    web("not-yet", certificate=Certificate.NOT_YET),
    web("incomplete", certificate=Certificate.INCOMPLETE),
    web("outdated-too", tls=Tls.OUTDATED_TOO),
    web("outdated-only", tls=Tls.OUTDATED_ONLY),
    web("no-tls", tls=Tls.NONE),
    web("down-by-ipv4", families=BOTH, down=(IPV4,)),
    web("down-by-ipv6", families=BOTH, down=(IPV6,)),
    web("differs", families=BOTH, document_by_ipv6=policy("testing", WELL, max_age=MONTHS)),
    web("cached", headers=(("Cache-Control", "public, max-age=604800"),)),
    Domain("web-nowhere.example", (WELL,), records=(record("1"),)),
    Domain("web-fails.example", (WELL,), ENFORCE, fails=("mta-sts",)),
)
CHECKED_DOCUMENTS = (
    document("unknown-field", ENFORCE + b"max-age: 1\r\n"),
    document("twice", ENFORCE + b"mode: testing\r\n"),
    document("bom", b"\xef\xbb\xbf" + ENFORCE),
    document("no-field", ENFORCE + b"Contact postmaster\r\n"),
    document("two-in-a-line", policy("enforce", f"{WELL.name}, {DOWN.name}", max_age=MONTHS)),
    document("inner-wildcard", policy("enforce", "mail.*.example", WELL, max_age=MONTHS)),
    document("bad-lines", b"version: STSv1\nmode: on\nmx: *\nmax_age: 1 week\n"),
    document("address", policy("enforce", WELL, "192.0.2.25", max_age=MONTHS)),
    document("final-dot", policy("enforce", f"{WELL.name}.", max_age=MONTHS)),
    document("blank-line", ENFORCE.replace(b"mode:", b"\r\nmode:")),
    document("bare-lines", ENFORCE.replace(b"\r\n", b"\n")),
    document("pattern-without-host", policy("enforce", WELL, LOST, max_age=MONTHS)),
    document("for-an-hour", policy("enforce", WELL, max_age=3_600)),
    document("for-days", policy("enforce", WELL, max_age=172_800)),
    document("for-ever", policy("enforce", WELL, max_age=31_557_601)),
    document("testing", policy("testing", WELL, max_age=MONTHS)),
    document("none", policy("none", max_age=MONTHS)),
)
CHECKED_MX_HOSTS = (
    served_by("ends-in-days", ENDS_IN_DAYS),
    served_by("ends-in-weeks", ENDS_IN_WEEKS),
    served_by("not-yet", NOT_YET),
    served_by("incomplete", INCOMPLETE),
    served_by("common-name", COMMON_NAME),
    served_by("outdated-too", OUTDATED_TOO),
    served_by("outdated-only", OUTDATED_ONLY),
    served_by("forbidden", FORBIDDEN, WELL),
    served_by("down", DOWN, WELL),
    served_by("down-by-ipv6", DOWN_BY_IPV6),
    served_by("refuses", REFUSES),
    served_by("refuses-starttls", REFUSES_STARTTLS),
    served_by("injects", INJECTS),
    served_by("is-no-smtp", IS_NO_SMTP),
    served_by("lost", LOST, WELL),
    served_by("many", MANY),
    served_by("is-alias", ALIAS),
    Domain("mx-no-host-name.example", (NO_HOST_NAME, WELL), ENFORCE),
    Domain("mx-null.example", (NULL,), ENFORCE),
)
CHECKED_REPORTS = (
    reporting("none"),
    Domain("reports-fail.example", (WELL,), ENFORCE, fails=("_smtp._tls",)),
    Domain("reports-untold.example", (WELL,), policy("testing", WELL, max_age=MONTHS), reports=()),
    reporting("broken", "v=TLSRPTv1; rua=tls@reports.example"),
    reporting("nowhere", "v=TLSRPTv1; rua=ftp://reports.example/"),
    reporting("two", *(f"v=TLSRPTv1; rua=mailto:{who}@reports.example" for who in "ab")),
)

CHECKED = (
    MODEL,
    NEGLECTED,
    KEPT_ID,
    *CHECKED_RECORDS,
    *CHECKED_POLICY_HOSTS,
    *CHECKED_DOCUMENTS,
    *CHECKED_MX_HOSTS,
    *CHECKED_REPORTS,
)
