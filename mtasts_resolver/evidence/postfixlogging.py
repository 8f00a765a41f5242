"""What this host's Postfix is set to log of TLS: where it is, that no session was logged tells."""

import socket
from collections.abc import Iterable
from pathlib import Path

from mtasts_resolver.doctor.instance import MasterService, PostfixInstance
from mtasts_resolver.evidence.joins.logs import ConfiguredLogging

_LOGLEVELS = {
    "smtp": "smtp_tls_loglevel",
    "lmtp": "lmtp_tls_loglevel",
    "smtpd": "smtpd_tls_loglevel",
}
# Seconds after a change of main.cf in which a process may still go by what was set before: it reads
# the file when it starts, and ends after 100 clients (max_use), or sooner.
LONGEST_LIFE = 3_600.0


def configured_logging(instances: Iterable[PostfixInstance]) -> ConfiguredLogging:
    """Return what this host's Postfix is set to log of TLS, and since when it is set so."""
    services: dict[str, float] = {}
    name = socket.gethostname().lower()
    hosts = {name, name.partition(".")[0]}
    for instance in instances:
        try:
            since = _unchanged_since(instance)
        except OSError:
            continue  # who may not look at the files knows nothing of when they were changed
        hosts.add(instance.value("myhostname").lower())
        for service in instance.services:
            if service.program in _LOGLEVELS and _logs_tls(service):
                services[f"{_syslog_name(service)}/{service.program}"] = since
    return ConfiguredLogging(frozenset(hosts), services)


def _unchanged_since(instance: PostfixInstance) -> float:
    files = (Path(instance.config_directory, name) for name in ("main.cf", "master.cf"))
    return max(file.stat().st_mtime for file in files) + LONGEST_LIFE


def _logs_tls(service: MasterService) -> bool:
    level = service.value(_LOGLEVELS[service.program])
    return level.isdecimal() and int(level) > 0


def _syslog_name(service: MasterService) -> str:
    """Return what the service logs as; postconf(1) does not know the name of a service."""
    written = service.overrides.get("syslog_name", "")
    for form in ("${service_name}", "$service_name"):
        written = written.replace(form, service.name)
    return written if written and "$" not in written else service.value("syslog_name")
