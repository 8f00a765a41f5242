"""The page of findings, made of them: `python -m mtasts_resolver.cli.findings_reference`."""

from collections.abc import Iterable, Iterator

import click

from mtasts_resolver.doctor import catalogue as doctor
from mtasts_resolver.findings import FindingKind
from mtasts_resolver.published import catalogue as published

_HEAD = """\
<!-- Made by `python -m mtasts_resolver.cli.findings_reference`: change the kinds of findings. -->

# Findings

All that `mtasts-resolver check` can find of a domain, and `mtasts-resolver doctor` of this host,
with what it does to mail and what to do about it. [Checking what a domain publishes](check.md) says
how the results of `check` are read. A finding has a code, which stays the same from version to
version; with `--json` programs get it.

| severity | says |
|---|---|
| error | strict senders hold mail, or it goes unprotected where it is not meant to; or in days |
| warning | mail moves, and is less protected than it seems, or will not move for long |
| note | nothing is wrong; somebody may want to know, or to do better |
| ok | of `doctor`: it was looked at, and is as it should be |

The severity in the tables is the worst that a finding has. Where less depends on it, it has less:

- What a sender finds when it verifies an MX host is an error where the policy is enforced, a
  warning in mode testing, and a note where nobody is asked to verify.
- What is wrong at some addresses of the policy host, while others serve the policy, is a warning.
- A domain without MTA-STS, all of whose MX hosts can be verified with DANE, gets a note.
- That not everything was looked at is a warning where a host has not been seen at all.
- An id that did not change is an error where the policy from before holds mail, else a warning.
"""


def findings_reference() -> str:
    """Return the page, in Markdown."""
    parts = [_HEAD, "\n## What a domain publishes: `check`\n"]
    for subject, kinds in published.BY_SUBJECT.items():
        parts += [f"\n### {subject}\n\n", *_table(kinds)]
    parts.append("\n## How this host is set up: `doctor`\n")
    for subject, kinds in doctor.BY_SUBJECT.items():
        parts += [f"\n### {subject}\n\n", *_table(kinds)]
    return "".join(parts)


def _table(kinds: Iterable[FindingKind]) -> Iterator[str]:
    yield "| code | severity | what is wrong | what happens to mail | what to do |\n"
    yield "|---|---|---|---|---|\n"
    for kind in kinds:
        cells = (f"`{kind.code}`", kind.severity, kind.title, kind.matters, kind.action)
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    click.echo(findings_reference(), nl=False)
