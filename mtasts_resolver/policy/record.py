"""The policy record: the TXT record at `_mta-sts.<policy domain>` (RFC 8461 §3.1)."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# RFC 8461 §3.1:
#
#   sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
#   sts-field       = sts-id / sts-extension
#   sts-field-delim = *WSP ";" *WSP
#   sts-version     = %s"v=STSv1"
#   sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
#   sts-extension   = sts-ext-name "=" sts-ext-value
#   sts-ext-name    = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
#   sts-ext-value   = 1*(%x21-3A / %x3C / %x3E-7E)
#
# The text beside this grammar discards records that do not begin with "v=STSv1;", while the grammar
# lets white space stand before the semicolon. Erratum 6285 (reported, not verified) sees it and
# would forbid that white space; we accept it, for the domain that wrote it wants to be protected.
_VERSION = re.compile(rb"v=STSv1[ \t]*;")
_WSP = b" \t"
_ID = re.compile(rb"id=([A-Za-z0-9]{1,32})\Z")
_EXTENSION = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+\Z")

_SHOWN = 60  # characters of a faulty field that an error quotes


class PolicyRecord(NamedTuple):
    """A usable policy record."""

    id: str
    """1 to 32 ASCII letters and digits; another value means another policy."""


class RecordError(ValueError):
    """The domain publishes no usable record of a kind; the text says why.

    `position` is that of the faulty field: of its first character, counted from 1.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


def is_policy_id(text: str) -> bool:
    """Tell whether `text` can be the id of a policy record."""
    return text.isascii() and _ID.match(b"id=" + text.encode()) is not None


def parse_record(text: bytes) -> PolicyRecord:
    """Return the policy record that `text`, a TXT record's joined strings, holds.

    Unknown fields are ignored if they are well-formed; of several ids the first counts. Raise
    RecordError where the text does not follow the grammar.
    """
    if not _VERSION.match(text):
        raise RecordError("it does not begin with 'v=STSv1;'")
    policy_id: str | None = None
    for field, position in split_fields(text):
        found = _ID.match(field)
        if found and policy_id is None:
            policy_id = found[1].decode()
        elif not found and (field.startswith(b"id=") or not is_extension(field)):
            raise malformed(field, position)
    if policy_id is None:
        raise RecordError("it has no id")
    return PolicyRecord(policy_id)


def split_fields(text: bytes) -> list[tuple[bytes, int]]:
    """Return what stands between the delimiters after the version, each with its position.

    White space belongs to a delimiter, so it is no part of a field, save at the very end.
    """
    version, *fields, last = text.split(b";")
    found = []
    start = len(version) + 1
    for part in fields:
        found.append((part.strip(_WSP), _first(part, start)))
        start += len(part) + 1
    if last.lstrip(_WSP):
        found.append((last.lstrip(_WSP), _first(last, start)))
    return found


def _first(part: bytes, start: int) -> int:
    return start + len(part) - len(part.lstrip(_WSP)) + 1


def is_extension(field: bytes) -> bool:
    """Tell whether `field` may stand in a record though nobody knows it: it is ignored."""
    return _EXTENSION.match(field) is not None


def malformed(field: bytes, position: int) -> RecordError:
    """Return the error that names a field."""
    shown = ascii(field[:_SHOWN].decode("latin-1"))
    return RecordError(f"the field {shown} is malformed", position)


def select_record(texts: Iterable[bytes]) -> PolicyRecord:
    """Return the policy record among the TXT records of `_mta-sts.<policy domain>`.

    Records that are not of version STSv1 are discarded. Not exactly one left, two identical ones
    included, means that there is no usable policy (RFC 8461 §3.1): RecordError.
    """
    candidates = [text for text in texts if _VERSION.match(text)]
    if not candidates:
        raise RecordError("no TXT record begins with 'v=STSv1;'")
    if len(candidates) > 1:
        raise RecordError(f"{len(candidates)} TXT records begin with 'v=STSv1;', one is allowed")
    try:
        return parse_record(candidates[0])
    except RecordError as error:
        raise RecordError(f"the policy record is invalid: {error}", error.position) from None
