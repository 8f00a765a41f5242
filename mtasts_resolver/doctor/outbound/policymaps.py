"""Whether smtp(8) asks us at all, in a form that works, and who is asked before us."""

from collections.abc import Iterator

from mtasts_resolver.doctor.outbound.client import TABLES, Client, shown_value
from mtasts_resolver.doctor.outbound.mending import is_forbidden, mended, tables_before_us
from mtasts_resolver.doctor.outbound.tables import COMPOSITE_TABLES, FILE_TABLES, AskedTable
from mtasts_resolver.findings import Finding, FindingKind, Severity

NOT_ASKED = FindingKind(
    code="policy-map-missing",
    severity=Severity.ERROR,
    title="Postfix does not ask this daemon",
    matters="No policy that a domain publishes is applied: mail goes out as without MTA-STS.",
    action="Name the daemon in smtp_tls_policy_maps, behind tables of your own.",
)
SERVICE_NOT_ASKING = FindingKind(
    code="service-without-policy-map",
    severity=Severity.WARNING,
    title="a service of master.cf does not ask this daemon",
    matters="Mail that goes out by this service is sent as without MTA-STS.",
    action="Let it have main.cf's tables, unless it sends to hosts of your own alone.",
)
MALFORMED = FindingKind(
    code="policy-map-malformed",
    severity=Severity.ERROR,
    title="a table of smtp_tls_policy_maps is not written as Postfix reads it",
    matters="smtp(8) ends at once, or defers all mail that it would look up there.",
    action="Write socketmap:inet:HOST:PORT:NAME, socketmap:unix:PATH:NAME or tcp:HOST:PORT.",
)
TYPE_UNKNOWN = FindingKind(
    code="map-type-unknown",
    severity=Severity.ERROR,
    title="this Postfix has no tables of a type that is named",
    matters="Postfix defers all mail that it would look up there.",
    action="Install the package that brings the type, such as postfix-pcre, or use another type.",
)
OUTSIDE_JAIL = FindingKind(
    code="policy-socket-outside-chroot",
    severity=Severity.ERROR,
    title="a chrooted smtp(8) looks for the daemon's socket inside the chroot",
    matters="A chrooted smtp(8) finds none there, and all its mail is deferred.",
    action="Ask over TCP, or have the socket below the queue directory: see"
    " postfix-examples/main.cf.chroot-unix-socket.",
)
NOT_PROXIED = FindingKind(
    code="policy-map-not-allowed",
    severity=Severity.ERROR,
    title="proxymap(8) may not open a table of smtp_tls_policy_maps",
    matters="Postfix defers all mail that it would look up there.",
    action="Ask without `proxy:`, which gains nothing here; or allow it in proxy_read_maps.",
)
IN_COMPOSITE = FindingKind(
    code="policy-map-in-composite",
    severity=Severity.ERROR,
    title="the daemon's answers are mixed with those of other tables",
    matters="Postfix gets an answer that nobody gave: it defers mail, or sends it unprotected.",
    action="Name the tables one behind the other, without unionmap, pipemap or randmap.",
)
FOREIGN_FIRST = FindingKind(
    code="other-policy-server-first",
    severity=Severity.WARNING,
    title="another policy server is asked before this daemon",
    matters="What it answers is never asked of this daemon, whose overrides do not count then."
    " While it is away, all mail is deferred.",
    action="Take it out, once this daemon does its work.",
)
ANSWERS_ALL = FindingKind(
    code="table-answers-everything",
    severity=Severity.ERROR,
    title="a table before this daemon answers for every destination",
    matters="This daemon is never asked: no policy that a domain publishes is applied.",
    action="Take it out; what shall hold where there is no policy is smtp_tls_security_level.",
)
LOCAL_FIRST = FindingKind(
    code="local-table-first",
    severity=Severity.OK,
    title="a table of your own is asked before this daemon",
    matters="What stands in it is never asked of this daemon.",
)
TABLE_UNUSABLE = FindingKind(
    code="policy-table-unusable",
    severity=Severity.ERROR,
    title="Postfix cannot open a table of smtp_tls_policy_maps",
    matters="Postfix defers all mail that it would look up there.",
)
MAP_UNKNOWN = FindingKind(
    code="map-not-configured",
    severity=Severity.WARNING,
    title="the daemon's configuration has no map of this name",
    matters="The daemon answers as the map `default`: without what the name was meant for.",
    action="Correct the name, or name the map in the daemon's configuration, below `maps`.",
)
OBSERVES = FindingKind(
    code="map-only-observes",
    severity=Severity.NOTE,
    title="the map that Postfix asks only observes",
    matters="Every answer is `not found`: mail goes out as without MTA-STS, and nothing is held.",
    action="When you have seen enough, set `answer: live` in the daemon's configuration.",
)
PER_SITE = FindingKind(
    code="per-site-table-ignored",
    severity=Severity.WARNING,
    title="smtp_tls_per_site is set, and Postfix passes over it",
    matters="Since smtp_tls_policy_maps is set, what stands in the old table does not count.",
    action="Move its entries to a table that stands first in smtp_tls_policy_maps.",
)

KINDS = (
    *(NOT_ASKED, SERVICE_NOT_ASKING, MALFORMED, TYPE_UNKNOWN, OUTSIDE_JAIL, NOT_PROXIED),
    *(IN_COMPOSITE, FOREIGN_FIRST, ANSWERS_ALL, LOCAL_FIRST, TABLE_UNUSABLE, MAP_UNKNOWN),
    *(OBSERVES, PER_SITE),
)


def judge_tables(client: Client) -> Iterator[Finding]:
    """Yield what is wrong with smtp_tls_policy_maps."""
    if client.judges("tls_per_site") and client.value("tls_per_site") and client.tables:
        name = client.name("tls_per_site")
        yield PER_SITE.found(client.about(name), client.said(name), commands=client.unset(name))
    if not client.judges(TABLES):
        return
    about, ours = client.about(client.name(TABLES)), client.our_table
    for table in client.tables:
        yield from _form(client, table, about)
    if ours is None:
        yield _not_asked(client)
    elif ours.type in COMPOSITE_TABLES:
        yield IN_COMPOSITE.found(about, f"`{shown_value(ours.text)}` holds the daemon's table")
        return
    else:
        yield from _our_map(client, ours, about)
    if ours is not None or client.service is None:
        for table in tables_before_us(client.tables, ours):
            yield from _before_us(client, table, about)


def _form(client: Client, table: AskedTable, about: str) -> Iterator[Finding]:
    shown = f"`{shown_value(table.text)}`"
    if table.malformed:
        commands = mended(client) if table.is_remote else ()
        yield MALFORMED.found(about, f"{shown}: {table.malformed}", commands=commands)
    elif table.type and table.type not in client.instance.map_types:
        yield TYPE_UNKNOWN.found(about, f"{shown}: `postconf -m` does not name {table.type}")
    elif (local := client.around.tables.get(table.text)) is not None and local.fault:
        yield TABLE_UNUSABLE.found(about, f"{shown}: {local.fault}", action=_mend_table(table))
    if is_forbidden(client, table):
        found = f"{shown} is not in proxy_read_maps, which holds main.cf's tables alone"
        yield NOT_PROXIED.found(about, found, commands=mended(client))


def _mend_table(table: AskedTable) -> str:
    if table.type in ("hash", "btree", "lmdb", "cdb", "dbm", "sdbm"):
        return f"Make it: `postmap {table.type}:{shown_value(table.rest)}`"
    return "Make the file, or take the table out."


def _not_asked(client: Client) -> Finding:
    name = client.name(TABLES)
    found = client.said(name)
    if client.service is not None:
        return SERVICE_NOT_ASKING.found(client.about(name), found, commands=client.unset(name))
    if any(table.is_remote and not table.malformed for table in client.tables):
        listens = ", ".join(str(place.address) for place in client.around.ours.places)
        found += f"; this daemon listens at {listens or 'no address'}"
    return NOT_ASKED.found(client.about(name), found, commands=mended(client))


def _before_us(client: Client, table: AskedTable, about: str) -> Iterator[Finding]:
    shown = f"`{shown_value(table.text)}` stands before it"
    local = client.around.tables.get(table.text)
    if table.type == "static":
        yield ANSWERS_ALL.found(about, shown, commands=mended(client))
    elif table.is_remote and not table.malformed:
        yield FOREIGN_FIRST.found(about, shown, commands=mended(client))
    elif table.type in FILE_TABLES and local is not None and not local.fault:
        keys = "" if local.keys is None else f", with {local.keys} key{'s' * (local.keys != 1)}"
        yield LOCAL_FIRST.found(about, f"{shown}{keys}")


def _our_map(client: Client, ours: AskedTable, about: str) -> Iterator[Finding]:
    shown = f"`{shown_value(ours.text)}`"
    if ours.outside_jail:
        found = f"{shown}, and a service that uses it is chrooted to"
        found += f" {client.instance.queue_directory}"
        yield OUTSIDE_JAIL.found(about, found, commands=mended(client))
    if ours.map_name is not None and not client.around.ours.has_map(ours.map_name):
        yield MAP_UNKNOWN.found(about, f"{shown} names {shown_value(ours.map_name)}")
    options = client.options
    if options is not None and client.around.ours.config.observes(options):
        yield OBSERVES.found(about, f"{shown}: `answer: observe` holds for this map")
