"""What is logged of TLS, what is remembered of it, and what is used again."""

from collections.abc import Iterator

from mtasts_resolver.doctor.instance import list_items
from mtasts_resolver.doctor.outbound.client import Client
from mtasts_resolver.findings import Finding, FindingKind, Severity
from mtasts_resolver.policy import is_hostname

NOT_LOGGED = FindingKind(
    code="tls-not-logged",
    severity=Severity.NOTE,
    title="Postfix logs nothing of TLS",
    matters="Nobody can see in the log which mail was verified, and why other mail was held.",
    action="Have it log a line for each connection.",
)
LOGGED_TOO_MUCH = FindingKind(
    code="tls-logged-in-full",
    severity=Severity.WARNING,
    title="Postfix logs the course of each TLS handshake, or more",
    matters="The log grows fast, and at level 4 holds the content of mail.",
    action="Have it log a line for each connection, once the search is over.",
)
NO_SESSIONS = FindingKind(
    code="no-tls-session-cache",
    severity=Severity.NOTE,
    title="TLS sessions are not remembered",
    matters="Each connection to the same host takes a full handshake. Nothing is less secure.",
    action="Keep them in a table of Postfix's own.",
)
NO_TLSPROXY = FindingKind(
    code="connection-reuse-without-tlsproxy",
    severity=Severity.ERROR,
    title="TLS connections are to be used again, and tlsproxy(8) is not there",
    matters="smtp(8) has no other way to do TLS then: mail to domains that enforce a policy is"
    " deferred.",
    action="Turn it off, or take the `#` before tlsproxy in master.cf.",
)
SERVERNAME = FindingKind(
    code="server-name-invalid",
    severity=Severity.ERROR,
    title="smtp_tls_servername is no host name",
    matters="All mail that would use TLS is deferred.",
    action="Let it have its default: our answers have Postfix name the MX host.",
)
ONE_SERVERNAME = FindingKind(
    code="server-name-for-everyone",
    severity=Severity.WARNING,
    title="every host is asked for the certificate of the same name",
    matters="Hosts that have several certificates show the wrong one. Where the map has"
    " `sni: false`, mail to domains that enforce a policy is held for that.",
    action="Let it have its default, or `hostname`.",
)

KINDS = (NOT_LOGGED, LOGGED_TOO_MUCH, NO_SESSIONS, NO_TLSPROXY, SERVERNAME, ONE_SERVERNAME)

_LOG, _CACHE = "tls_loglevel", "tls_session_cache_database"
_REUSE, _NAME = "tls_connection_reuse", "tls_servername"
_TALKATIVE = 2
# The first that there is; Postfix's own default type comes last of all.
_CACHE_TYPES = ("btree", "lmdb")


def judge_evidence(client: Client) -> Iterator[Finding]:
    """Yield what could not be seen, and what would be done again and again."""
    if client.judges(_LOG):
        yield from _log(client)
    if client.judges(_CACHE) and not client.value(_CACHE):
        name, types = client.name(_CACHE), client.instance.map_types
        table = next((one for one in _CACHE_TYPES if one in types), None)
        value = f"{table}:${{data_directory}}/{client.prefix}_scache"
        commands = client.set(**{_CACHE: value}) if table else ()
        yield NO_SESSIONS.found(client.about(name), client.said(name), commands=commands)
    if client.judges(_REUSE) and client.value(_REUSE) == "yes":
        yield from _reuse(client)
    if client.judges(_NAME) and client.value(_NAME) not in ("", "hostname", "nexthop"):
        name = client.name(_NAME)
        kind = ONE_SERVERNAME if is_hostname(client.value(_NAME).lower()) else SERVERNAME
        yield kind.found(client.about(name), client.said(name), commands=client.unset(name))


def _log(client: Client) -> Iterator[Finding]:
    level, name = client.value(_LOG), client.name(_LOG)
    if not level.isdecimal():
        return
    if int(level) == 0 or int(level) >= _TALKATIVE:
        kind = LOGGED_TOO_MUCH if int(level) else NOT_LOGGED
        commands = client.set(**{_LOG: "1"})
        yield kind.found(client.about(name), client.said(name), commands=commands)


def _reuse(client: Client) -> Iterator[Finding]:
    service = client.plain("tlsproxy_service_name") or "tlsproxy"
    if client.instance.service(service) is None:
        name = client.name(_REUSE)
        found = f"{client.said(name)}, and {client.instance.config_directory}/master.cf has no"
        yield NO_TLSPROXY.found(
            client.about(name),
            f"{found} service {'; '.join(list_items(service))}",
            commands=client.set(**{_REUSE: "no"}),
        )
