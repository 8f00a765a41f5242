"""Records as a zone file has them (RFC 1035 §5.1)."""

import re

from msgspec import Struct

MAX_STRING = 255  # octets of one character-string of a TXT record: RFC 1035 §3.3

USUAL_TTL = 3600
"""Seconds: a new id is seen within an hour, and a mistake is over in one."""

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_TXT = re.compile(r'(?P<name>\S+)\.\s+(?P<ttl>[0-9]+)\s+IN\s+TXT\s+(?P<data>".*")\s*\Z')


class ZoneRecord(Struct, frozen=True):
    """One record."""

    name: str
    """Absolute, without its last dot."""
    kind: str
    data: str
    """As a zone file has it."""
    ttl: int = USUAL_TTL

    @property
    def line(self) -> str:
        return f"{self.name}. {self.ttl} IN {self.kind} {self.data}"


def txt_record(name: str, text: str, ttl: int = USUAL_TTL) -> ZoneRecord:
    """Return the TXT record of a text in ASCII; a long one becomes several strings."""
    strings = [text[at : at + MAX_STRING] for at in range(0, len(text), MAX_STRING)] or [""]
    return ZoneRecord(name, "TXT", " ".join(map(_quoted, strings)), ttl)


def read_texts(zone: str) -> dict[str, str]:
    """Return name and text of each TXT record of a zone file that was written here."""
    found = (_TXT.match(line) for line in zone.splitlines())
    return {txt["name"]: _joined(txt["data"]) for txt in found if txt}


def _quoted(text: str) -> str:
    # Within quotes, a semicolon begins no comment.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _joined(data: str) -> str:
    return "".join(_ESCAPED.sub(r"\1", string) for string in _STRING.findall(data))
