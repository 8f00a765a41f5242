"""Whether this host's Postfix could be read, and what its own tools have to say about it."""

import difflib
import re
from collections.abc import Iterator

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.doctor.instance import PostfixInstance, PostfixReading
from mtasts_resolver.findings import Finding, FindingKind, Severity

NOT_FOUND = FindingKind(
    code="postfix-not-found",
    severity=Severity.WARNING,
    title="there is no Postfix on this host",
    matters="Nothing of the mail's way could be looked at.",
    action="Run this where Postfix runs, or put its postconf into PATH.",
)
REPLACEABLE = FindingKind(
    code="postconf-replaceable",
    severity=Severity.WARNING,
    title="others than root could replace postconf",
    matters="It was not run, so nothing of Postfix could be looked at.",
    action="Have the program and every directory above it belong to root, writable for root alone.",
)
UNREADABLE = FindingKind(
    code="postfix-config-unreadable",
    severity=Severity.WARNING,
    title="this user may not read Postfix's configuration",
    matters="Nothing of this instance could be looked at.",
    action="Run this as root.",
)
FAILED = FindingKind(
    code="postconf-failed",
    severity=Severity.ERROR,
    title="postconf cannot read the configuration",
    matters="Its daemons read it the same way: mail stops, now or when they are started next.",
    action="Mend what it says, until `postconf -n` and `postfix check` say nothing.",
)
UNUSED = FindingKind(
    code="postfix-parameter-unknown",
    severity=Severity.WARNING,
    title="Postfix does not know a parameter that is set",
    matters="Postfix passes over it: what was meant to be set has its default.",
)
TWICE = FindingKind(
    code="postfix-parameter-twice",
    severity=Severity.WARNING,
    title="a parameter is set twice in main.cf",
    matters="The last line counts, whatever the other one was meant for.",
    action="Remove one of the lines.",
)
WARNED = FindingKind(
    code="postconf-warning",
    severity=Severity.WARNING,
    title="Postfix warns of its own configuration",
    matters="Postfix says so at each start, and may not do what was meant.",
    action="Mend it, until `postconf -n` says nothing.",
)

NOT_ENABLED = FindingKind(
    code="postfix-instance-not-enabled",
    severity=Severity.OK,
    title="an instance of Postfix is not started with the others",
    matters="It was not looked at.",
    action="`--postfix-config DIRECTORY` looks at it.",
)

KINDS = (NOT_FOUND, REPLACEABLE, UNREADABLE, FAILED, UNUSED, TWICE, WARNED, NOT_ENABLED)

_UNREAD = {kind.code: kind for kind in (NOT_FOUND, REPLACEABLE, UNREADABLE, FAILED)}
_UNUSED_WORDS = re.compile(r"(?P<file>\S+): unused parameter: (?P<name>[^=\s]+)=.*")
_TWICE_WORDS = re.compile(r"(?P<place>\S+, line \d+): overriding earlier entry: (?P<name>[^=]+)=.*")


def judge_reading(reading: PostfixReading) -> Iterator[Finding]:
    """Yield what could not be read, and what postconf warned of."""
    for unread in reading.unread:
        yield _UNREAD[unread.code].found(
            printable(unread.config_directory) or "Postfix", unread.reason
        )
    for directory in reading.disabled:
        yield NOT_ENABLED.found(printable(directory), "multi_instance_enable is not `yes`")
    for instance in reading.instances:
        for warning in instance.warnings:
            yield _warned(instance, warning)


def _warned(instance: PostfixInstance, warning: str) -> Finding:
    if unused := _UNUSED_WORDS.fullmatch(warning):
        return _unused(instance, unused["file"], unused["name"])
    if twice := _TWICE_WORDS.fullmatch(warning):
        return TWICE.found(twice["name"], f"{twice['place']} sets it once more")
    return WARNED.found(printable(instance.config_directory), warning)


def _unused(instance: PostfixInstance, file: str, name: str) -> Finding:
    similar = difflib.get_close_matches(name, instance.values, n=1, cutoff=0.85)
    if similar:
        action = f"If {similar[0]} is meant, write it so."
    else:
        action = f"Remove it, if it is not for another version: this is {instance.version_text}."
    commands = (instance.unset_line([name]),) if file.endswith("/main.cf") else ()
    found = f"{file} sets it, and Postfix {instance.version_text} has no such parameter"
    return UNUSED.found(name, found, action=action, commands=() if similar else commands)
