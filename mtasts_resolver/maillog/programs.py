"""Who has written a line: `postfix/relay/smtp` is smtp(8) of the service `postfix/relay`."""

import re
from typing import NamedTuple

# The programs of Postfix, 2.2 to 3.12, that log under syslog_name.
_NAMES = """
anvil bounce cleanup discard dnsblog error flush lmtp local master nqmgr oqmgr pickup pipe
postalias postcat postconf postdrop postfix postfix-script postfix-tlspol-script postkick
postlock postlog postlogd postmap postmulti postqueue postscreen postsuper proxymap qmgr qmqpd
scache sendmail showq smtp smtpd spawn tlsmgr tlsproxy trivial-rewrite verify virtual
"""
DAEMONS = frozenset(_NAMES.split())
# Those that write logs, or bring them here, and say in them what they have dropped.
LOGGERS = frozenset({"rsyslogd", "rsyslogd-2177", "systemd-journald", "journal"})


class Program(NamedTuple):
    """A program whose lines are read."""

    service: str
    """What syslog_name is for it; empty for what is no part of Postfix."""
    daemon: str


# rsyslog cuts a program's name at its slash where it writes it by itself (RFC 5424 §6.2.5, JSON),
# unless parser.permitSlashInProgramName is on.
_CUT = re.compile(r"postfix(?:-\w{1,20})?\Z")


def program_called(name: str) -> Program | None:
    """Return what a line's program is; None for one whose lines say nothing of mail.

    Where its name was cut the daemon is empty: only what it says can tell.
    """
    service, slash, daemon = name.rpartition("/")
    if not slash:
        if name in LOGGERS:
            return Program("", name)
        return Program(name, "") if _CUT.match(name) else None
    if daemon in DAEMONS or service.startswith("postfix"):
        return Program(service, daemon)
    return None


# Of messages whose program is not known, those that only one writes. Who delivers to this host
# writes as smtp(8) does, but names no host.
_RELAY = r"(?:none|[^\s,\[\]]*\[)"
_SAYING = (
    (
        "smtp",
        re.compile(
            rf"[0-9A-Za-z]{{5,25}}: to=<[^\n]*>, relay={_RELAY}|TLSRPT: |SSL_connect error to "
            r"|[0-9A-Za-z]{5,25}: (?:Server certificate |TLS is required|Cannot start TLS"
            r"|host \S+ (?:said|refused)|lost connection with |conversation with )"
            r"|(?:[A-Z][a-z]+ )?TLS connection (?:established|reused) to "
            r"|(?:server |CA )?certificate (?:peer name )?verification failed for "
            r"|warning: (?:[a-z]{1,40}_tls_policy_maps, |TLS policy lookup |socketmap:|MX name )"
        ),
    ),
    (
        "smtpd",
        re.compile(
            r"[0-9A-Za-z]{5,25}: client=|(?:dis)?connect from |lost connection after "
            r"|SSL_accept error from |(?:[A-Z][a-z]+ )?TLS connection established from "
        ),
    ),
    ("tlsproxy", re.compile(r"TLS handshake failed for service=")),
    ("qmgr", re.compile(r"[0-9A-Za-z]{5,25}: (?:removed|from=<)")),
    ("master", re.compile(r"(?:daemon started|reload) -- version ")),
)


def daemon_saying(message: str) -> str | None:
    """Return which program writes such a message, None if that cannot be told."""
    for daemon, beginning in _SAYING:
        if beginning.match(message):
            return daemon
    return None
