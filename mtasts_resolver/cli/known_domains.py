"""What a shell completes besides options: the domains that the daemon knows."""

from collections.abc import Callable, Iterator

from click import Context, Parameter
from click.shell_completion import CompletionItem

from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.running import COMPLETION_PATIENCE, running_daemon
from mtasts_resolver.control.client import ControlClient
from mtasts_resolver.control.values.domains import DomainPage
from mtasts_resolver.control.values.owndomains import OwnDomainList

COMPLETED = 50  # more nobody reads through


def complete_domain(
    context: Context, _parameter: Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the domains that begin with what was typed; none where the daemon does not answer."""
    return _complete(context, incomplete, _known)


def complete_own_domain(
    context: Context, _parameter: Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return such domains, those first whose set-up the daemon checks."""
    return _complete(context, incomplete, _own, _known)


_Found = Callable[[ControlClient, str], Iterator[CompletionItem]]


def _complete(context: Context, incomplete: str, *sources: _Found) -> list[CompletionItem]:
    if set(incomplete) & set("*?["):
        return []  # no domain begins with what is a pattern
    place = context.params.get("control_socket"), context.params.get("config_file")
    found: dict[str, CompletionItem] = {}
    try:
        with running_daemon(*place, patience=COMPLETION_PATIENCE) as daemon:
            for source in sources:
                for item in source(daemon, incomplete):
                    found.setdefault(item.value, item)
    except CommandError:
        return []
    return list(found.values())


def _known(daemon: ControlClient, incomplete: str) -> Iterator[CompletionItem]:
    page = daemon.get(DomainPage, "domains", matching=f"{incomplete}*", limit=COMPLETED, mode="all")
    for summary in page.domains:
        yield CompletionItem(summary.domain, help=summary.mode)


def _own(daemon: ControlClient, incomplete: str) -> Iterator[CompletionItem]:
    for summary in daemon.get(OwnDomainList, "own-domains").domains:
        if summary.domain.startswith(incomplete.lower()):
            yield CompletionItem(summary.domain, help=summary.severity and str(summary.severity))
