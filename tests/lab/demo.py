"""`python -m tests.lab.demo`: a handful of mails through the lab, and what became of each.

The rows are scenarios of the test table, in the order in which they build on each other.
"""

import re
import sys
from collections.abc import Iterator
from http import HTTPStatus

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from .changes import CHANGES
from .internet import DOMAINS
from .lab import Lab, running_lab
from .namespace import missing
from .postfix import Delivery
from .published import Certificate, Domain
from .scenario import Scenario
from .steady import STEADY
from .stream import LabError

ROWS = (
    "enforced and verified",
    "enforced, first MX bad, second good",
    "enforced, certificate for another name",
    "enforced, certificate expired",
    "enforced, no STARTTLS",
    "testing, certificate bad",
    "mode none",
    "no record",
    "record: no id",
    "document: HTML",
    "policy host: redirect",
    "policy host: certificate expired",
    "smart host, in brackets with a port",
    "enforced and verified, over tcp_table",
    "cached, then all is down, and kill -9",
)

STEPS = 6
"""What a start tells: five parts of the lab, and the daemon."""

WIDTH = 80
"""Characters of a line where nobody says how wide the output is."""

NAME_WIDTH = 22
"""Of the first column: what remains of WIDTH holds each host name of the lab in one line."""

COLOURS = {"sent": "green", "deferred": "yellow", "bounced": "red"}
TLS_LINE = re.compile(r"\w+ TLS connection established to [\w.-]+")
STATUS_LINE = re.compile(r"status=.*")


def main() -> None:
    if reason := missing():
        sys.exit(f"The demo cannot run: {reason}.")
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    try:
        table = send_mails(console)
    except LabError as error:
        sys.exit(f"The lab does not work: {error}")
    console.print(table)


def send_mails(console: Console) -> Table:
    table = Table(title="Mail through a real Postfix that asks mtasts-resolver", show_lines=True)
    table.add_column("what happens", width=NAME_WIDTH)
    table.add_column("key and policy, the daemon's answer, Postfix's log", overflow="fold")
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=STEPS + len(ROWS))

        def tell(what: str) -> None:
            progress.update(task, description=what, advance=1)

        with running_lab(tell) as lab:
            tell("mtasts-resolver")
            lab.daemon.start()
            for scenario in chosen():
                tell(f"mail: {scenario.name}")
                table.add_row(*play(lab, scenario))
    return table


def chosen() -> Iterator[Scenario]:
    known = {scenario.name: scenario for scenario in (*STEADY, *CHANGES)}
    return (known[name] for name in ROWS)


def play(lab: Lab, scenario: Scenario) -> tuple[str, str]:
    for step in scenario.before:
        step(lab, scenario.to)
    delivery = lab.postfix.send(scenario.to, scenario.sender)
    answer = lab.daemon.ask(scenario.lookup_key)
    domain = next(domain for domain in DOMAINS if domain.name == scenario.policy_domain)
    key = f"[bold]{escape(scenario.lookup_key)}[/bold]  {escape(published(domain))}"
    return scenario.name, f"{key}\n{escape(answer)}\n{outcome(delivery)}"


def published(domain: Domain) -> str:
    """Return a domain's policy in a line or two."""
    if domain.document is None:
        return "no policy record"
    if not domain.policy_records or "id=" not in domain.policy_records[0]:
        return f"record: {' '.join(domain.policy_records)}"
    host = domain.policy_host
    fields = [line.partition(": ") for line in domain.document.decode("latin-1").splitlines()]
    shown = [" ".join(value for name, _, value in fields if name in {"mode", "mx"})]
    if b"version" not in domain.document.splitlines()[0]:
        shown.append(f"begins with {domain.document.splitlines()[0].decode()}")
    if host.status != HTTPStatus.OK:
        shown.append(f"policy host: {host.status} to {host.location}")
    if host.certificate is not Certificate.GOOD:
        shown.append(f"policy host: certificate {host.certificate}")
    return ", ".join(shown)


def outcome(delivery: Delivery) -> str:
    tls = [match[0] for line in delivery.log if (match := TLS_LINE.search(line))]
    status = STATUS_LINE.search(delivery.verdict)
    words = escape(status[0] if status else delivery.verdict)
    colour = COLOURS[delivery.status]
    return "\n".join([*map(escape, tls), f"[{colour}]{words}[/{colour}]"])


if __name__ == "__main__":
    main()
