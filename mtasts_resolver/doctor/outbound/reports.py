"""TLSRPT: Postfix 3.10 and later pass what became of TLS to a collector, for reports (RFC 8460)."""

from collections.abc import Iterator

from mtasts_resolver.doctor.outbound.client import TABLES, Client, shown_value
from mtasts_resolver.findings import Finding, FindingKind, Severity

ENABLE, SOCKET = "tlsrpt_enable", "tlsrpt_socket_name"

NO_SOCKET = FindingKind(
    code="tlsrpt-without-socket-name",
    severity=Severity.WARNING,
    title="TLSRPT is turned on, and no collector's socket is named",
    matters="Nothing is reported. Mail is not concerned.",
    action="Name the collector's socket, or turn TLSRPT off.",
)
NOT_BUILT_IN = FindingKind(
    code="tlsrpt-not-built-in",
    severity=Severity.WARNING,
    title="TLSRPT is turned on, and this Postfix is built without it",
    matters="Nothing is reported. Mail is not concerned.",
    action="Turn it off, or use a Postfix that is built with libtlsrpt.",
)
NOT_ARRIVING = FindingKind(
    code="tlsrpt-socket-unusable",
    severity=Severity.WARNING,
    title="the TLSRPT collector's socket takes nothing",
    matters="Nothing is reported. Mail is not concerned.",
    action="Start the collector, and have its socket where Postfix looks: relative to the queue"
    " directory, and open to Postfix's user.",
)
WITHOUT_POLICIES = FindingKind(
    code="tlsrpt-without-policies",
    severity=Severity.WARNING,
    title="Postfix reports on TLS, and is not told the policies",
    matters="Its reports say that a domain had no policy, where one was enforced.",
    action="Ask a map with `tlsrpt: true`.",
)

KINDS = (NO_SOCKET, NOT_BUILT_IN, NOT_ARRIVING, WITHOUT_POLICIES)


def judge_reports(client: Client) -> Iterator[Finding]:
    """Yield what keeps reports from being made, or makes them wrong."""
    if client.value(ENABLE) != "yes" or not client.judges(ENABLE, SOCKET, TABLES):
        return
    about, said = client.about(client.name(ENABLE)), client.said(client.name(ENABLE))
    if client.around.reports_built_in is False:
        yield NOT_BUILT_IN.found(about, said, commands=client.set(**{ENABLE: "no"}))
        return
    if client.judges(ENABLE, SOCKET):
        yield from _socket(client)
    if client.options is not None and not client.options.tlsrpt:
        yield WITHOUT_POLICIES.found(about, f"{said}; {client.named(client.name(TABLES))}")


def _socket(client: Client) -> Iterator[Finding]:
    name, value = client.name(SOCKET), client.value(SOCKET)
    if not value:
        commands = client.set(**{ENABLE: "no"})
        yield NO_SOCKET.found(client.about(name), client.said(name), commands=commands)
        return
    socket = client.around.report_sockets.get(report_socket_path(client))
    if socket is not None and socket.fault:
        found = f"{client.said(name)}: {shown_value(socket.path)}: {socket.fault}"
        yield NOT_ARRIVING.found(client.about(name), found)


def report_socket_path(client: Client) -> str:
    """Return where smtp(8) finds the socket, as it is seen outside the chroot."""
    value, jail = client.value(SOCKET), client.instance.queue_directory.rstrip("/")
    if value.startswith("/"):
        return f"{jail}{value}" if client.chroot else value
    return f"{jail}/{value}"
