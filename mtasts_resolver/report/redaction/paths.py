"""Paths: the directories that every host has are kept, and the customary names of logs."""

import re

from mtasts_resolver.report.redaction.pseudonyms import Hidden, Pseudonyms

_CUSTOMARY = frozenset(
    {
        *(
            "",
            ".",
            "..",
            "-",
            "journal",
            "var",
            "log",
            "logs",
            "mail",
            "spool",
            "lib",
            "run",
            "etc",
        ),
        *("srv", "home", "root", "tmp", "usr", "opt", "mnt", "data", "postfix", "reports", "new"),
        *("cur", "main.cf", "master.cf", "mtasts-resolver", "config.yaml", "config"),
    }
)
_PACKED = r"(?:\.(?:gz|xz|zst|bz2|json|eml|mbox|txt|log|csv))*"
_LOG = re.compile(
    r"(?:mail|maillog|mail\.(?:log|info|warn|err)|syslog|messages|postfix|postfix\.log)"
    rf"(?:[.-][0-9]{{1,14}})?{_PACKED}\Z"
)
_ENDING = re.compile(rf"{_PACKED}\Z")


def hidden_path(path: str, pseudonyms: Pseudonyms) -> str:
    """Return a path, each part of which is customary or a pseudonym."""
    return "/".join(_part(part, pseudonyms) for part in path.split("/"))


def _part(part: str, pseudonyms: Pseudonyms) -> str:
    if part in _CUSTOMARY or _LOG.match(part):
        return part
    ending = part[len(_ENDING.sub("", part)) :]
    return pseudonyms.of(Hidden.FILE, part) + ending
