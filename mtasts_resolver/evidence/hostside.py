"""What `doctor` finds on this host, as evidence."""

from collections.abc import Callable, Iterator

from mtasts_resolver.doctor.examination import (
    DAEMON,
    HOST,
    POSTFIX,
    RECEIVING,
    SENDING,
    Examination,
)
from mtasts_resolver.doctor.instance import MasterService, PostfixInstance, security_level
from mtasts_resolver.evidence.controls.material import HostEvidence, HostSetting
from mtasts_resolver.findings import Finding

_OUTBOUND = ("smtp_tls_policy_maps", "smtp_tls_security_level", "smtp_tls_loglevel")
_INBOUND = ("smtpd_tls_security_level", "smtpd_tls_loglevel")


def host_evidence(found: Examination) -> HostEvidence | None:
    """Return what speaks of this host; None where there is no Postfix that could be read."""
    if not found.instances:
        return None
    return HostEvidence(
        settings=tuple(one for instance in found.instances for one in _settings(instance)),
        sending=_of(found, DAEMON, POSTFIX, SENDING),
        receiving=_of(found, RECEIVING),
        surroundings=_of(found, HOST),
        names=tuple(instance.value("myhostname") for instance in found.instances),
    )


def _of(found: Examination, *names: str) -> tuple[Finding, ...]:
    return tuple(
        finding for part in found.sections if part.name in names for finding in part.findings
    )


def _settings(instance: PostfixInstance) -> Iterator[HostSetting]:
    """Yield what main.cf sets, and each service that is set otherwise."""
    for name in (*_OUTBOUND, *_INBOUND):
        usual = _in_force(instance.value, name)
        yield HostSetting(instance.label, "", name, usual)
        for service in instance.services:
            value = _in_force(service.value, name)
            if _is_about(service, name) and value != usual:
                yield HostSetting(instance.label, service.name, name, value)


def _in_force(value_of: Callable[[str], str], name: str) -> str:
    """Return a parameter's value; of a level that is unset, what older parameters make of it."""
    value = value_of(name)
    if value or not name.endswith("_tls_security_level"):
        return value
    level = security_level(value_of, name.removesuffix("_tls_security_level"))
    return "" if level == "none" else level


def _is_about(service: MasterService, name: str) -> bool:
    if name in _INBOUND:
        return service.program == "smtpd"
    return service.program == "smtp"
