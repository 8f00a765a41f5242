"""The lab's internet, as containers on a network of their own see it.

It has a root key, authorities and networks of its own. What is mounted for that into containers is
all in which they differ from what the examples say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.freshhost import CONFIGURATION as NETWORKS
from tests.lab.freshhost import NAME_SERVER, RESOLVER
from tests.lab.lab import Lab
from tests.lab.unbound import forwarder

from .images import FILES

AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
CONFIGURATION = "/etc/mtasts-resolver/config.yaml"


@dataclass(frozen=True)
class Mount:
    """A file that a container of the examples, by its name there, is to see."""

    container: str
    file: Path
    path: str


@contextmanager
def outside(lab: Lab, directory: Path) -> Iterator[list[Mount]]:
    """Yield what makes containers part of the lab; `directory` is empty, and shared with them."""
    configuration = (FILES / "config.yaml").read_text("utf-8") + "\n" + NETWORKS
    content = {
        ("mtasts-resolver", CONFIGURATION): configuration,
        ("mtasts-resolver", AUTHORITIES): lab.ca_file.read_text(),
        ("postfix", AUTHORITIES): lab.ca_file.read_text(),
        ("unbound", "/etc/unbound/lab.ds"): lab.dns.trust_anchor,
        ("unbound", "/etc/unbound/unbound.conf.d/lab.conf"): RESOLVER,
    }
    mounts = []
    for number, ((container, path), text) in enumerate(content.items()):
        file = directory / f"{number}"
        file.write_text(text, "utf-8")
        file.chmod(0o644)
        mounts.append(Mount(container, file, path))
    with forwarder(lab.namespace, directory / "dns", lab.dns, NAME_SERVER):
        yield mounts
