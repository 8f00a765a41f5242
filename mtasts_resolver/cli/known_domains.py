"""What a shell completes besides options: the domains that the daemon knows."""

from click import Context, Parameter
from click.shell_completion import CompletionItem

from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.running import running_daemon
from mtasts_resolver.control.values.domains import DomainPage

COMPLETED = 50  # more nobody reads through


def complete_domain(
    context: Context, _parameter: Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the domains that begin with what was typed; none where the daemon does not answer."""
    if set(incomplete) & set("*?["):
        return []  # no domain begins with what is a pattern
    given = context.params
    try:
        with running_daemon(given.get("control_socket"), given.get("config_file")) as daemon:
            page = daemon.get(
                DomainPage, "domains", matching=f"{incomplete}*", limit=COMPLETED, mode="all"
            )
    except CommandError:
        return []
    return [CompletionItem(summary.domain, help=summary.mode) for summary in page.domains]
