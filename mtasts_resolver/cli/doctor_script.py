"""What `doctor` would have an administrator type: the commands in order, and as a script.

What sets parameters of the same Postfix instance is joined: one command mends main.cf, and one more
has Postfix read it.
"""

import shlex
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.findings import Finding, Severity

_COLUMNS = 78  # of a comment, with its mark
_TOOLS = ("postconf", "postfix")
_SETTING = ("-e", "-X", "-P", "-PX")  # options of postconf(1) that take any number of parameters
_START = "systemctl start postfix"
_COPY = "install -D"  # of a file into Postfix's chroot
_INDENT = "    "  # of a parameter that has a line of its own


class _Step(NamedTuple):
    """What is typed together, and why."""

    reasons: list[Finding]
    commands: list[str]


def commands_to_type(findings: Iterable[Finding]) -> list[str]:
    """Return the commands that mend what is worse than a note, a line each, in their order."""
    commands = dict.fromkeys(_joined(filter(_is_mended, findings)).values())
    # Who starts Postfix does so when all is set, and it needs no reload then.
    return [*sorted(commands, key=_is_start), *_reloads(commands)]


def spread(command: str) -> list[str]:
    """Return a command as it is shown: a line for each parameter, where it sets more than one."""
    words = shlex.split(command)
    tool = _setting_tool(command)
    if tool is None or len(words) == len(tool) + 1:
        return [command]
    parts = [shlex.join(tool), *(_INDENT + shlex.quote(word) for word in words[len(tool) :])]
    return [*(f"{part} \\" for part in parts[:-1]), parts[-1]]


def script(findings: Iterable[Finding]) -> str:
    """Return a script for sh that mends it, with the reasons as comments."""
    return "\n".join(_script(list(findings))) + "\n"


def _script(findings: list[Finding]) -> Iterator[str]:
    yield "#!/bin/sh"
    yield from _comment("Printed by `mtasts-resolver doctor --fix`. Read it before you run it.")
    yield "set -eu"
    for step in _steps(findings):
        yield ""
        for finding in step.reasons:
            yield from _reason(finding)
        for command in step.commands:
            # What cannot be seen as it is shall not be run: it may be a name that somebody chose.
            if _is_mended(step.reasons[0]) and command.isprintable():
                yield from spread(command)
            else:
                yield f"# {escaped(command)}"
    if reloads := _reloads(_joined(filter(_is_mended, findings)).values()):
        yield ""
        yield from _comment("Have Postfix read it.")
        yield from reloads


def _steps(findings: list[Finding]) -> list[_Step]:
    """Return what is to be done, in its order; what a note would do stands where it is found."""
    joined = _joined(filter(_is_mended, findings))
    steps: list[_Step] = []
    placed: dict[str, _Step] = {}
    for finding in findings:
        if _is_mended(finding):
            commands = list(dict.fromkeys(joined[command] for command in finding.commands))
        elif not (commands := [one for one in finding.commands if one not in joined]):
            continue
        step = placed.get(commands[0]) if commands else None
        if step is None:
            steps.append(step := _Step([], []))
        step.reasons.append(finding)
        new = [command for command in commands if command not in placed]
        step.commands.extend(new)
        placed.update(dict.fromkeys(new, step))
    return sorted(steps, key=lambda step: any(map(_is_start, step.commands)))


def _is_mended(finding: Finding) -> bool:
    """Tell whether a finding is bad enough for its commands to be typed."""
    return finding.severity.rank > Severity.NOTE.rank


def _joined(findings: Iterable[Finding]) -> dict[str, str]:
    """Return for each command of findings the one that is typed in its stead, which does more."""
    commands = [command for finding in findings for command in finding.commands]
    settings: dict[tuple[str, ...], dict[str, str]] = {}
    for command in commands:
        if tool := _setting_tool(command):
            for word in shlex.split(command)[len(tool) :]:
                name = word.partition("=")[0].strip()
                settings.setdefault(tool, {})[name] = word  # of two the last counts, as typed
    joined = {}
    for command in commands:
        tool = _setting_tool(command)
        joined[command] = shlex.join([*tool, *settings[tool].values()]) if tool else command
    return joined


def _setting_tool(command: str) -> tuple[str, ...] | None:
    """Return the words by which a command sets parameters of an instance; None if it does not."""
    if not command.isprintable():
        return None  # it is not run together with others, for it is not run at all
    words = shlex.split(command)
    tool = words[: 4 if words[1:2] == ["-c"] else 2]
    return tuple(tool) if tool[0] == "postconf" and tool[-1] in _SETTING else None


def _instance(command: str) -> str | None:
    """Return the configuration directory of the instance that a command is for, "" for the default.

    None: it is for no instance of Postfix.
    """
    words = shlex.split(command)
    if words[0] in _TOOLS:
        return words[2] if words[1] == "-c" else ""
    return "" if command == _START or command.startswith(_COPY) else None


def _is_start(command: str) -> bool:
    """Tell whether a command starts an instance of Postfix."""
    words = shlex.split(command)
    return command == _START or (words[0] == "postfix" and words[-1] == "start")


def _reloads(commands: Collection[str]) -> list[str]:
    """Return what has each instance read its files again that was changed, and is not started."""
    started = [_instance(command) for command in commands if _is_start(command)]
    return [
        shlex.join(["postfix", *(["-c", directory] if directory else []), "reload"])
        for directory in dict.fromkeys(map(_instance, commands))
        if directory is not None and directory not in started
    ]


def _reason(finding: Finding) -> Iterator[str]:
    yield from _comment(f"{finding.severity}: {finding.about}: {finding.found}")
    yield from _comment(finding.matters)
    if not finding.commands:
        yield from _comment(f"Nothing that a script could do. {finding.action}".strip())


def _comment(text: str) -> list[str]:
    if not text:
        return []
    # A stranger's word may hold a line end, after which a line would be run.
    return wrap(escaped(" ".join(text.split())), _COLUMNS, first="# ", rest="# ")
