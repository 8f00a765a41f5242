"""nginx, Apache and Caddy, each told by the fragment that `publish` writes, and nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
import trustme

from mtasts_resolver.policy import Mode
from mtasts_resolver.published.publication.policyfile import write_policy
from mtasts_resolver.published.publication.webservers import (
    FRAGMENT_FILES,
    WEB_SERVERS,
    PolicySite,
)

from .namespace import Namespace, environment
from .stream import LabError, until

PROGRAMS = ("nginx", "apache2", "caddy", "curl")
ABSENT = [name for name in PROGRAMS if shutil.which(name, path=environment()["PATH"]) is None]

pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("lab_can_run"),
    pytest.mark.skipif(bool(ABSENT), reason=f"{', '.join(ABSENT)} not installed"),
]

ADDRESS = "192.0.2.1"
MODULES = "/usr/lib/apache2/modules"


class WebServer(NamedTuple):
    """A web server as Debian has it, with as much of a configuration as it needs to start."""

    configuration: str
    """With placeholders for a directory, and the fragments' files."""
    tests: tuple[str, ...]
    """The command by which it tests its configuration, a file."""
    runs: tuple[str, ...]
    """The command that runs it in the foreground."""


# Each compresses text where it can: the fragments must keep it from that.
NGINX = """\
user nobody nogroup;
pid {directory}/nginx.pid;
daemon off;
error_log {directory}/nginx.log;
events {{ }}
http {{
    access_log off;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    gzip on;
    gzip_min_length 1;
    gzip_types text/plain;
    include {directory}/*/nginx.conf;
}}
"""
APACHE = """\
ServerName localhost
ServerRoot {directory}
PidFile {directory}/apache.pid
ErrorLog {directory}/apache.log
User nobody
Group nogroup
Listen 443
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule env_module {modules}/mod_env.so
LoadModule filter_module {modules}/mod_filter.so
LoadModule deflate_module {modules}/mod_deflate.so
LoadModule mime_module {modules}/mod_mime.so
TypesConfig /etc/mime.types
AddOutputFilterByType DEFLATE text/plain
IncludeOptional {directory}/*/apache.conf
"""
CADDY = """\
{{
    admin off
    skip_install_trust
    storage file_system {directory}/caddy-state
    servers {{
        protocols h1 h2
    }}
}}
import {directory}/*/Caddyfile
"""
SERVERS = {
    "nginx": WebServer(NGINX, ("nginx", "-t", "-c"), ("nginx", "-c")),
    "apache": WebServer(APACHE, ("apache2", "-t", "-f"), ("apache2", "-D", "FOREGROUND", "-f")),
    "caddy": WebServer(
        CADDY,
        ("caddy", "validate", "--adapter", "caddyfile", "--config"),
        ("caddy", "run", "--adapter", "caddyfile", "--config"),
    ),
}


class Place(NamedTuple):
    """Where web servers run, and what they may serve."""

    namespace: Namespace
    directory: Path
    authority: Path
    policies: dict[str, bytes]

    def configure(self, kind: str) -> Path:
        server = SERVERS[kind]
        path = self.directory / kind
        path.write_text(server.configuration.format(directory=self.directory, modules=MODULES))
        return path

    def answers(self) -> bool:
        """Tell whether something listens for TLS."""
        try:
            self.get("example.com")
        except LabError:
            return False
        return True

    def get(self, domain: str, *options: str, path: str = "/.well-known/mta-sts.txt") -> str:
        """Return what curl prints of a response, its headers first; LabError without one."""
        name = f"mta-sts.{domain}"
        wrote = self.namespace.run(
            *("curl", "-sSi", "--compressed", "--cacert", self.authority),
            *("--resolve", f"{name}:443:{ADDRESS}", *options, f"https://{name}{path}"),
        )
        return wrote.replace("\r\n", "\n")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Return a network with a policy and the fragments of each of two domains."""
    authority = trustme.CA()
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)  # the web servers do not run as root
        trusted = directory / "authority.pem"
        authority.cert_pem.write_to_path(str(trusted))
        # One certificate is for the name, the other for every name of the domain.
        policies = {
            "example.com": write_domain(directory, authority, "example.com", "mta-sts.example.com"),
            "example.net": write_domain(directory, authority, "example.net", "*.example.net"),
        }
        with Namespace(directory) as namespace:
            yield Place(namespace, directory, trusted, policies)


def write_domain(directory: Path, authority: trustme.CA, domain: str, name: str) -> bytes:
    """Write policy, certificate and fragments of a domain; return the policy."""
    below = directory / domain
    well_known = below / ".well-known"
    well_known.mkdir(parents=True)
    document = write_policy(Mode.ENFORCE, 604_800, [f"mx.{domain}"]).document.encode()
    (well_known / "mta-sts.txt").write_bytes(document)
    site = PolicySite(
        domain=domain,
        root=str(below),
        certificate=str(below / "chain.pem"),
        key=str(below / "key.pem"),
    )
    certificate = authority.issue_cert(name)
    certificate.private_key_pem.write_to_path(site.key)
    for part in certificate.cert_chain_pems:
        part.write_to_path(site.certificate, append=True)
    for kind, write in WEB_SERVERS.items():
        (below / FRAGMENT_FILES[kind]).write_text(write(site))
    return document


@pytest.fixture(params=SERVERS)
def running(request: pytest.FixtureRequest, place: Place) -> Iterator[Place]:
    """Run a web server whose own test has found nothing wrong with the fragments."""
    kind: str = request.param
    path = place.configure(kind)
    tested = place.namespace.run(*SERVERS[kind].tests, path)
    assert "[warn]" not in tested, tested
    process = place.namespace.start(*SERVERS[kind].runs, path, env={"HOME": str(place.directory)})
    try:
        until(lambda: place.answers() or process.poll() is not None, f"{kind} on port 443")
        yield place
    finally:
        process.terminate()
        process.wait()


def test_each_domain_has_its_policy_as_senders_want_it(running: Place) -> None:
    for domain, document in running.policies.items():
        head, _, body = running.get(domain).partition("\n\n")
        status, *lines = head.splitlines()
        assert status.split()[1] == "200"
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        assert headers["content-type"].split(";")[0] == "text/plain"
        assert headers["cache-control"] == "no-cache"
        assert "content-encoding" not in headers
        assert headers["content-length"] == str(len(document))
        assert body == document.decode().replace("\r\n", "\n")


def test_caddy_has_nothing_to_tidy(place: Place) -> None:
    fragment = place.directory / "example.com" / "Caddyfile"
    assert place.namespace.run("caddy", "fmt", fragment).endswith(fragment.read_text())


def test_nothing_else_is_served(running: Place) -> None:
    for path in ("/", "/.well-known/", "/chain.pem", "/key.pem", "/.well-known/mta-sts.txt/"):
        status = running.get("example.com", path=path).split()[1]
        assert status in {"403", "404"}, path
    with pytest.raises(LabError, match=r"alert protocol version|unsupported protocol"):
        running.get("example.com", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")
