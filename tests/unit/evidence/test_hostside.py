"""What doctor has read of Postfix, as evidence."""

import pytest

from mtasts_resolver.doctor.examination import Examination
from mtasts_resolver.doctor.instance import MasterService, PostfixInstance
from mtasts_resolver.evidence.hostside import host_evidence


def levels(values: dict[str, str], *services: MasterService) -> list[tuple[str, str, str]]:
    instance = PostfixInstance(
        config_directory="/etc/postfix",
        is_default=True,
        version_text="3.10.5",
        values=values,
        services=services,
    )
    found = host_evidence(Examination(sections=(), instances=(instance,)))
    assert found is not None
    return [
        (one.service, one.name, one.value)
        for one in found.settings
        if one.name.endswith("_security_level")
    ]


@pytest.mark.parametrize(
    ("values", "out", "into"),
    [
        ({}, "", ""),
        ({"smtp_tls_security_level": "dane", "smtpd_tls_security_level": "may"}, "dane", "may"),
        ({"smtp_use_tls": "yes", "smtpd_use_tls": "yes"}, "may", "may"),
        ({"smtp_enforce_tls": "yes", "smtpd_enforce_tls": "yes"}, "encrypt", "encrypt"),
        ({"smtp_tls_security_level": "none", "smtp_use_tls": "yes"}, "none", ""),
    ],
)
def test_a_level_that_is_unset_is_what_older_parameters_make_of_it(
    values: dict[str, str], out: str, into: str
) -> None:
    assert levels(values) == [
        ("", "smtp_tls_security_level", out),
        ("", "smtpd_tls_security_level", into),
    ]


def test_a_service_that_is_set_otherwise_is_named() -> None:
    values = {"smtp_tls_security_level": "may"}
    service = MasterService(
        name="amavis",
        type="unix",
        chroot=False,
        program="smtp",
        values={"smtp_tls_security_level": "none"},
    )
    assert ("amavis", "smtp_tls_security_level", "none") in levels(values, service)


def test_without_a_postfix_there_is_no_evidence() -> None:
    assert host_evidence(Examination(sections=(), instances=())) is None
