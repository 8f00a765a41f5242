"""Checking domains afresh, several at once."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from mtasts_resolver.base.together import together
from mtasts_resolver.cli.checked.held import HeldPolicies
from mtasts_resolver.cli.checked.progressing import Results
from mtasts_resolver.cli.checked.results import CheckedDomain, checked
from mtasts_resolver.cli.progress import progress, spinner
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.published.check import check_domain
from mtasts_resolver.published.observe import Observer

# Domains at once. Each waits most of the time, for other hosts; what name servers, and the policy
# host that many domains share, are asked at the same time should be little.
AT_ONCE = 8

T = TypeVar("T")


async def run_checks(
    config: Config,
    domains: Sequence[str],
    held: HeldPolicies,
    results: Results,
    *,
    smtp: bool,
    bar: bool,
) -> None:
    """Check `domains` as `config` says, and add to `results` what comes of each. Raise ConfigError.

    Of several each is shown as soon as it can be, with a bar beside that, if there is to be one.
    """
    observer = Observer.configured(config, share_visits=True)

    async def check_one(
        domain: str, tell: Callable[[str], None] = lambda _words: None
    ) -> CheckedDomain:
        before = held.policies.get(domain)
        try:
            found = await check_domain(observer, domain, before=before, smtp=smtp, tell=tell)
        except ShortageError as error:
            return CheckedDomain(domain=domain, verdict="unknown", reason=str(error))
        unseen = held.unseen if before is None else None
        return checked(found.observed, found.findings, before=before, before_unseen=unseen)

    if len(domains) == 1:
        with spinner() as tell:
            results.add(await check_one(domains[0], tell))
        return
    with progress("checking", shown=bar) as tell_done:

        def ended(one: CheckedDomain) -> None:
            results.add(one)
            tell_done(len(results.ended), len(domains))
            with tell_done.aside():
                results.show_next()

        tell_done(0, len(domains))
        await check_each(domains, check_one, ended)


async def check_each(
    domains: Sequence[str],
    check: Callable[[str], Awaitable[T]],
    ended: Callable[[T], None],
) -> None:
    """Check each domain, some at once; `ended` is called with what came of each."""
    waiting = iter(domains)

    async def work(waiting: Iterator[str]) -> None:
        for domain in waiting:
            ended(await check(domain))

    await together(*(work(waiting) for _ in range(min(AT_ONCE, len(domains)))))
