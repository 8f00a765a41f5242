"""The way before a domain, for a person: where it is, what is next, and what is to be copied."""

from collections.abc import Iterable, Iterator, Sequence

import click
from msgspec import Struct

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.spans import span
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.control.views.difference import difference
from mtasts_resolver.findings import Finding, Severity
from mtasts_resolver.published.publication import (
    WEB_SERVERS,
    PublicationDifference,
    PublishingStep,
    Stage,
    Way,
)

_STAGES = {
    Stage.NOTHING: "no policy is published",
    Stage.SERVED: "a policy is served, and no record says so: nobody asks for it",
    Stage.UNUSABLE: "there is a record, and senders get no policy",
    Stage.TESTING: "a policy is published, in mode testing",
    Stage.ENFORCED: "a policy is enforced",
    Stage.LASTING: "a policy is enforced, and kept for long",
    Stage.WITHDRAWN: "the policy is in mode none",
}


# Of what somebody else may have written: a policy has a dozen lines, and a record with eight places
# for reports some hundred characters.
MAX_LINES_SHOWN, MAX_CHARACTERS_SHOWN = 60, 1_000


class Paper(Struct, frozen=True):
    """What is written on: how wide it is, and whether there is colour."""

    columns: int | None
    color: bool

    def words(
        self, text: str, first: str = "", *, fg: str | None = None, bold: bool = False
    ) -> Iterator[str]:
        """Yield lines of words."""
        for paragraph in text.splitlines():
            for line in wrap(escaped(paragraph), self.columns, first=first, rest=" " * len(first)):
                yield self.styled(line, fg=fg, bold=bold)

    def styled(self, line: str, *, fg: str | None = None, bold: bool = False) -> str:
        return click.style(line, fg=fg, bold=bold or None) if self.color else line


def guide(
    domain: str,
    way: Way,
    shown: Iterable[PublishingStep],
    servers: Iterable[str],
    paper: Paper,
) -> Iterator[str]:
    """Yield the lines of a guide: where the domain is, all steps, and those that are shown."""
    yield from where(domain, way, paper)
    yield ""
    if not way.steps:
        yield "There is nothing to take back."
    for number, step in enumerate(way.steps, start=1):
        yield from _entry(number, step, way, paper)
    if way.steps and way.next is None:
        yield ""
        yield from paper.words(f"There is nothing to do. See whether it stays so: {_check(domain)}")
    kinds = set(servers)
    for step in shown:
        yield ""
        yield from _step(way.steps.index(step) + 1, step, kinds, paper)


def where(domain: str, way: Way, paper: Paper) -> Iterator[str]:
    """Yield what is out there, in a few lines."""
    standing = way.standing
    yield from paper.words(f"{domain}: {_STAGES[standing.stage]}", bold=True)
    rows = [("MX hosts", ", ".join(standing.hosts) or "none")]
    if standing.policy is not None:
        policy = standing.policy
        patterns = f" for {', '.join(policy.mx)}" if policy.mx else ""
        rows.append(("policy", f"mode {policy.mode}{patterns}; max_age {span(policy.max_age)}"))
    elif standing.stage is not Stage.NOTHING:
        rows.append(("policy", f"none: {standing.policy_fault}"))
    if standing.policy_id or standing.record_fault:
        rows.append(
            ("record", f"id {standing.policy_id}" if standing.policy_id else standing.record_fault)
        )
    rows.append(("reports", ", ".join(standing.reports) or "nobody is told"))
    for name, text in rows:
        yield from paper.words(text, first=f"  {name:<10}")


def _entry(number: int, step: PublishingStep, way: Way, paper: Paper) -> Iterator[str]:
    mark = "done" if way.next is None or number <= way.next else ""
    if way.next is not None and number == way.next + 1:
        mark = "next"
    first = f"{mark:<4}  {number}. {step.name:<13}  "
    yield from paper.words(step.title, first=first, bold=mark == "next")


def _step(number: int, step: PublishingStep, servers: set[str], paper: Paper) -> Iterator[str]:
    yield from paper.words(f"{number}. {step.title}", bold=True)
    if step.first:
        yield ""
        yield from paper.words(step.first)
    for part in step.parts:
        if part.kind in WEB_SERVERS and part.kind not in servers:
            continue
        yield ""
        yield from paper.words(f"{part.title}:", fg="cyan")
        # As it is to be copied: without a margin, and never broken.
        yield from (escaped(line) for line in part.text.splitlines())
    if step.verify:
        yield ""
        yield from paper.words("to verify it:", fg="cyan")
        yield from step.verify
    if step.then:
        yield ""
        yield from paper.words(step.then)


def warnings(findings: Iterable[Finding], notes: Iterable[str], paper: Paper) -> Iterator[str]:
    """Yield what an administrator should know first."""
    colors = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
    for finding in findings:
        mark = f"{finding.severity}: "
        color = colors.get(finding.severity)
        yield from paper.words(f"{finding.about}: {finding.found}", first=mark, fg=color)
        for words in (finding.matters, finding.action):
            if words:
                yield from paper.words(words, first=" " * len(mark))
    for note in notes:
        yield from paper.words(note, first="note: ")


def differing(
    domain: str, differences: Sequence[PublicationDifference], paper: Paper
) -> Iterator[str]:
    """Yield each difference between what is out there, `-`, and what should be, `+`."""
    count = len(differences)
    for found in differences:
        about = f"{found.about}: {found.reason}" if found.reason else found.about
        yield from paper.words(about, bold=True)
        lines = difference(found.published, found.wanted)
        for line in lines[:MAX_LINES_SHOWN]:
            shown = escaped(line[:MAX_CHARACTERS_SHOWN])
            yield paper.styled(shown, fg={"-": "red", "+": "green"}.get(line[0]))
        if len(lines) > MAX_LINES_SHOWN:
            yield f"... and {len(lines) - MAX_LINES_SHOWN} lines more"
        yield ""
    if count:
        things = "1 thing differs" if count == 1 else f"{count} things differ"
        yield f"{domain}: {things} from what would be written"
    else:
        yield f"{domain}: what is out there is what would be written"


def _check(domain: str) -> str:
    return f"mtasts-resolver check {domain}"
