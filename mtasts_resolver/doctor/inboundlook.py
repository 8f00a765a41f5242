"""Looking at what others send to: the files of certificates, port 25, and MX records of our own."""

import smtplib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from dns.rdatatype import RdataType
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from msgspec.structs import replace

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.dns.answer import DnsStatus
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import DnsError, ShortageError
from mtasts_resolver.discovery.mx import mx_hosts
from mtasts_resolver.doctor.certificates import (
    Roots,
    SeenChain,
    UnusableCertificateError,
    describe_der,
    read_certificate,
    read_chain_files,
)
from mtasts_resolver.doctor.inbound import (
    SeenInbound,
    SeenPort,
    public_services,
    tls_level,
)
from mtasts_resolver.doctor.instance import MasterService, PostfixInstance, list_items
from mtasts_resolver.policy import is_hostname

MAX_DOMAINS = 20  # of our own whose MX records are looked up; each takes some questions
MAX_NAMES = 10  # by which port 25 is asked for its certificate
# Seconds for each answer of a server on this host; postscreen(8) waits for six before it greets.
SMTP_PATIENCE = 15.0
SMTP_PORT = 25
_READY = 220

_OWN_DOMAINS = ("mydestination", "relay_domains", "virtual_mailbox_domains")
# Parameters of a certificate, and of its key.
_PAIRS = (
    ("smtpd_tls_cert_file", "smtpd_tls_key_file"),
    ("smtpd_tls_eccert_file", "smtpd_tls_eckey_file"),
    ("smtpd_tls_dcert_file", "smtpd_tls_dkey_file"),
)


async def look_at_inbound(
    instance: PostfixInstance, roots: Roots, dns: DnsClient | None, *, running: bool
) -> SeenInbound:
    """Look at what others send to, of one instance; at port 25 only where it is `running`.

    Without `dns` nothing is known of MX records that lead here.
    """
    seen = SeenInbound(instance=instance, now=time.time())
    services = public_services(instance)
    if not services:
        return seen
    seen = replace(seen, chains=tuple(_chains(services[0], roots)))
    offering = [service for service in services if tls_level(service) != "none"]
    if not offering:
        return seen
    mx_names = [] if dns is None else [found async for found in _find_mx_names(instance, dns)]
    seen = replace(seen, mx_names=tuple(mx_names))
    if not running:
        return seen
    names = ["", *(name for name, _ in mx_names[:MAX_NAMES])]
    ports = _ask_ports(_listens_at(instance, offering[0]), names, roots)
    return replace(seen, ports=tuple(ports))


def _chains(service: MasterService, roots: Roots) -> Iterator[SeenChain]:
    """Look at what the service is told to show; where chain files are named, these alone count."""
    name = "smtpd_tls_chain_files"
    if files := list_items(service.value(name)):
        yield from read_chain_files(name, files, roots)
        return
    for parameter, key_parameter in _PAIRS:
        file = service.value(parameter)
        if file and file != "none":
            yield read_certificate(parameter, file, service.value(key_parameter) or file, roots)


def _listens_at(instance: PostfixInstance, service: MasterService) -> str:
    """Return an address of this host where the service should listen."""
    if host := service.name.rpartition(":")[0]:
        return host.strip("[]")
    interfaces = list_items(instance.value("inet_interfaces"))
    if "all" not in interfaces and "127.0.0.1" not in interfaces:
        return str(interfaces[0]).strip("[]")
    return "::1" if instance.value("inet_protocols") == "ipv6" else "127.0.0.1"


def _ask_ports(address: str, names: list[str], roots: Roots) -> Iterator[SeenPort]:
    for name in names:
        yield (port := _ask_port(address, name, roots))
        if port.outcome not in ("tls", "failed"):
            return


def _ask_port(address: str, name: str, roots: Roots) -> SeenPort:
    """Ask port 25 for STARTTLS as a sender does, and for the certificate of `name`."""
    try:
        with smtplib.SMTP(local_hostname="localhost", timeout=SMTP_PATIENCE) as smtp:
            code, said = smtp.connect(address, SMTP_PORT)
            if code == _READY:
                code, said = smtp.ehlo()
            if not smtp.has_extn("starttls"):
                reason = f"{address} answers {code} {_text(said)}"
                return SeenPort(name=name, outcome="no-starttls", reason=reason)
            return _shake_hands(smtp, name, roots)
    except (OSError, smtplib.SMTPException) as error:
        words = getattr(error, "strerror", None) or printable(str(error))
        return SeenPort(name=name, outcome="silent", reason=f"{address}: {words}")


def _shake_hands(smtp: smtplib.SMTP, name: str, roots: Roots) -> SeenPort:
    code, said = smtp.docmd("STARTTLS")
    if code != _READY or smtp.sock is None:
        reason = f"STARTTLS is answered {code} {_text(said)}"
        return SeenPort(name=name, outcome="failed", reason=reason)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Who answers is this host: it is asked whom its certificate names, and told nothing.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(smtp.sock, server_hostname=name or None) as tls:
            smtp.sock = tls
            der = tls.getpeercert(binary_form=True)
            shown = describe_der([der] if der else [], roots)
            smtp.file = None  # it reads what is not encrypted
            smtp.quit()
            return SeenPort(name=name, outcome="tls", shown=shown)
    except (OSError, smtplib.SMTPException, UnusableCertificateError) as error:
        reason = printable(getattr(error, "reason", None) or str(error))
        return SeenPort(name=name, outcome="failed", reason=f"the handshake fails: {reason}")


def _text(said: bytes) -> str:
    return printable(said.decode("utf-8", "replace"))


async def _find_mx_names(
    instance: PostfixInstance, dns: DnsClient
) -> AsyncIterator[tuple[str, str]]:
    """Yield each name by which an MX record of an own domain leads to this host, with the domain.

    What is behind another's address, or an address translation, is not found.
    """
    values = [word for name in _OWN_DOMAINS for word in list_items(instance.value(name))]
    domains = [word.lower() for word in values if "." in word and is_hostname(word.lower())]
    known = set()
    for domain in list(dict.fromkeys(domains))[:MAX_DOMAINS]:
        with suppress(DnsError, ShortageError):  # of name servers that fail others tell
            answer = await dns.query(domain, RdataType.MX)
            # Without MX records it is the domain itself, which nobody has meant to be one.
            hosts = mx_hosts(answer) if answer.status is DnsStatus.FOUND else []
            for host in hosts[:MAX_NAMES]:
                if host not in known and is_hostname(host) and await _leads_here(host, dns):
                    known.add(host)
                    yield host, domain


async def _leads_here(host: str, dns: DnsClient) -> bool:
    for rdtype in (RdataType.A, RdataType.AAAA):
        answer = await dns.query(host, rdtype)
        for record in answer.records:
            if isinstance(record, A | AAAA) and _is_own(record.address):
                return True
    return False


def _is_own(address: str) -> bool:
    """Tell whether an address is one of this host's: one can listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:  # also where there is no IPv6
        return False
    return True
