"""Lines that are known and of no use here: by program, and by how their message begins."""

import re

# Nothing that these say is about TLS, or about mail on the wire.
_NAMES = """
anvil bounce cleanup discard dnsblog flush local pickup pipe postalias postcat postconf
postdrop postfix postfix-script postkick postlock postlog postlogd postmap postmulti postqueue
postsuper proxymap qmqpd scache sendmail showq spawn tlsmgr trivial-rewrite verify virtual
"""
IDLE_DAEMONS = frozenset(_NAMES.split())
_ID = "[0-9A-Za-z]{5,25}: "
# debug_peer_list and `-v`: a function's name, or what came over the wire.
_VERBOSE = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+: |[<>]{1,3} \S|(?:input attribute|send attr|watchdog_)"
_TLS_DETAILS = (
    r"setting up TLS connection|SSL_(?:connect|accept):|SSL3 alert|SSL session|verify return"
    r"|certificate verification depth|(?:un)?[Mm]atched |Host offered STARTTLS"
    r"|[^\s\[]+\[[^\]]*\](?::[0-9]+)?: ?(?:certificate verification depth|TLS cipher list"
    r"|subject_CN"
    r"|[Mm]atched |CommonName |Issuing session|save session|(?:re)?load session|depth=|Peer)"
    r"|looking (?:up|for) session|(?:read|write) from|[0-9a-f]{4} "
    r"|using using backwards|warning: Could not report TLS handshake"
    r"|warning: TLS (?:policy lookup for|server role is disabled)"
    r"|warning: [^\s]+ unsupported TLSA|warning: DANE TLSA lookup problem"
    r"|warning: [^\s]+: all TLSA records unusable"
)
_SMTP = (
    rf"{_VERBOSE}|{_TLS_DETAILS}|connect to |conversation with |host \S+ (?:said|refused)"
    rf"|(?:{_ID})?(?:host \S+ |lost connection with|conversation with|connect to|enabling PIX"
    r"|disabling PIX|SASL authentication|breaking line|Passive|passing|uid=|discarding EHLO"
    r"|TLS is not|enabling|no MX|mail for \S+ loops)"
    r"|table \S+ has changed|warning: (?:table \S+ lookup error|connect to |no MX host for"
    r"|numeric domain|valid_hostname|malformed domain|host \S+ (?:replied|greeted)"
    r"|(?:proxy:)?[a-z]+:\S+(?: \S+)? (?:table )?lookup error for|relayhost|premature end"
    r"|unexpected protocol|no response|SASL)"
)
_SMTPD = (
    rf"{_VERBOSE}|{_TLS_DETAILS}|(?:NOQUEUE: |{_ID})?"
    r"(?:reject|milter-|warn|filter|hold|discard|redirect|prepend|bcc|lost connection|timeout|"
    r"proxy-|too many|improper|replace|info|pass|permit|dunno|disconnect: )"
    r"|improper command|lost connection after|timeout after|too many errors|table \S+ has changed"
    r"|discarding EHLO|TLS SNI|SSL_accept|initializing|connect to |statistics|client certificate"
    r"|warning: (?:hostname|\S+\[[^\]]*\]: (?:SASL|hostname|address)|non-SMTP|Illegal|numeric|"
    r"malformed|unknown|Connection (?:rate|concurrency)|Message delivery|Recipient|SASL|"
    r"\S+: RBL|problem talking|connect to|milter|support|TLS |access table|restriction|"
    r"[A-Za-z ]*(?:rate|concurrency) limit exceeded|database|dict_|do not list)"
)
_POSTSCREEN = (
    rf"{_VERBOSE}|CONNECT from|DISCONNECT|PASS (?:NEW|OLD)|PREGREET|HANGUP|DNSBL|NOQUEUE: |"
    r"(?:BARE NEWLINE|NON-SMTP|COMMAND|PIPELINING|WHITELISTED|ALLOWLISTED|BLACKLISTED|DENYLISTED|"
    r"WHITELIST VETO|ALLOWLIST VETO|ALLOWLIST|ENFORCE|DATA|BDAT)|cache \S+|close database|"
    r"entering STRESS|leaving STRESS|warning: (?:psc_|dnsblog|getpeername|\S+ cache|cache)|"
    r"table \S+ has changed|reject: |statistics"
)
_TLSPROXY = rf"{_VERBOSE}|{_TLS_DETAILS}|CONNECT |DISCONNECT |TLS SNI"
_QMGR = (
    rf"{_VERBOSE}|{_ID}(?:from=<|skipped|suspended|uid=|put on hold|to=<)|warning: (?:mail for|"
    r"qmgr_|connect to|private/|backing off|remove)|table \S+ has changed|incoming|active|"
    r"enabling|disabling|scan"
)
_MASTER = (
    rf"{_VERBOSE}|terminating on|warning: (?:process \S+|\S+: bad command|service |master_|"
    r"unix_trigger|ignoring)|fatal: bind|stopping|refreshing|reload|daemon started"
)

# How idle lines begin, of the daemons that have others, too. None of these may fit an event.
_BEGINNINGS = {
    "smtp": _SMTP,
    "lmtp": _SMTP,
    "smtpd": _SMTPD,
    "postscreen": _POSTSCREEN,
    "tlsproxy": _TLSPROXY,
    "qmgr": _QMGR,
    "nqmgr": _QMGR,
    "oqmgr": _QMGR,
    "master": _MASTER,
    "error": _VERBOSE,
}
_LINES = {daemon: re.compile(beginnings) for daemon, beginnings in _BEGINNINGS.items()}


def is_idle(daemon: str, message: str) -> bool:
    """Tell whether a message that is no event is known all the same."""
    lines = _LINES.get(daemon)
    return daemon in IDLE_DAEMONS or (lines is not None and lines.match(message) is not None)


# The most of a log, told by its first bytes; what is not here is looked at as a whole.
_EARLY = {
    "qmgr": re.compile(rb"[0-9A-Za-z]{5,25}: from=<[^>]*>, size="),
    "smtpd": re.compile(
        rb"NOQUEUE: (?!abort)|lost connection after |timeout after |warning: hostname "
        rb"|[0-9A-Za-z]{5,25}: (?:reject|milter-|filter|warn)"
    ),
    "postscreen": re.compile(rb"(?!NOQUEUE: abort)[A-Z]"),
    "tlsproxy": re.compile(rb"(?:DIS)?CONNECT "),
    "smtp": re.compile(rb"connect to |setting up TLS |using using "),
}


def is_idle_early(daemon: str) -> re.Pattern[bytes] | None:
    """Return how messages begin that are of no use; None if all have to be looked at."""
    return _NEVER_USED if daemon in IDLE_DAEMONS else _EARLY.get(daemon)


_NEVER_USED = re.compile(rb"")
