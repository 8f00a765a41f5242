"""A verdict follows from the evidence: never met without data, never met against it."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mtasts_resolver.doctor.well import unseen
from mtasts_resolver.evidence.controls.catalogue import (
    CONTROLS,
    ISM_0572,
    ISM_1589,
    ISO_A_5_14,
    ISO_A_8_20,
    ISO_A_8_24,
    Control,
)
from mtasts_resolver.evidence.controls.judging import find_controls, judge_control
from mtasts_resolver.evidence.controls.material import (
    HostEvidence,
    HostSetting,
    Material,
    PublishedEvidence,
)
from mtasts_resolver.evidence.report import (
    ControlVerdict,
    CountedRow,
    DirectionCounts,
    Downgrade,
    EvidenceReport,
    Figure,
    LogGap,
    ReportInput,
    ReportPeriod,
)
from mtasts_resolver.findings import Finding, Severity
from tests.unit.report.madeup import EMPTY_DIRECTION, empty, made_up

PAGE = Path(__file__).parents[4] / "docs" / "compliance.md"
DAY = 86_400.0


def figure(key: str, numerator: int, denominator: int, unknown: int = 0) -> Figure:
    return Figure(
        key=key,
        title=key,
        numerator=numerator,
        denominator=denominator,
        unknown=unknown,
        how="counted",
    )


def counts(
    encrypted: int, plain: int = 0, versions: tuple[CountedRow, ...] = ()
) -> DirectionCounts:
    return replace(
        EMPTY_DIRECTION,
        deliveries=encrypted + plain,
        encrypted=encrypted,
        plain=plain,
        versions=versions,
    )


def report(**changed: object) -> EvidenceReport:
    """Return one of a good month."""
    good = {
        "period": ReportPeriod("2026-10-01", "2026-11-01", 31 * DAY, "UTC"),
        "inputs": (
            ReportInput(
                name="mail.log",
                kind="log",
                sha256="0" * 64,
                bytes=1,
                lines=1_000,
                first=None,
                last=None,
            ),
        ),
        "lines": 1_000,
        "lines_unknown": 0,
        "undated": 0,
        "domains": (),
        "gaps": (),
        "figures": (
            figure("enforced-verified", 100, 100),
            figure("outbound-encrypted", 990, 1_000),
            figure("inbound-encrypted", 1_990, 2_000),
        ),
        "outbound": counts(990, 10),
        "inbound": counts(1_990, 10),
        "unencrypted": (),
        "downgrades": (),
        "controls": (),
    }
    return made_up(**(good | changed))


HOST = HostEvidence(
    settings=(
        HostSetting("", "", "smtp_tls_policy_maps", "socketmap:inet:127.0.0.1:8461:QUERY"),
        HostSetting("", "", "smtp_tls_security_level", "may"),
        HostSetting("", "", "smtpd_tls_security_level", "may"),
    ),
    sending=(),
    receiving=(),
    surroundings=(),
)
OWN = (PublishedEvidence(domain="own.example", mode="enforce", findings=()),)


def material(
    of: EvidenceReport | None = None,
    *,
    host: HostEvidence | None = HOST,
    published: tuple[PublishedEvidence, ...] = OWN,
) -> Material:
    return Material(
        report=report() if of is None else of,
        host=host,
        host_problem="there is no Postfix here",
        published=published,
    )


def finding(code: str, severity: Severity) -> Finding:
    return Finding(code=code, severity=severity, about="smtp_tls_policy_maps", found="it is unset")


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
class TestEach:
    def test_all_speaks_for_it(self, control: Control) -> None:
        assert judge_control(control, material()).verdict is ControlVerdict.MET

    def test_without_data_nothing_is_met(self, control: Control) -> None:
        judged = judge_control(control, material(empty(), host=None, published=()))
        assert judged.verdict is ControlVerdict.UNKNOWN
        assert not [piece for piece in judged.evidence if piece.speaks == "against"]

    def test_the_page_tells_it(self, control: Control) -> None:
        page = " ".join(PAGE.read_text("utf-8").split())
        assert f"### {control.id}: {control.title}" in page
        assert f"It demands: {control.demands}" in page
        for text in control.to_add:
            assert f"- {text}" in page


class TestEvidenceAgainst:
    def test_one_unverified_delivery_to_an_enforcing_domain_is_enough(self) -> None:
        figures = (figure("enforced-verified", 999_999, 1_000_000),)
        judged = judge_control(ISM_1589, material(report(figures=figures)))
        assert judged.verdict is ControlVerdict.NOT_MET
        assert "999,999 of 1,000,000 (99.99%)" in judged.why

    def test_a_set_up_that_does_not_ask_for_policies(self) -> None:
        host = replace(HOST, sending=(finding("policy-map-missing", Severity.ERROR),))
        judged = judge_control(ISM_1589, material(host=host))
        assert judged.verdict is ControlVerdict.NOT_MET
        assert "policy-map-missing" in judged.why

    @pytest.mark.parametrize("mode", ["", "testing", "none"])
    def test_an_own_domain_that_enforces_nothing(self, mode: str) -> None:
        own = (*OWN, PublishedEvidence(domain="second.example", mode=mode, findings=()))
        judged = judge_control(ISM_1589, material(published=own))
        assert judged.verdict is ControlVerdict.NOT_MET
        assert "second.example" in judged.why

    def test_a_domain_that_takes_no_mail_needs_no_policy(self) -> None:
        null = finding("domain-takes-no-mail", Severity.NOTE)
        own = (*OWN, PublishedEvidence(domain="parked.example", mode="", findings=(null,)))
        assert judge_control(ISM_1589, material(published=own)).verdict is ControlVerdict.MET

    @pytest.mark.parametrize("name", ["smtp_tls_security_level", "smtpd_tls_security_level"])
    def test_tls_that_is_off(self, name: str) -> None:
        off = replace(HOST, settings=(*HOST.settings, HostSetting("out", "", name, "none")))
        judged = judge_control(ISM_0572, material(host=off))
        assert judged.verdict is ControlVerdict.NOT_MET
        what = "mail goes out in plain text" if name.startswith("smtp_") else "are offered no TLS"
        assert judged.why.startswith(f"out: {name} = none, so ")
        assert what in judged.why

    def test_a_service_of_its_own_may_have_it_off(self) -> None:
        off = HostSetting("", "amavis", "smtp_tls_security_level", "none")
        host = replace(HOST, settings=(*HOST.settings, off))
        assert judge_control(ISM_0572, material(host=host)).verdict is ControlVerdict.MET

    def test_mail_of_which_none_is_encrypted(self) -> None:
        figures = (figure("outbound-encrypted", 0, 10), figure("inbound-encrypted", 10, 10))
        plain = report(figures=figures, outbound=counts(0, 10))
        assert judge_control(ISM_0572, material(plain)).verdict is ControlVerdict.NOT_MET

    def test_ciphers_that_are_set_weak(self) -> None:
        host = replace(HOST, receiving=(finding("inbound-weak-ciphers", Severity.WARNING),))
        judged = judge_control(ISO_A_8_24, material(host=host))
        assert judged.verdict is ControlVerdict.NOT_MET

    def test_old_tls_that_was_used_is_a_note(self) -> None:
        old = report(outbound=counts(990, 10, (CountedRow("TLSv1", 3), CountedRow("TLSv1.3", 987))))
        judged = judge_control(ISO_A_8_24, material(old))
        assert judged.verdict is ControlVerdict.MET
        assert [piece.speaks for piece in judged.evidence if "3 of 990" in piece.text] == ["note"]


class TestGaps:
    def test_a_short_hole_is_a_note_and_a_long_one_leaves_it_open(self) -> None:
        def judged(seconds: float, lines: int | None = None, why: str = "silence") -> str:
            gap = LogGap(host="mx", since="a", until="b", seconds=seconds, lines=lines, why=why)
            return judge_control(ISM_1589, material(report(gaps=(gap,)))).verdict

        assert judged(3_600.0) == ControlVerdict.MET
        assert judged(DAY) == ControlVerdict.UNKNOWN
        assert judged(0.0, lines=5, why="dropped") == ControlVerdict.MET
        assert judged(0.0, lines=500, why="dropped") == ControlVerdict.UNKNOWN
        assert judged(0.0, why="dropped") == ControlVerdict.UNKNOWN

    def test_a_log_that_could_not_be_read(self) -> None:
        (log,) = report().inputs
        damaged = report(inputs=(log, replace(log, name="mail.log.1.gz", problem="it is damaged")))
        judged = judge_control(ISM_0572, material(damaged))
        assert judged.verdict is ControlVerdict.UNKNOWN
        assert "mail.log.1.gz: it is damaged" in judged.why

    def test_many_deliveries_that_cannot_be_told(self) -> None:
        def judged(unknown: int) -> str:
            figures = (figure("enforced-verified", 100, 100, unknown),)
            return judge_control(ISM_1589, material(report(figures=figures))).verdict

        assert judged(1) == ControlVerdict.MET
        assert judged(2) == ControlVerdict.UNKNOWN

    @pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
    @pytest.mark.parametrize(
        "changed",
        [
            {"domains": ("partner.example",)},
            {"undated": 1},
            {"lines_unknown": 11},
            {
                "gaps": (
                    LogGap(host="mx", since="a", until="b", seconds=DAY, lines=None, why="silence"),
                )
            },
        ],
        ids=lambda changed: next(iter(changed)),
    )
    def test_what_the_figures_leave_out(self, changed: dict[str, Any], control: Control) -> None:
        assert judge_control(control, material(report(**changed))).verdict is ControlVerdict.UNKNOWN

    @pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
    def test_logs_of_other_hosts_than_the_one_that_was_looked_at(self, control: Control) -> None:
        other = report(host="laptop", hosts=("mx1.own.example", "mx2"))
        assert judge_control(control, material(other)).verdict is ControlVerdict.UNKNOWN
        some = report(host="MX1", hosts=("mx1.own.example", "mx2"))
        judged = judge_control(control, material(some))
        assert judged.verdict is ControlVerdict.MET
        assert [piece.speaks for piece in judged.evidence if "and not on mx2." in piece.text] == [
            "note"
        ]
        called = replace(HOST, names=("mx2.own.example",))
        own = material(report(host="vm7", hosts=("mx2",)), host=called)
        assert judge_control(control, own).verdict is ControlVerdict.MET
        nameless = report(host="mx1", hosts=("",))
        assert judge_control(control, material(nameless)).verdict is ControlVerdict.MET

    def test_some_lines_that_are_not_known_are_a_note(self) -> None:
        few = material(report(lines_unknown=10))
        assert judge_control(ISM_0572, few).verdict is ControlVerdict.MET

    def test_no_sign_of_a_downgrade_where_none_could_be_seen(self) -> None:
        blind = replace(counts(0), deliveries=1_000, unknown=1_000)
        untold = report(outbound=blind, inbound=counts(0))
        assert judge_control(ISO_A_8_20, material(untold)).verdict is ControlVerdict.UNKNOWN
        some = report(outbound=replace(counts(900), unknown=100))
        assert judge_control(ISO_A_8_20, material(some)).verdict is ControlVerdict.UNKNOWN

    @pytest.mark.parametrize("part", ["sending", "receiving", "surroundings"])
    def test_what_doctor_could_not_look_at(self, part: str) -> None:
        host = replace(HOST, **{part: (unseen("/etc/ssl/private/mx.pem", "Permission denied"),)})
        open_still = [
            control
            for control in CONTROLS
            if judge_control(control, material(host=host)).verdict is ControlVerdict.UNKNOWN
        ]
        assert open_still, part
        if part == "receiving":
            assert ISO_A_8_24 in open_still, "its certificate was not read"

    def test_a_sign_of_a_downgrade_has_to_be_explained(self) -> None:
        sign = Downgrade(
            kind="tls-vanished",
            about="partner.example",
            at="2026-10-09",
            before="40 deliveries over TLS",
            after="one in plain text",
            evidence=(),
        )
        judged = judge_control(ISO_A_5_14, material(report(downgrades=(sign,))))
        assert judged.verdict is ControlVerdict.UNKNOWN
        assert "partner.example" in judged.why

    def test_what_speaks_against_it_comes_before_what_is_missing(self) -> None:
        figures = (figure("enforced-verified", 1, 2),)
        judged = judge_control(ISM_1589, material(report(figures=figures), host=None))
        assert judged.verdict is ControlVerdict.NOT_MET


class TestNames:
    @pytest.mark.parametrize(
        ("text", "ids"),
        [
            ("ISM-1589", ["ISM-1589"]),
            ("ism-0572, ISM-1589", ["ISM-0572", "ISM-1589"]),
            (
                "ISM-1589,ISM-0572,ISO-27001-A.5.14,A.8.20,A.8.24",
                [control.id for control in CONTROLS],
            ),
            ("ISO 27001 A.8.24", ["ISO-27001-A.8.24"]),
            ("ISO/IEC 27001:2022 A.8.24", ["ISO-27001-A.8.24"]),
            ("ISO-27001-8.20", ["ISO-27001-A.8.20"]),
            ("all", [control.id for control in CONTROLS]),
        ],
    )
    def test_they_are_found(self, text: str, ids: list[str]) -> None:
        assert [control.id for control in find_controls(text)] == ids

    @pytest.mark.parametrize("text", ["", ",", "ISM-1", "A.5.1", "everything"])
    def test_what_is_none_is_an_error(self, text: str) -> None:
        with pytest.raises(ValueError, match="control"):
            find_controls(text)
