"""`report` on the logs of real Postfix: each figure is what the lab knows that it has done."""

import msgspec
import pytest

from mtasts_resolver.evidence.report import EvidenceReport
from tests.recordings.figures import compare
from tests.recordings.truth import Truth

from .lab import Lab
from .recording import recorded

pytestmark = pytest.mark.lab


def reported(lab: Lab) -> tuple[EvidenceReport, Truth]:
    """Have mail sent and received, and return what the report says of it, and the truth."""
    name = "modern" if lab.postfix.modern else "own"
    directory = lab.directory / f"recorded-{name}"
    lines, truth = recorded(lab, directory, modern=lab.postfix.modern, root=lab.postfix.root)
    log = directory / "mail.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    printed = lab.daemon.command("report", str(log), "--json")
    return msgspec.json.decode(printed, type=EvidenceReport), truth


def assert_true(report: EvidenceReport, truth: Truth) -> None:
    compared = compare(report, truth, settled=False)
    assert len(compared) > 150
    assert [each for each in compared if not each.agrees] == []
    assert report.lines_unknown == 0
    assert report.gaps == ()
    assert report.retrieval is not None
    assert report.retrieval.failed == ()


def test_each_figure_is_what_was_done(steady_lab: Lab) -> None:
    report, truth = reported(steady_lab)
    assert_true(report, truth)
    assert report.retrieval is not None
    policies = {
        each.next_hop or each.domain for each in truth.outgoing if each.enforced == "mta-sts"
    }
    assert report.retrieval.fetched >= len(policies)


def test_each_figure_is_what_was_done_with_a_later_postfix(modern_lab: Lab) -> None:
    report, truth = reported(modern_lab)
    assert truth.version >= (3, 10)
    assert_true(report, truth)
