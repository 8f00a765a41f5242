"""The forms that the head of a line has: when, on which host, by which program.

    Nov  5 10:00:12 mx1 postfix/smtp[4009]: message
    2026-11-05T10:00:12.345678+01:00 mx1 postfix/relay/smtp[4009]: message
    2026-11-05 10:00:12  postfix:25/smtpd[2211]:  message

and what containers, rsyslog's templates and other syslogs put around it. Only what stands before
the program is looked at: in a message there may be anything.
"""

import re
from typing import NamedTuple

# Where one is asked for by `TZ` or a collector: `Z`, `+0100`, `-03:30`.
_ZONE = rb"(Z|[+-][0-9]{2}:?[0-9]{2})?"
_FRACTION = rb"([.,][0-9]{1,9})?"
ISO_STAMP = rb"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2})" + _FRACTION + _ZONE
# A month of any language, which may be of two words (`Thg 11`, `de gen.`), and maybe a year.
SYSLOG_STAMP = (
    rb"((?:[^\x00-\x20\d:|{<\[]{2,4} )?[^\x00-\x20:|{<\[]{2,40} {1,2}[0-9]{1,2}(?: [0-9]{4})? "
    rb"[0-9]{2}:[0-9]{2}:[0-9]{2})" + _FRACTION + rb"()"
)
# journalctl -o short-unix
UNIX_STAMP = rb"([0-9]{9,10})(\.[0-9]{1,9})()"

# A host, and a program with its process. No host has a slash, a bracket, or a colon at its end, and
# so the program is not found where somebody's words are. `postfix:25/smtpd` has a colon, too.
_HOST = rb"([^\s/\[\]]{0,254}[^\s/\[\]:])"
# Solaris adds a number: `postfix/smtp[1]: [ID 197553 mail.info] message`.
_PROGRAM = (
    rb"([^\s\[\]]{0,254}[^\s\[\]:])(?:\[([0-9]{0,10})\])?:(?:\s+|\Z)"
    rb"(?:\[ID [0-9]{1,10} [a-z0-9]{1,10}\.[a-z]{1,10}\] )?"
)
# rsyslog's %syslogseverity-text%; BusyBox's and FreeBSD's `mail.info`.
_SEVERITY = (
    rb"(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT|ALERT|EMERG|PANIC"
    rb"|<?(?:mail|user|daemon|syslog|local[0-7])"
    rb"\.(?:debug|info|notice|warn(?:ing)?|err(?:or)?|crit|alert|emerg|panic)>?)"
)
# RFC 5424 §6: the program, its process, a message id and data, which Postfix has not.
_PROTOCOL = (
    rb"\s+" + _HOST + rb"\s+([^\s\[\]]{0,254}[^\s\[\]:]) (?:([0-9]{1,10})|-) \S{1,255} "
    rb"(?:-|(?:\[[^\]]*\])+) \s*(?:\xef\xbb\xbf)?"
)
_WRITER = rb"\s+" + _HOST + rb"\s+(?:" + _SEVERITY + rb"\s+)?" + _PROGRAM
# A container's stream (CRI), and its own stamp behind that of whoever runs it.
_INNER_STAMP = rb"\s+(?:std(?:out|err) [FP] )?[^\s:|{<\[]{2,40} {1,2}[0-9]{1,2} [0-9:]{8}"
STAMPED = (
    re.compile(SYSLOG_STAMP + _WRITER),
    re.compile(ISO_STAMP + _WRITER),
    re.compile(UNIX_STAMP + _WRITER),
    re.compile(ISO_STAMP + _INNER_STAMP + _WRITER),
    re.compile(ISO_STAMP + _PROTOCOL),
)

STAMPS = tuple(
    re.compile(stamp + rb"(?:\s+|\Z)") for stamp in (SYSLOG_STAMP, ISO_STAMP, UNIX_STAMP)
)

# What stands before the stamp: the priority (RFC 5424 §6.2.1) and version, `docker compose logs`,
# the weekday of `journalctl -o short-full`.
BEFORE = re.compile(
    rb"\A[\s\0]*(?:[\w./-]{1,100} *\| )?(?:<[0-9]{1,3}>(?:1 )?)?(?:[A-Z][a-z]{2} (?=[0-9]{4}-))?"
)
# Behind it: a zone's name (short-full; no host is called so), a container's stream (CRI).
_ZONES = (
    rb"UTC|GMT|BST|WES?T|CES?T|EES?T|MSK|IST|[ECMP][SD]T|AK[SD]T|HST|A[CE][SD]T|AWST|NZ[SD]T"
    rb"|[JK]ST|HKT|SGT|[+-][0-9]{2}"
)
AFTER_STAMP = re.compile(rb"(?:(?:" + _ZONES + rb") (?=\S+ \S))?(?:std(?:out|err) [FP] )?")

_SEVERITY_ALONE = re.compile(_SEVERITY + rb"\Z")
PROGRAM_ALONE = re.compile(rb"([^\s\[\]]{0,254}[^\s\[\]:])(?:\[([0-9]{0,10})\])?:?\Z")
# Of a host's name (RFC 1035 §2.3.4), and of a program's in the forms above: they are remembered.
MAX_HOST = 255
# Words before a message at most: host, severity, program.
_WORDS = 3


class LineOrigin(NamedTuple):
    """What stands between a line's time and its message."""

    host: bytes
    program: bytes
    pid: bytes
    message: bytes


def origin_in(rest: bytes) -> LineOrigin | None:
    """Return who wrote a line, of all that stands behind its time; None if that is not clear."""
    words = rest.split(None, _WORDS)
    host = b""
    for place, word in enumerate(words[:_WORDS]):
        if is_severity(word):
            continue
        found = PROGRAM_ALONE.match(word)
        if found is not None and (b"/" in word or word.endswith(b":")):
            # The message as it stands, with its blanks: whatever comes behind the last word.
            message = rest.split(None, place + 1)[place + 1 :]
            text = message[0] if message else b""
            return LineOrigin(host, found[1], found[2] or b"", text)
        if host or len(word) > MAX_HOST:
            return None
        host = word
    return None


def is_severity(word: bytes) -> bool:
    """Tell whether a word is how bad a line is, which some write where others have the host."""
    return _SEVERITY_ALONE.match(word) is not None
