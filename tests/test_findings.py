"""Every kind of finding is on its page, and is provoked by a test with real things."""

import runpy
from pathlib import Path

import pytest

from mtasts_resolver.cli.findings_reference import findings_reference
from mtasts_resolver.doctor import catalogue as doctor
from mtasts_resolver.findings import FindingKind
from mtasts_resolver.published import catalogue as published

from .rows import collect_proofs

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "findings.md"

KINDS: tuple[FindingKind, ...] = published.CATALOGUE + doctor.CATALOGUE
CODES = {kind.code for kind in KINDS}

NOT_PROVOKED = {
    "no-policy-record",
    "policy-without-record",
    "policy-record-lookup-failed",
    "policy-records-several",
    "policy-record-version-wrong",
    "policy-record-invalid",
    "policy-record-space",
    "policy-record-fields-ignored",
    "policy-record-alias",
    "policy-record-ttl-long",
    "policy-host-lookup-failed",
    "policy-host-without-address",
    "policy-host-address-forbidden",
    "policy-host-unreachable",
    "policy-host-address-unreachable",
    "policy-host-tls-failed",
    "policy-host-tls-outdated",
    "policy-host-takes-outdated-tls",
    "policy-host-certificate-expired",
    "policy-host-certificate-not-yet-valid",
    "policy-host-certificate-names-another",
    "policy-host-certificate-without-dns-name",
    "policy-host-certificate-untrusted",
    "policy-host-certificate-chain-incomplete",
    "policy-host-certificate-about-to-end",
    "policy-host-certificate-ends-soon",
    "policy-redirected",
    "policy-status",
    "policy-media-type",
    "policy-body",
    "policy-cached",
    "policy-differs-by-address",
    "policy-invalid",
    "policy-field-repeated",
    "policy-fields-unknown",
    "policy-mx-unusable",
    "policy-mx-final-dot",
    "policy-blank-lines",
    "policy-max-age-short",
    "policy-max-age-below-weeks",
    "policy-max-age-too-long",
    "policy-testing",
    "policy-none",
    "policy-id-unchanged",
    "policy-testing-for-long",
    "mx-lookup-failed",
    "domain-unknown",
    "domain-takes-no-mail",
    "mx-records-missing",
    "mx-host-outside-policy",
    "mx-pattern-without-host",
    "smtp-blocked",
    "not-all-checked",
    "mx-host-name-invalid",
    "mx-host-without-address",
    "mx-host-lookup-failed",
    "mx-host-address-forbidden",
    "mx-host-unreachable",
    "mx-host-refuses",
    "mx-host-without-starttls",
    "mx-host-starttls-fails",
    "mx-host-tls-outdated",
    "mx-host-takes-outdated-tls",
    "mx-host-certificate-expired",
    "mx-host-certificate-not-yet-valid",
    "mx-host-certificate-names-another",
    "mx-host-certificate-without-dns-name",
    "mx-host-certificate-untrusted",
    "mx-host-certificate-chain-incomplete",
    "mx-host-certificate-about-to-end",
    "mx-host-certificate-ends-soon",
    "mx-host-alias",
    "tlsa-misfit",
    "tlsa-lookup-failed",
    "tlsa-unusable",
    "dane-partial",
    "mx-records-not-signed",
    "no-report-record",
    "testing-without-reports",
    "report-record-lookup-failed",
    "report-records-several",
    "report-record-invalid",
    "report-uri-unusable",
    "report-address-affected",
}
"""Codes for which there is no such test yet."""


@pytest.fixture(scope="module")
def provoked() -> dict[str, frozenset[str]]:
    return collect_proofs("finding")


def test_each_finding_is_provoked_by_a_test_with_real_things(
    provoked: dict[str, frozenset[str]],
) -> None:
    assert CODES - provoked.keys() - NOT_PROVOKED == set()
    for code, files in provoked.items():
        assert all(path.startswith(("lab/", "system/")) for path in files), code


def test_tests_name_no_unknown_finding(provoked: dict[str, frozenset[str]]) -> None:
    assert provoked.keys() | NOT_PROVOKED <= CODES


def test_no_code_stands_for_two_findings() -> None:
    assert len(CODES) == len(KINDS)


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == findings_reference(), "run: make docs"


def test_the_module_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "mtasts_resolver/cli/findings_reference.py"
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out == findings_reference()
