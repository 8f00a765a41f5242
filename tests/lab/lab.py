"""The lab as one thing: everything started in order, and ended in reverse."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import debian13, pki
from .daemon import Daemon
from .hosts import Hosts
from .namespace import Namespace
from .postfix import Postfix
from .unbound import Dns, Resolver, forwarder


@dataclass(frozen=True)
class Lab:
    """A running lab. The daemon is not started yet: scenarios differ in how they want it."""

    directory: Path
    ca_file: Path
    namespace: Namespace
    dns: Dns
    own_resolver: Resolver
    hosts: Hosts
    postfix: Postfix
    daemon: Daemon


@contextmanager
def running_lab(tell: Callable[[str], None] = lambda _: None) -> Iterator[Lab]:
    """Run a lab. `tell` is given, in words, each step of the start."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="mtasts-lab-"))
        stack.callback(shutil.rmtree, directory)
        directory.chmod(0o755)  # Postfix and the daemon do not run as root
        tell("a network namespace")
        namespace = stack.enter_context(Namespace(directory))
        tell("certificates, good and bad")
        certificates = directory / "certificates"
        pki.write_certificates(certificates)
        ca_file = pki.ca_file(certificates)
        tell("signed zones, and a resolver that validates them")
        dns = stack.enter_context(Dns(namespace, directory / "dns", certificates))
        # Only the daemon asks it, so that Postfix still finds the MX hosts when it fails.
        resolver = stack.enter_context(
            forwarder(namespace, directory / "own-dns", dns, "127.0.0.2")
        )
        tell("policy hosts and mail hosts")
        hosts = stack.enter_context(Hosts(namespace, certificates))
        tell("Postfix")
        postfix = stack.enter_context(Postfix(namespace, directory / "postfix", ca_file))
        daemon = Daemon(namespace, directory / "daemon", ca_file, postfix.unix_socket)
        stack.callback(daemon.stop)
        yield Lab(directory, ca_file, namespace, dns, resolver, hosts, postfix, daemon)


@contextmanager
def with_modern_postfix(lab: Lab, root: Path | None) -> Iterator[Lab]:
    """Return the lab with the Postfix of another root, or with a second one of this machine's."""
    inside = [] if root is None else debian13.enter(lab.namespace, root, lab.directory)
    directory = lab.directory / "modern"
    with Postfix(lab.namespace, directory, lab.ca_file, modern=True, root=inside) as postfix:
        yield replace(lab, postfix=postfix)
