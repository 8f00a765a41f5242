"""smtp(8) with one set of parameters: main.cf's, or that of a service with some of its own.

A thing that is wrong in main.cf is told once, and again only for a service that sets some of what
it depends on itself.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.config import MapOptions
from mtasts_resolver.doctor.instance import MasterService, PostfixInstance, list_items
from mtasts_resolver.doctor.outbound.tables import AskedTable, parse_tables
from mtasts_resolver.doctor.surroundings import Surroundings

REPORTING_SINCE = (3, 10)
"""The first release that knows the attributes of a map with `tlsrpt: true`."""
TABLES = "tls_policy_maps"
# `service:nexthop`, as transport(5) has it; a filter without brackets is looked up all the same.
_LOCAL_FILTER = re.compile(
    r"(?P<service>[^:\s]+):(?:unix:|inet:)?(?:\[?(?:127\.[\d.]+|localhost|::1)\]?(?::|\Z)|/)"
)
SHOWN = 200  # characters of a parameter's value: a list of tables is recognised by so much


class Client(Struct, frozen=True, kw_only=True):
    """smtp(8), or lmtp(8), with the parameters that hold for some services."""

    instance: PostfixInstance
    around: Surroundings
    prefix: str
    """What its parameters begin with: `smtp` or `lmtp`."""
    service: MasterService | None
    """None: main.cf."""
    chroot: bool
    """Whether some service that uses it is chrooted."""
    tables: tuple[AskedTable, ...]
    """What smtp_tls_policy_maps holds."""

    def name(self, suffix: str) -> str:
        """Return the name of a parameter that smtp(8) and lmtp(8) have each."""
        return f"{self.prefix}_{suffix}"

    def value(self, suffix: str) -> str:
        """Return what counts for such a parameter."""
        return self.instance.value(self.name(suffix), self.service)

    def plain(self, name: str) -> str:
        """Return what counts for a parameter that has no prefix."""
        return self.instance.value(name, self.service)

    def decides(self, *names: str) -> bool:
        """Tell whether something is to be told here that depends on these parameters."""
        return self.service is None or any(name in self.service.overrides for name in names)

    def judges(self, *suffixes: str) -> bool:
        """Tell the same of parameters with the prefix."""
        return self.decides(*map(self.name, suffixes))

    @property
    def our_table(self) -> AskedTable | None:
        """The table that asks us; None where we are not asked."""
        return next((table for table in self.tables if table.ours), None)

    @property
    def options(self) -> MapOptions | None:
        """How the map answers that is asked, or that should be; None where we need not be asked.

        What main.cf lacks for our answers is told along with that we are not asked: one look, and
        one correction, shall be enough.
        """
        if (table := self.our_table) is not None:
            return self.around.ours.options(table.map_name)
        if self.service is None:
            return self.around.ours.options(self.best_map)
        return None

    @property
    def best_map(self) -> str:
        """The map for this version of Postfix."""
        return self.around.ours.map_for(tlsrpt=self.instance.version >= REPORTING_SINCE)

    def about(self, name: str) -> str:
        """Return what a finding on a parameter is about."""
        label = f"{shown_value(self.instance.label)}: " if self.instance.label else ""
        if self.service is None:
            return f"{label}{name}"
        return f"{label}{name} of {shown_value(self.service.key)}"

    def said(self, name: str) -> str:
        """Return what a parameter is and where that stands: how a finding on it begins."""
        place = self.instance.place(name, self.service)
        value = self.plain(name)
        shown = f"`{shown_value(value)}`" if value else "empty"
        return f"it is {shown} ({shown_value(str(place)) if place else 'the default'})"

    def named(self, name: str) -> str:
        """Return the same of another parameter than the one that a finding is about."""
        return f"{name}: {self.said(name)}"

    def set(self, **values: str) -> tuple[str, ...]:
        """Return the line that sets parameters, each without its prefix; none if no line can."""
        return self.set_plain(**{self.name(suffix): value for suffix, value in values.items()})

    def set_plain(self, **values: str) -> tuple[str, ...]:
        """Return the line that sets parameters: for the service if that is where they are set."""
        service = self._where(values)
        if service is not None and any(map(_is_spaced, values.values())):
            return ()
        return (self.instance.set_line(values, service),)

    def unset(self, name: str) -> tuple[str, ...]:
        """Return the line after which a parameter has its default, or main.cf's value."""
        return (self.instance.unset_line([name], self._where([name])),)

    def _where(self, names: Iterable[str]) -> MasterService | None:
        own = self.service is not None and any(name in self.service.overrides for name in names)
        return self.service if own else None


def clients(instance: PostfixInstance, around: Surroundings) -> Iterator[Client]:
    """Yield main.cf's smtp(8), and lmtp(8) where it asks us; then the services that differ.

    What hands mail to a filter of this host is left out: it meets no other host.
    """
    filtering = _filtering(instance)
    for prefix in ("smtp", "lmtp"):
        using = [service for service in instance.outbound if service.prefix == prefix]
        # Its tables are asked by each that names no others, whatever else that sets.
        asking = [one for one in using if f"{prefix}_{TABLES}" not in one.overrides]
        chroot = any(service.chroot for service in asking)
        client = _client(instance, around, prefix, None, chroot=chroot)
        if asking and (prefix == "smtp" or client.our_table is not None):
            yield client
    for service in instance.outbound:
        if not _own_parameters(service) or service.name in filtering:
            continue
        client = _client(instance, around, service.prefix, service, chroot=service.chroot)
        if service.prefix == "smtp" or client.our_table is not None:
            yield client


def _client(
    instance: PostfixInstance,
    around: Surroundings,
    prefix: str,
    service: MasterService | None,
    *,
    chroot: bool,
) -> Client:
    value = instance.value(f"{prefix}_{TABLES}", service)
    tables = parse_tables(value, around.ours, instance.queue_directory, chroot=chroot)
    return Client(
        instance=instance,
        around=around,
        prefix=prefix,
        service=service,
        chroot=chroot,
        tables=tables,
    )


def _filtering(instance: PostfixInstance) -> frozenset[str]:
    """Return the services that content_filter(5) names for a host of this machine alone."""
    values = [instance.value("content_filter")]
    values += [service.overrides.get("content_filter", "") for service in instance.services]
    found = filter(None, map(_LOCAL_FILTER.match, values))
    return frozenset(match["service"] for match in found)


def _own_parameters(service: MasterService) -> bool:
    """Tell whether a service sets something that is judged; Debian's `relay` sets a log name."""
    return any(
        name.startswith(("smtp_", "lmtp_", "tls_", "ignore_mx_", "disable_dns_"))
        for name in service.overrides
    )


def _is_spaced(value: str) -> bool:
    """Tell whether a list has white space inside one of what it lists."""
    return any(len(item.split()) > 1 for item in list_items(value))


def shown_value(value: str) -> str:
    """Return a value that somebody wrote as a finding shows it: bounded, and printable."""
    return escaped(value if len(value) <= SHOWN else f"{value[:SHOWN]}...")
