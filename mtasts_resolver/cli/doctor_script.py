"""What `doctor` would have an administrator type: the lines in order, and as a script."""

import shlex
from collections.abc import Iterable, Iterator

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.findings import Finding, Severity

_COLUMNS = 78  # of a comment, with its mark
_TOOLS = ("postconf", "postfix")
_COPY = "install -D"  # of a file into Postfix's chroot


def lines_to_type(findings: Iterable[Finding]) -> list[str]:
    """Return the lines that mend what is worse than a note, each once, in the order to type."""
    mending = [one for one in findings if one.severity.rank > Severity.NOTE.rank]
    lines = dict.fromkeys(line for finding in mending for line in finding.commands)
    return [*lines, *_reloads(lines)]


def script(findings: Iterable[Finding]) -> str:
    """Return a script for sh that mends it, with the reasons as comments."""
    return "\n".join(_script(list(findings))) + "\n"


def _script(findings: list[Finding]) -> Iterator[str]:
    yield "#!/bin/sh"
    yield from _comment("Printed by `mtasts-resolver doctor --fix`. Read it before you run it.")
    yield "set -eu"
    done: dict[str, None] = {}
    for finding in findings:
        if finding.severity.rank <= Severity.NOTE.rank and not finding.commands:
            continue
        active = finding.severity is not Severity.NOTE
        lines = [line for line in finding.commands if line not in done]
        if finding.commands and not lines:
            continue
        yield ""
        yield from _comment(f"{finding.severity}: {finding.about}: {finding.found}")
        yield from _comment(finding.matters)
        if not lines:
            yield from _comment(f"Nothing that a script could do. {finding.action}".strip())
        if active:
            done.update(dict.fromkeys(lines))
        # What cannot be seen as it is shall not be run: it may be a name that somebody chose.
        yield from (
            line if active and line.isprintable() else f"# {escaped(line)}" for line in lines
        )
    if reloads := _reloads(done):
        yield ""
        yield from _comment("Have Postfix read it.")
        yield from reloads


def _reloads(lines: Iterable[str]) -> list[str]:
    """Return what has each instance read its configuration again that a line has changed."""
    reloads: dict[str, None] = {}
    for line in lines:
        words = shlex.split(line)
        if words[0] in _TOOLS and words[1] == "-c":
            reloads[shlex.join(["postfix", "-c", words[2], "reload"])] = None
        elif words[0] in _TOOLS or line.startswith(_COPY):
            reloads["postfix reload"] = None
    return list(reloads)


def _comment(text: str) -> list[str]:
    if not text:
        return []
    # A stranger's word may hold a line end, after which a line would be run.
    return wrap(escaped(" ".join(text.split())), _COLUMNS, first="# ", rest="# ")
