"""Whether the daemon can do all that it is there for, and if not, why."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mtasts_resolver.control.sources import Sources


def _dns(sources: Sources) -> str | None:
    if sources.sts.name_servers_fail:
        return "the name servers do not answer"
    if sources.dnssec.validates is None:
        return f"no name server has answered yet: {sources.dnssec.state}"
    return None


PARTS: Mapping[str, Callable[[Sources], str | None]] = MappingProxyType(
    {
        "dns": _dns,
        "discoverer": lambda sources: sources.discoverer.trouble,
        "store": lambda sources: sources.store.trouble,
    }
)
"""Why a part is not well, None where it is, by the name of the part."""


def view_trouble(sources: Sources) -> dict[str, str]:
    """Return why each part that is not well is not; nothing where the daemon is ready."""
    found = ((part, trouble(sources)) for part, trouble in PARTS.items())
    return {part: trouble for part, trouble in found if trouble is not None}
