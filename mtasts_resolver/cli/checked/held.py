"""What the running daemon holds of domains, and how it has checked those of its administrator."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.cli.checked.results import CheckedDomain, DaemonCheck, checked
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.running import running_daemon
from mtasts_resolver.control.client import ControlClient, RequestRefusedError
from mtasts_resolver.control.values.domains import DomainDetails
from mtasts_resolver.control.values.history import HistoryPage
from mtasts_resolver.control.values.owndomains import OwnDomainDetails, OwnDomainList
from mtasts_resolver.policy import DocumentError, Mode, parse_text
from mtasts_resolver.published.judge.before import SeenBefore


class HeldPolicies(NamedTuple):
    """The policies that the daemon holds; or why nobody can tell."""

    policies: dict[str, SeenBefore]
    unseen: str | None = None


def held_policies(
    domains: Sequence[str], control_socket: Path | None, config_file: Path | None
) -> HeldPolicies:
    """Return the policies of these domains that the running daemon holds, if it can be asked."""
    found = HeldPolicies({})
    try:
        with running_daemon(control_socket, config_file) as daemon:
            for domain in domains:
                before = _held(daemon, domain)
                if before is not None:
                    found.policies[domain] = before
    except CommandError as error:
        return found._replace(unseen=error.message)
    return found


def _testing_since(daemon: ControlClient, domain: str) -> datetime | None:
    """Return since when, or earlier, the policy has been in mode testing, by the history."""
    since = None
    try:
        changes = daemon.get(HistoryPage, "history", domain).changes
    except RequestRefusedError:  # a history that cannot be read tells nothing
        return None
    for change in changes:
        if change.subject == "policy":
            if not _is_testing(change.now):
                break
            since = change.time
    return None if since is None else datetime.fromisoformat(since)


def _is_testing(document: str | None) -> bool:
    try:
        return document is not None and parse_text(document).mode is Mode.TESTING
    except DocumentError:
        return False


def _held(daemon: ControlClient, domain: str) -> SeenBefore | None:
    try:
        details = daemon.get(DomainDetails, "domains", domain)
    except RequestRefusedError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    summary = details.summary
    if summary.id is None or summary.mode is None or details.document is None:
        return None
    since = _testing_since(daemon, domain) if summary.mode == "testing" else None
    return SeenBefore(id=summary.id, document=details.document, mode=summary.mode, since=since)


def last_checks(
    domains: Sequence[str] | None, control_socket: Path | None, config_file: Path | None
) -> Iterator[CheckedDomain]:
    """Yield the daemon's last check of each domain; for None of all whose set-up it checks.

    Raise CommandError.
    """
    with running_daemon(control_socket, config_file) as daemon:
        if domains is None:
            domains = [one.domain for one in daemon.get(OwnDomainList, "own-domains").domains]
        for name in domains:
            yield _last_check(daemon.get(OwnDomainDetails, "own-domains", name))


def _last_check(own: OwnDomainDetails) -> CheckedDomain:
    made = DaemonCheck(checked=own.checked, next=own.next, trouble=own.trouble)
    if own.observed is None:
        reason = own.trouble or "the daemon has not checked it yet"
        return CheckedDomain(domain=own.domain, verdict="unknown", reason=reason, by_daemon=made)
    return checked(own.observed, own.findings, by_daemon=made)
