"""What smtp_tls_policy_maps should be. All that is wrong with it is mended by one line.

Two lines that each mend one thing would undo one another, typed one after the other.
"""

from collections.abc import Iterator

from mtasts_resolver.config import UnixAddress
from mtasts_resolver.doctor.instance import list_items
from mtasts_resolver.doctor.outbound.client import REPORTING_SINCE, TABLES, Client
from mtasts_resolver.doctor.outbound.tables import AskedTable
from mtasts_resolver.doctor.surroundings import SOCKETMAP, LookupPlace


def mended(client: Client, *, other_map: bool = False) -> tuple[str, ...]:
    """Return the line that sets smtp_tls_policy_maps as it should be; none if none can.

    With `other_map` it asks the map that is for this version, and else like the one that is asked.
    """
    new = list(_kept(client, other_map=other_map))
    if not any(ours for _, ours in new):
        if (asking := _ask_us(client)) is None:
            return ()
        new.append((asking, True))
    return client.set(**{TABLES: ", ".join(text for text, _ in new)})


def tables_before_us(
    tables: tuple[AskedTable, ...], ours: AskedTable | None
) -> tuple[AskedTable, ...]:
    """Return the tables whose answers count before ours; all, where we are yet to be named."""
    return tables if ours is None else tables[: tables.index(ours)]


def is_forbidden(client: Client, table: AskedTable) -> bool:
    """Tell whether a table is asked through proxymap(8), which knows main.cf's tables alone."""
    return table.proxied and table.text not in list_items(client.instance.value("proxy_read_maps"))


def _kept(client: Client, *, other_map: bool) -> Iterator[tuple[str, bool]]:
    """Yield the tables that stay, as they should be written, and whether each is ours."""
    before = tables_before_us(client.tables, client.our_table)
    for table in client.tables:
        if table is client.our_table:
            text = _ask_us(client) if table.outside_jail else _renamed(client, table, other_map)
            if text is not None:
                yield text.removeprefix("proxy:") if is_forbidden(client, table) else text, True
        elif table.malformed and table.is_remote:
            continue
        elif table not in before or not (table.is_remote or table.type == "static"):
            yield table.text.removeprefix("proxy:" * is_forbidden(client, table)), False


def _renamed(client: Client, table: AskedTable, other_map: bool) -> str:
    """Return our table, with the map that this version can read."""
    options = client.options
    if options is None or table.map_name is None:
        return table.text
    modern = client.instance.version >= REPORTING_SINCE
    if options.tlsrpt == modern or (modern and not other_map):
        return table.text
    name = client.around.ours.map_for(tlsrpt=modern, like=options)
    return f"{table.text.removesuffix(table.map_name)}{name}"


def _ask_us(client: Client) -> str | None:
    """Return the table by which such a Postfix asks us; None where it cannot reach us."""
    places = [place for place in client.around.ours.places if _is_reached(client, place)]
    if not places:
        return None
    # By socketmap, which has map names; and over TCP, which needs no rights to a file.
    best = min(places, key=lambda one: (one.protocol != SOCKETMAP, _is_file(one)))
    return best.table(client.best_map, client.instance.queue_directory)


def _is_reached(client: Client, place: LookupPlace) -> bool:
    """Tell whether a chrooted smtp(8) could reach it, too, if it is one."""
    if not (client.chroot and isinstance(place.address, UnixAddress)):
        return True
    return place.address.path.startswith(f"{client.instance.queue_directory.rstrip('/')}/")


def _is_file(place: LookupPlace) -> bool:
    return isinstance(place.address, UnixAddress)
