"""A report as an organisation may get it, made up: a month of two hosts, with what goes wrong."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec

from mtasts_resolver.evidence.report import (
    FORMAT,
    ControlEvidence,
    ControlResult,
    ControlVerdict,
    CountedRow,
    DayCounts,
    DirectionCounts,
    DomainCounts,
    Downgrade,
    EnforcementFailure,
    EvidenceReport,
    Figure,
    FigureChange,
    LogGap,
    OwnDomainRow,
    PolicyRetrieval,
    ReportInput,
    ReportPeriod,
    TlsReportRow,
    TlsReports,
    UnencryptedRow,
    UnknownLine,
    UnverifiedDelivery,
)

DAYS = 31


def rows(**counts: int) -> tuple[CountedRow, ...]:
    return tuple(CountedRow(name.replace("__", "-"), count) for name, count in counts.items())


def days(deliveries: int, *, out: bool) -> Iterator[DayCounts]:
    """Yield October 2026: little on Saturdays and Sundays, nothing known about the 14th."""
    for day in range(1, DAYS + 1):
        weekend = (day + 3) % 7 in {6, 0}
        of_day = deliveries // (150 if weekend else 26) + day * 37 % 211
        plain, unknown = of_day // 240, of_day // 2 if day == 14 else of_day // 900
        encrypted = of_day - plain - unknown
        yield DayCounts(
            f"2026-10-{day:02}",
            encrypted,
            plain,
            unknown,
            verified=encrypted * 3 // 5 if out else 0,
            held=(41 if 19 <= day <= 22 else day % 9 // 8) if out else 0,
        )


FIGURES = (
    Figure(
        key="enforced-verified",
        title="Deliveries to enforcing domains that were verified",
        numerator=58_204,
        denominator=58_217,
        unknown=31,
        how="Delivered over a session that Postfix logged as Verified, of all deliveries to domains"
        " for which the daemon had told Postfix to verify.",
        aim=1.0,
    ),
    Figure(
        key="outbound-encrypted",
        title="Outgoing deliveries that were encrypted",
        numerator=96_410,
        denominator=96_822,
        unknown=1_904,
        how="Handed on within a TLS session that the log shows, of all whose session is known.",
        aim=1.0,
    ),
    Figure(
        key="policies-retrieved",
        title="Policies that were fetched and are valid",
        numerator=8_811,
        denominator=8_829,
        how="Fetched and valid, of all discoveries for domains that publish a policy.",
        aim=1.0,
    ),
    Figure(
        key="enforcement-failures",
        title="Attempts that TLS enforcement held",
        numerator=167,
        denominator=58_384,
        how="Deferred or bounced since TLS was not as it must be, of all attempts to enforcing"
        " domains.",
        aim=0.0,
    ),
    Figure(
        key="inbound-encrypted",
        title="Incoming messages that were encrypted",
        numerator=148_212,
        denominator=151_990,
        unknown=402,
        how="Received within a TLS session that the log shows, of all whose session is known.",
    ),
)

OUTBOUND = DirectionCounts(
    deliveries=98_726,
    encrypted=96_410,
    plain=412,
    unknown=1_904,
    doubts=rows(lines__lost=1_873, ambiguous=31),
    levels=rows(verified=58_204, trusted=31_190, untrusted=6_402, anonymous=614, none=412),
    versions=(CountedRow("TLSv1.3", 90_113), CountedRow("TLSv1.2", 6_281), CountedRow("TLSv1", 16)),
    ciphers=rows(
        TLS_AES_256_GCM_SHA384=88_010,
        ECDHE__RSA__AES256__GCM__SHA384=6_281,
        TLS_CHACHA20_POLY1305_SHA256=2_103,
        ECDHE__RSA__AES256__SHA=16,
    ),
    key_exchanges=rows(X25519MLKEM768=51_002, X25519=38_700, unknown=6_708),
    post_quantum=51_002,
    local=40_118,
    attempts_failed=1_620,
    by_day=tuple(days(94_000, out=True)),
)
INBOUND = DirectionCounts(
    deliveries=152_392,
    encrypted=148_212,
    plain=3_778,
    unknown=402,
    doubts=rows(lines__lost=402),
    levels=rows(anonymous=140_000, untrusted=8_212, none=3_778),
    versions=(
        CountedRow("TLSv1.3", 139_400),
        CountedRow("TLSv1.2", 8_801),
        CountedRow("TLSv1", 11),
    ),
    ciphers=rows(TLS_AES_256_GCM_SHA384=139_400, ECDHE__RSA__AES128__GCM__SHA256=8_812),
    key_exchanges=rows(X25519MLKEM768=60_500, X25519=78_900, unknown=8_812),
    post_quantum=60_500,
    local=9_031,
    submissions=21_600,
    by_day=tuple(days(145_000, out=False)),
)

FAILURES = (
    EnforcementFailure(
        domain="partner-bank.example",
        mx="mx2.partner-bank.example",
        cause="expired",
        attempts=131,
        messages=44,
        delivered=39,
        bounced=2,
        waiting=3,
        first="2026-10-19T06:12:44+02:00",
        last="2026-10-22T17:40:02+02:00",
        longest=304_112.0,
        reason="Server certificate not verified",
        enforced="mta-sts",
    ),
    EnforcementFailure(
        domain="kommune.example",
        mx="mail.kommune.example",
        cause="dane-mismatch",
        attempts=24,
        messages=9,
        delivered=9,
        bounced=0,
        waiting=0,
        first="2026-10-08T11:02:10+02:00",
        last="2026-10-08T14:55:31+02:00",
        longest=13_801.0,
        reason="Server certificate not verified",
        enforced="dane",
    ),
    EnforcementFailure(
        domain="museum.example",
        mx="",
        cause="policy-lookup",
        attempts=12,
        messages=4,
        delivered=4,
        bounced=0,
        waiting=0,
        first="2026-10-14T03:01:00+02:00",
        last="2026-10-14T03:22:19+02:00",
        longest=1_320.0,
        reason="TLS policy lookup for museum.example: temporary lookup error",
        enforced="",
    ),
)

UNVERIFIED = tuple(
    UnverifiedDelivery(
        at=f"2026-10-14T03:0{minute}:17+02:00",
        domain="big-mail.example",
        mx="mx3.big-mail.example",
        address="192.0.2.31",
        host="mail2",
        queue_id=f"4ZxQ{minute}0Kf1z9v",
        level="trusted",
        enforced="mta-sts",
        evidence="the daemon had told Postfix `secure`, and the session is Trusted, not Verified",
    )
    for minute in range(9)
) + tuple(
    UnverifiedDelivery(
        at=f"2026-10-14T04:1{minute}:44+02:00",
        domain="clinic.example",
        mx="mail.clinic.example",
        address="2001:db8::25",
        host="mail2",
        queue_id=f"4ZxR{minute}0Kf1z9v",
        level="none",
        enforced="dane",
        evidence="the daemon had told Postfix `dane-only`, and the log has no TLS session",
    )
    for minute in range(4)
)

DOWNGRADES = (
    Downgrade(
        kind="tls-vanished",
        about="mx1.supplier.example",
        at="2026-10-21T09:15:00+02:00",
        before="412 of 412 deliveries encrypted",
        after="17 of 17 deliveries in plain text",
        evidence=(
            "2026-10-21T09:14:58+02:00 last TLS session: Trusted, TLSv1.3",
            "2026-10-21T09:20:11+02:00 first delivery in plain text, to 192.0.2.77",
        ),
    ),
    Downgrade(
        kind="policy-weakened",
        about="airline.example",
        at="2026-10-03T02:11:09+02:00",
        before="mode enforce, max_age 604800",
        after="mode testing, max_age 86400",
        evidence=("2026-10-03T02:11:09+02:00 the policy that was fetched has mode testing",),
    ),
)

CONTROLS = (
    ControlResult(
        id="ISM-1589",
        title="MTA-STS for mail between servers",
        demands="Publish an MTA-STS policy in mode enforce for each of your domains, and have your"
        " own servers obey those of others.",
        verdict=ControlVerdict.MET,
        why="Both domains publish a policy in mode enforce, and no delivery to an enforcing domain"
        " was found to have gone out unverified.",
        evidence=(
            ControlEvidence(
                "for", "organisation.example publishes a policy in mode enforce", "check"
            ),
            ControlEvidence("for", "smtp_tls_policy_maps asks this daemon", "/etc/postfix/main.cf"),
            ControlEvidence(
                "for",
                "58,204 of 58,217 deliveries to enforcing domains were verified",
                "enforced-verified",
            ),
        ),
        to_add=("Minutes of the decision to enforce, with its date.",),
    ),
    ControlResult(
        id="ISM-0572",
        title="Opportunistic TLS",
        demands="Each server offers TLS to who delivers to it, and uses it where it is offered.",
        verdict=ControlVerdict.NOT_MET,
        why="mail2 did not offer STARTTLS on 21 October from 09:15 to 11:02.",
        evidence=(
            ControlEvidence("for", "mail1: smtpd_tls_security_level = may", "/etc/postfix/main.cf"),
            ControlEvidence("against", "mail2: smtpd_tls_security_level is empty", "doctor"),
        ),
        to_add=(),
    ),
    ControlResult(
        id="ISO-27001-A.5.14",
        title="Information transfer",
        demands="Rules for the transfer of information are in place, and they are followed.",
        verdict=ControlVerdict.UNKNOWN,
        why="The log has a hole of 21 hours: what was sent then cannot be told.",
        evidence=(ControlEvidence("gap", "mail2 logged nothing for 21 h on 14 October", "log"),),
        to_add=(
            "The transfer policy itself, and who has approved it.",
            "Records that staff were trained.",
        ),
    ),
)

REPORTED = TlsReports(
    reports=62,
    duplicates=3,
    successful=120_411,
    failed=88,
    rows=(
        TlsReportRow(
            organization="Big Mail Provider Inc.",
            domain="organisation.example",
            policy_type="sts",
            failure="certificate-expired",
            mx="mail2.organisation.example",
            sessions=88,
            first="2026-10-02T00:00:00+00:00",
            last="2026-10-03T23:59:59+00:00",
            reason="certificate has expired",
        ),
        TlsReportRow(
            organization="Big Mail Provider Inc.",
            domain="organisation.example",
            policy_type="sts",
            failure="",
            mx="",
            sessions=120_411,
            first="2026-10-01T00:00:00+00:00",
            last="2026-10-31T23:59:59+00:00",
        ),
    ),
    unread=rows(**{"a mail without a report": 1}),
    oddities=(CountedRow("contact-info is null", 31),),
)


def domains(*, inbound: bool) -> tuple[DomainCounts, ...]:
    named = [
        ("big-mail.example", 31_200, 31_200, 31_187, 0, 13, "mta-sts"),
        ("kommune.example", 9_002, 9_002, 9_002, 0, 0, "dane"),
        ("partner-bank.example", 6_340, 6_340, 6_340, 0, 0, "mta-sts"),
        ("supplier.example", 429, 412, 0, 17, 0, ""),
        ("xn--mnchen-3ya.example", 310, 310, 0, 0, 0, ""),
        ("old-printer.example", 395, 0, 0, 395, 0, ""),
        ("(others)", 51_050, 49_146, 11_675, 0, 1_891, ""),
    ]
    hosts = [
        ("mail-out7.big-mail.example", 80_112, 80_112, 0, 0, 0, ""),
        ("unknown", 4_100, 322, 0, 3_778, 0, ""),
        ("(others)", 68_180, 67_778, 0, 0, 402, ""),
    ]
    return tuple(
        DomainCounts(
            domain=domain,
            deliveries=deliveries,
            encrypted=encrypted,
            verified=verified,
            plain=plain,
            unknown=unknown,
            enforced=enforced,
        )
        for domain, deliveries, encrypted, verified, plain, unknown, enforced in (
            hosts if inbound else named
        )
    )


def made_up(**other: object) -> EvidenceReport:
    """Return the report, with `other` values for its fields."""
    report = EvidenceReport(
        format=FORMAT,
        made_at="2026-11-01T00:10:04+01:00",
        version="0.1.0",
        host="mail1.organisation.example",
        period=ReportPeriod(
            "2026-10-01T00:00:00+02:00",
            "2026-11-01T00:00:00+01:00",
            31 * 86_400.0 + 3_600,
            "Europe/Berlin",
        ),
        previous=ReportPeriod(
            "2026-09-01T00:00:00+02:00",
            "2026-10-01T00:00:00+02:00",
            30 * 86_400.0,
            "Europe/Berlin",
        ),
        domains=(),
        inputs=(
            ReportInput(
                name="/var/log/mail.log.1.gz",
                kind="log",
                sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                bytes=48_118_204,
                lines=3_902_118,
                first="2026-08-30T00:00:04+02:00",
                last="2026-10-17T23:59:58+02:00",
            ),
            ReportInput(
                name="/var/log/mail.log",
                kind="log",
                sha256="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
                bytes=391_002_771,
                lines=2_710_554,
                first="2026-10-18T00:00:00+02:00",
                last="2026-11-01T00:09:58+01:00",
            ),
            ReportInput(
                name="/srv/reports/big-mail.json.gz",
                kind="tls-report",
                sha256="",
                bytes=1_204,
                lines=0,
                first=None,
                last=None,
                problem="it is cut off in its middle",
            ),
        ),
        hosts=("mail1", "mail2"),
        postfix_versions=("3.7.11", "3.10.5"),
        gaps=(
            LogGap(
                host="mail2",
                since="2026-10-14T02:11:40+02:00",
                until="2026-10-14T23:40:02+02:00",
                seconds=77_302.0,
                lines=None,
                why="silence",
            ),
            LogGap(
                host="mail1",
                since="2026-10-21T10:00:00+02:00",
                until="2026-10-21T10:00:30+02:00",
                seconds=30.0,
                lines=1_441,
                why="dropped",
            ),
        ),
        lines=6_612_672,
        lines_unknown=118,
        unknown_lines=(
            UnknownLine("smtp: warning: something that nobody has seen <bob@a.example>", 117),
            UnknownLine("smtpd: a line of tomorrow's Postfix", 1),
        ),
        figures=FIGURES,
        outbound=OUTBOUND,
        inbound=INBOUND,
        outbound_domains=domains(inbound=False),
        inbound_hosts=domains(inbound=True),
        unverified=UNVERIFIED,
        failures=FAILURES,
        inbound_failures=rows(**{"no shared cipher": 40, "unsupported protocol": 12}),
        lookups=rows(**{"temporary lookup error": 12}),
        retrieval=PolicyRetrieval(
            fetched=8_811,
            failed=(CountedRow("certificate-invalid", 11), CountedRow("http-status", 7)),
            absent=61_204,
            source="the daemon's history",
            since="2026-10-04T08:00:00+02:00",
        ),
        retrieval_problem="",
        daemon_notes=("what Postfix was told is known since 2026-10-02 08:00:00 +02:00",),
        own_domains=(
            OwnDomainRow(
                domain="our.example",
                at="2026-10-09T04:12:00+02:00",
                what="certificate",
                event="changed",
                host="mx.our.example",
                reason="",
            ),
            OwnDomainRow(
                domain="our.example",
                at="2026-10-11T04:12:00+02:00",
                what="findings",
                event="appeared",
                host="",
                reason="mx.our.example: its certificate is for another name",
            ),
        ),
        downgrades=DOWNGRADES,
        unencrypted=(
            UnencryptedRow(
                inbound=False,
                domain="old-printer.example",
                host="mail.old-printer.example",
                deliveries=395,
                first="2026-10-01T08:00:01+02:00",
                last="2026-10-31T17:59:12+01:00",
            ),
            UnencryptedRow(
                inbound=False,
                domain="supplier.example",
                host="mx1.supplier.example",
                deliveries=17,
                first="2026-10-21T09:20:11+02:00",
                last="2026-10-21T16:12:02+02:00",
            ),
            UnencryptedRow(
                inbound=True,
                domain="",
                host="unknown",
                deliveries=3_778,
                first="2026-10-01T00:02:01+02:00",
                last="2026-10-31T23:48:10+01:00",
            ),
        ),
        tls_reports=REPORTED,
        changes=(
            FigureChange(
                key="enforced-verified",
                title=FIGURES[0].title,
                before=0.9991,
                now=0.99978,
                better=True,
            ),
            FigureChange(
                key="outbound-encrypted",
                title=FIGURES[1].title,
                before=0.9962,
                now=0.99574,
                better=False,
            ),
            FigureChange(
                key="policies-retrieved",
                title=FIGURES[2].title,
                before=None,
                now=0.998,
                better=None,
            ),
            FigureChange(
                key="enforcement-failures",
                title=FIGURES[3].title,
                before=0.00012,
                now=0.00286,
                better=False,
            ),
        ),
        controls=CONTROLS,
    )
    return msgspec.structs.replace(report, **other)


EMPTY_DIRECTION = DirectionCounts(
    deliveries=0,
    encrypted=0,
    plain=0,
    unknown=0,
    doubts=(),
    levels=(),
    versions=(),
    ciphers=(),
    key_exchanges=(),
    post_quantum=0,
    local=0,
)


def empty() -> EvidenceReport:
    """Return a report of which nothing is known."""
    return made_up(
        previous=None,
        inputs=(),
        hosts=(),
        postfix_versions=(),
        gaps=(),
        lines=0,
        lines_unknown=0,
        unknown_lines=(),
        figures=tuple(
            msgspec.structs.replace(figure, numerator=0, denominator=0, unknown=0)
            for figure in FIGURES
        ),
        outbound=EMPTY_DIRECTION,
        inbound=EMPTY_DIRECTION,
        outbound_domains=(),
        inbound_hosts=(),
        unverified=(),
        failures=(),
        inbound_failures=(),
        lookups=(),
        retrieval=None,
        retrieval_problem="the daemon does not run",
        downgrades=(),
        unencrypted=(),
        tls_reports=None,
        changes=(),
        controls=(),
    )


HOSTILE = (
    "</style></title><script>alert(1)</script><img src=http://192.0.2.1/ onerror=alert(1)>"
    "{{ 7 * 7 }}\"'\u202e\x00"
)


def hostile() -> EvidenceReport:
    """Return a report in which strangers have chosen all that they can."""
    report = made_up(host=HOSTILE, hosts=(HOSTILE,), redacted="")
    return msgspec.structs.replace(
        report,
        failures=tuple(
            msgspec.structs.replace(
                row, domain=HOSTILE, mx=HOSTILE, cause=HOSTILE, reason=HOSTILE, enforced=HOSTILE
            )
            for row in report.failures
        ),
        downgrades=tuple(
            msgspec.structs.replace(row, about=HOSTILE, kind=HOSTILE, evidence=(HOSTILE,))
            for row in report.downgrades
        ),
        outbound_domains=tuple(
            msgspec.structs.replace(row, domain=HOSTILE, enforced=HOSTILE)
            for row in report.outbound_domains
        ),
        inputs=tuple(msgspec.structs.replace(one, name=HOSTILE) for one in report.inputs),
    )


def with_everywhere(report: EvidenceReport, text: str) -> EvidenceReport:
    """Return a report of a row each, with `text` in every text but the days of its charts."""

    def changed(value: Any) -> Any:
        match value:
            case Enum():
                return value
            case str():
                return f"{value} {text}"
            case tuple():
                return tuple(map(changed, value[:1]))
            case msgspec.Struct():
                fields = {name: getattr(value, name) for name in value.__struct_fields__}
                return msgspec.structs.replace(
                    value,
                    **{
                        name: () if name == "by_day" else changed(inner)
                        for name, inner in fields.items()
                    },
                )
        return value

    result = changed(report)
    assert isinstance(result, EvidenceReport)
    return result
