"""What a control is judged by besides the logs: this host, and what its own domains publish."""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.cli.checked.run import check_each
from mtasts_resolver.cli.options import config_path
from mtasts_resolver.config import Config, ConfigError, load_file
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.doctor.daemonlook import DaemonPlace
from mtasts_resolver.doctor.examination import examine
from mtasts_resolver.evidence.controls.material import HostEvidence, PublishedEvidence
from mtasts_resolver.evidence.hostside import host_evidence
from mtasts_resolver.evidence.publishedside import published_evidence
from mtasts_resolver.published.check import DomainCheck, check_domain
from mtasts_resolver.published.observe import Observer

_Tell = Callable[[str], None]


class LookedAt(Struct, frozen=True, kw_only=True):
    """What was looked at, and why something was not."""

    host: HostEvidence | None
    host_problem: str
    published: tuple[PublishedEvidence, ...]
    published_problem: str


def look_for_controls(
    domains: Iterable[str],
    config_file: Path | None,
    control_socket: Path | None,
    *,
    host: bool,
    smtp: bool,
    tell: _Tell,
) -> LookedAt:
    """Look at this host if it is to be, and at what `domains` publish.

    Without any those are meant that the configuration names in `own_domains`.
    """
    seen, problem = None, "it was not looked at (--elsewhere)"
    if host:
        place = DaemonPlace(config_path(config_file), control_socket, os.geteuid())
        seen = host_evidence(examine(place, None, os.environ, os.geteuid(), tell=tell))
        problem = "" if seen else "there is no Postfix here that could be read"
    config, unread = _config(config_file)
    meant = tuple(domains) or tuple(own.domain for own in config.own_domains)
    published: tuple[PublishedEvidence, ...] = ()
    unseen = unread or "name your domains with --own-domain, or in own_domains of the configuration"
    if meant:
        published, unseen = _published(config, meant, smtp=smtp, tell=tell)
    return LookedAt(host=seen, host_problem=problem, published=published, published_problem=unseen)


def _config(config_file: Path | None) -> tuple[Config, str]:
    """Return the configuration, or the defaults and why."""
    try:
        return load_file(config_path(config_file)).config, ""
    except ConfigError as error:
        return Config(), str(error)


def _published(
    config: Config, domains: tuple[str, ...], *, smtp: bool, tell: _Tell
) -> tuple[tuple[PublishedEvidence, ...], str]:
    """Check domains, some at once; of those that could not be, say why."""
    found: dict[str, DomainCheck] = {}
    problems: list[str] = []
    unvisited = {own.domain for own in config.own_domains if not own.smtp}

    async def check(domain: str) -> None:
        tell(f"what {domain} publishes")
        try:
            visited = smtp and domain not in unvisited
            found[domain] = await check_domain(observer, domain, smtp=visited)
        except ShortageError as error:
            problems.append(f"{domain}: {error}")

    try:
        observer = Observer.configured(config, share_visits=True)
        asyncio.run(check_each(domains, check, lambda _none: None))
    except ConfigError as error:
        problems.append(str(error))
    looked = (found[domain] for domain in domains if domain in found)
    return tuple(map(published_evidence, looked)), "; ".join(problems)
