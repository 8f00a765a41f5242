"""Lines that are known and of no use here: by program, and by how their message begins.

What is found here neither is counted as unknown nor costs anything. What is of use never comes here
(`messages`), but for `idle_beginnings`, which is asked before: it must fit nothing that is of use.
"""

import re

from mtasts_resolver.maillog.programs import LOGGERS

# Nothing that these say is about TLS, or about mail on the wire. Some are policy servers, which use
# Postfix's name.
_NAMES = """
anvil bounce cleanup discard dnsblog flush local pickup pipe policy-spf policyd-spf policyd-weight
postalias postcat postconf postdrop postfix postfix-script postfwd postgrey postkick postlock
postlog postlogd postmap postmulti postqueue proxymap qmqpd scache sendmail showq spawn
tlsmgr trivial-rewrite verify virtual
"""
IDLE_DAEMONS = frozenset(_NAMES.split())

_ID = "[0-9A-Za-z]{5,25}: "
_NOT = "(?:NOQUEUE: )?"
_PEER = r"[^\s\[]*(?:\[[^\]]{0,200}\])?(?::[0-9]+)?:? "

# debug_peer_list and `-v`: a function's name, what came over the wire, what another process said.
_VERBOSE = (
    r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+: ",
    r"[<>]{1,3} \S",
    r"(?:input attribute|send attr|private/\S+ socket|dict_|maps_|match_|auto_clnt|connection )",
)
_ANY = (
    r"table \S+ has changed",
    r"using (?:using )?backwards-compatible",
    r"statistics: ",
    r"warning: (?:database \S+ is older than|connect to |timeout on |premature end|dict_|private/)",
    r"warning: (?:problem talking to|unexpected end|process |\S+ process|lookup table )",
    r"warning: (?:proxy:)?[a-z]+:\S+(?: \S+)? (?:table )?lookup error for",
    r"warning: table \S+ lookup error",
)
# smtp_tls_loglevel and smtpd_tls_loglevel of 2 to 4; and what says less than another line does.
_TLS = (
    r"setting up TLS connection|starting TLS engine|initializing the (?:client|server)-side",
    r"SSL_(?:connect|accept):|SSL3 alert|SSL session|verify return|verify error|Host offered",
    r"certificate verification depth|(?:[Uu]nm|[Mm])atched |subject=|issuer=|fingerprint=",
    r"(?:looking (?:up|for)|save|saving|load|removing|delete|put|get|reloaded) session ",
    r"\S+: (?:reusing|looking for|save|load|reloaded|Issuing|re-using) session",
    _PEER + r"(?:certificate verification depth|TLS cipher list|Peer |depth=|subject_CN=)",
    _PEER + r"(?:CommonName |[Mm]atched |[Uu]nmatched |Issuing )",
    r"(?:Verified|Unverified|Peer verification): |Peer cert\w+ could not|cert has expired",
    r"(?:read|write) (?:from|to) [0-9A-Fa-f]|[0-9a-f]{4} [-0-9a-f]{2} |(?:auto|DANE) ",
    r"warning: (?:Could not report TLS|TLS policy lookup for|TLS server role|DANE TLSA lookup)",
    r"warning: \S+: all TLSA records unusable|warning: \S+ unsupported TLSA",
)
_SMTP = (
    r"connect to |host \S+ (?:said|refused|offers)|conversation with |lost connection with ",
    _ID + r"(?:enabling PIX|disabling PIX|breaking line|mail for \S+ loops|discarding EHLO|uid=)",
    r"warning: (?:no MX host for|numeric domain|valid_host|malformed|host \S+ (?:repl|gre))",
    r"warning: (?:relayhost|mail(?:er loop| for)|bad size limit|no response|SASL|dns_)",
    r"warning: (?:Unable to look up|unexpected protocol)",
)
_SMTPD = (
    _NOT + f"(?:{_ID})?(?:reject|milter-|warn|filter|hold|discard|redirect|prepend|bcc|replace)",
    _NOT + f"(?:{_ID})?(?:lost connection|timeout|proxy-|too many|improper|info|pass|permit|disc)",
    r"TLS SNI|SSL_accept|client certificate|connect to |abort: |(?:server )?certificate verif",
    r"warning: (?:hostname |[^\s\[]+\[[^\]]*\]: |non-SMTP|Illegal|numeric|malformed|unknown |SASL)",
    r"warning: (?:Connection |Message |Recipient |[A-Za-z ]*(?:rate|concurrency) limit|milter )",
    r"warning: (?:\S+: RBL|\S+: \S+ lookup|support for|access table|restriction)",
)
_POSTSCREEN = (
    r"CONNECT |DISCONNECT |PASS |PREGREET |HANGUP |DNSBL |NOQUEUE: |BARE |NON-SMTP |COMMAND ",
    r"[A-Z]+(?:LIST(?:ED)?|VETO| VETO) |DATA |BDAT |ENFORCE|SASL|STARTTLS|UNAUTH|TIME",
    r"cache \S|close database|entering STRESS|leaving STRESS|reject: |all (?:server|screening)",
    r"warning: (?:psc_|dnsblog|getpeername|\S+ cache|cache|dnsblog_query|postscreen|too many)",
)
_TLSPROXY = (r"(?:DIS)?CONNECT |TLS SNI|(?:server )?certificate verif",)
_QMGR = (
    _ID + r"(?:from=<|skipped|suspended|uid=|put on hold|to=<|removed)",
    r"warning: (?:mail for|qmgr_|backing off|remove|transport|unable to)|incoming|active|scan",
)
_MASTER = (
    r"terminating on|stopping|refreshing|reload|daemon started|exit status",
    r"warning: (?:\S+: bad command|service |master_|unix_|ignoring|to avoid)",
)

_POSTSUPER = (
    _ID,
    r"(?:Deleted|Requeued|Placed|Released|Expired|Renamed|Checked|Super): ",
    "warning: ",
)

_BEGINNINGS = {
    "smtp": (*_TLS, *_SMTP),
    "lmtp": (*_TLS, *_SMTP),
    "smtpd": (*_TLS, *_SMTPD),
    "postscreen": (*_TLS, *_POSTSCREEN),
    "tlsproxy": (*_TLS, *_TLSPROXY),
    "qmgr": _QMGR,
    "nqmgr": _QMGR,
    "oqmgr": _QMGR,
    "postsuper": _POSTSUPER,
    "master": _MASTER,
    "error": (),
}
_IDLE = {
    daemon: re.compile("|".join((*own, *_ANY, *_VERBOSE))) for daemon, own in _BEGINNINGS.items()
}

# The most of a log, told by its first bytes: what is not here is looked at as a whole. A sender
# may be of any bytes; what follows it is not looked for, but where it ends for certain.
_EARLY = {
    "qmgr": re.compile(rb"[0-9A-Za-z]{5,25}: from=<[^>\"]*>, size="),
    "smtpd": re.compile(
        rb"(?:NOQUEUE|[0-9A-Za-z]{5,25}): (?:reject|milter|filter|warn|lost)|warning: hostname "
        rb"|lost connection after |timeout after "
    ),
    "postscreen": re.compile(rb"CONNECT |DISCONNECT |PASS |PREGREET |HANGUP |DNSBL "),
    "tlsproxy": re.compile(rb"(?:DIS)?CONNECT "),
    "smtp": re.compile(rb"connect to |setting up TLS |using using "),
}
_LOGGERS = re.compile(rb"(?![^\n]*(?:rate-limit|Suppressed|missed))")
_EVERYTHING = re.compile(rb"")


def is_idle(daemon: str, message: str) -> bool:
    """Tell whether a message that is no event is known all the same."""
    idle = _IDLE.get(daemon)
    return daemon in IDLE_DAEMONS or (idle is not None and idle.match(message) is not None)


def idle_beginnings(daemon: str) -> re.Pattern[bytes] | None:
    """Return how messages begin that are of no use; None if all have to be looked at."""
    if daemon in LOGGERS:
        return _LOGGERS
    return _EVERYTHING if daemon in IDLE_DAEMONS else _EARLY.get(daemon)
