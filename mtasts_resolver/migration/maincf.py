"""The line of main.cf that changes: where theirs is asked, ours is. Other tables stay."""

from collections.abc import Iterator

from msgspec import Struct

from mtasts_resolver.config import Address, Config
from mtasts_resolver.doctor.instance import PostfixInstance
from mtasts_resolver.doctor.outbound.client import REPORTING_SINCE, TABLES, Client, clients
from mtasts_resolver.doctor.outbound.tables import COMPOSITE_TABLES, AskedTable
from mtasts_resolver.doctor.surroundings import SOCKETMAP, LookupPlace, OurLookups, Surroundings

_DNSSEC = "smtp_dns_support_level"


class AskedThere(Struct, frozen=True, kw_only=True):
    """A place of Postfix's configuration where theirs is asked."""

    about: str
    """Such as `smtp_tls_policy_maps`."""
    before: str
    after: str
    """What it is to be; the same where nothing changes."""
    change: tuple[str, ...] = ()
    """The line that changes it, for a shell; none where it is not to be changed, or by hand."""
    back: tuple[str, ...] = ()
    """The line that makes it what it was."""
    by_hand: str = ""
    """Why no line can."""


def find_asked(
    instance: PostfixInstance, theirs: Address, ours: Address, config: Config
) -> Iterator[AskedThere]:
    """Yield each place of an instance where `theirs` is asked, and how `ours` is asked there."""
    lookups = OurLookups(places=(LookupPlace(SOCKETMAP, theirs),), config=config)
    for client in clients(instance, Surroundings(ours=lookups)):
        asked = [table for table in client.tables if table.ours]
        if not asked or not client.judges(TABLES):
            continue
        name, before = client.name(TABLES), client.value(TABLES)
        if any(table.type in COMPOSITE_TABLES for table in asked):
            why = "it stands within another table: name it alone, behind that one"
            by_hand = why if ours != theirs else ""
            yield AskedThere(about=client.about(name), before=before, after=before, by_hand=by_hand)
            continue
        texts = [_ours(client, one, ours) if one.ours else one.text for one in client.tables]
        after = ", ".join(texts)
        if texts == [table.text for table in client.tables]:
            after = before
        changed = after != before
        # With the names that it may hold, which are expanded in what counts.
        written = None if client.service else client.instance.written.get(name)
        yield AskedThere(
            about=client.about(name),
            before=before,
            after=after,
            change=client.set(**{TABLES: _literally(after)}) if changed else (),
            back=client.set(**{TABLES: written or _literally(before)}) if changed else (),
        )


def _literally(expanded: str) -> str:
    """Return how what is expanded is written: a `$` that is left means itself, as in a pattern."""
    return expanded.replace("$", "$$")


def _ours(client: Client, table: AskedTable, ours: Address) -> str:
    """Return the table by which ours is asked in place of theirs: in the map of the same name."""
    lookups = client.around.ours
    name = table.map_name or "default"
    options = lookups.options(name)
    if options.tlsrpt and client.instance.version < REPORTING_SINCE:
        name = lookups.map_for(tlsrpt=False, like=options)
    if ours == lookups.places[0].address:
        return f"{table.text.removesuffix(table.map_name or '')}{name}"
    asking = LookupPlace(SOCKETMAP, ours).table(name, client.instance.queue_directory)
    return f"{'proxy:' * table.proxied}{asking}"


def dnssec_lines(instance: PostfixInstance) -> tuple[str, ...]:
    """Return the line without which Postfix defers what is answered with `dane-only`, if needed."""
    if instance.value(_DNSSEC) == "dnssec":
        return ()
    return (instance.set_line({_DNSSEC: "dnssec"}),)
