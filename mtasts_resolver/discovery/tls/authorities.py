"""Whom this host trusts to vouch for policy hosts and MX hosts, and how certificates are verified.

The system's authorities are those that OpenSSL would find, but read all at once.

OpenSSL reads a directory of them, such as SSL_CERT_DIR, certificate by certificate, each in the
handshake that needs it. One that it cannot open then is one that there is not: in a process that
may open no more files, every policy host's certificate would be "not valid".
"""

import asyncio
import os
import re
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import sleep

from mtasts_resolver.base import logs
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.discovery.oserrors import os_reason, shortage

log = logs.get(__name__)

TRUST_STORE_AGE = 86_400.0  # seconds; system updates renew the store every few months

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # what OpenSSL looks for, see openssl-rehash(1)
_PEM = re.compile(rb"-----BEGIN [^-]+-----[^-]+-----END [^-]+-----")

# An update removes all links of a directory, and makes new ones, within a second: who reads
# meanwhile finds some. A fetch may wait for this, and has ten seconds.
TRIES = 10
PAUSE = 0.2  # seconds

# What OpenSSL passes over for good, too: most systems have either the file or the directory.
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)

HTTP = ("http/1.1",)  # what is to be spoken within TLS (RFC 7301)


class TrustStore:
    """The context for hosts that speak `alpn`, loaded once, as that takes tens of milliseconds.

    It is loaded again, aside, when it is old: a daemon outlives the authorities that it started
    with. What cannot be loaded again stays in force.
    """

    def __init__(
        self,
        ca_file: Path | None,
        monotonic: Callable[[], float] = time.monotonic,
        alpn: Sequence[str] = HTTP,
    ) -> None:
        self._load = partial(trusting_context, ca_file, alpn)
        self._monotonic = monotonic
        self._context = self._load()
        self._reload_at = monotonic() + TRUST_STORE_AGE

    async def context(self) -> ssl.SSLContext:
        now = self._monotonic()
        if now >= self._reload_at:
            self._reload_at = now + TRUST_STORE_AGE
            try:
                self._context = await asyncio.to_thread(self._load)
            except (ValueError, ShortageError) as error:
                log.warning("trust-store-not-reloaded", reason=str(error))
        return self._context


def trusting_context(ca_file: Path | None, alpn: Sequence[str] = HTTP) -> ssl.SSLContext:
    """Return the context for hosts: of the system's trust store, or of `ca_file` alone.

    RFC 8461 §3.3: the chain leads to a trusted root, the certificate is valid for the name by its
    DNS-ID, not by a common name, and is not expired. Raise ValueError if `ca_file` is unusable, or
    if there is no authority to trust: every policy host would seem to be at fault. Raise
    ShortageError where this host cannot look.
    """
    # Not create_default_context(): that of Python 3.13 is strict about extensions that do no harm,
    # and content with less than a root. One policy host is judged alike by every Python: as Postfix
    # judges the MX host, by RFC 5280's path validation up to a root.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        _load_system_authorities(context)
    else:
        _load_ca_file(context, ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8461 §3.3, RFC 8996
    context.hostname_checks_common_name = False
    if alpn:  # an MX host may refuse whoever names what it does not speak, as Exim does
        context.set_alpn_protocols(list(alpn))
    return context


def _load_ca_file(context: ssl.SSLContext, ca_file: Path) -> None:
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        pass  # as with one that holds nothing but revocations
    except OSError as error:
        if (lacking := shortage(error)) is not None:
            raise lacking from None
        raise ValueError(f"{ca_file}: {os_reason(error)}") from None
    if not context.cert_store_stats()["x509"]:
        raise ValueError(f"{ca_file} holds no certificates in PEM form")


def _load_system_authorities(context: ssl.SSLContext) -> None:
    """Have `context` trust the authorities of the system's file and directories.

    Raise ValueError if there is none, or if they cannot be read; ShortageError where this host
    cannot look now.
    """
    paths = ssl.get_default_verify_paths()
    file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
    directories = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
    known: set[bytes] = set()
    try:
        _load_file(context, Path(file), known)
        for directory in filter(None, directories.split(":")):
            _load_directory(context, Path(directory), known)
    except OSError as error:
        if (lacking := shortage(error)) is not None:
            raise lacking from None
        raise ValueError(f"{error.filename or 'the trust store'}: {os_reason(error)}") from None
    if not context.cert_store_stats()["x509"]:
        raise ValueError(
            f"this host trusts no certificate authority: there is none in {file} or {directories}"
            " (install the package ca-certificates, or set https.ca_file)"
        )


def _load_directory(context: ssl.SSLContext, directory: Path, known: set[bytes]) -> None:
    for _ in range(TRIES):
        try:
            before = directory.stat().st_mtime_ns
            files = [path for path in directory.iterdir() if _HASHED.fullmatch(path.name)]
        except _ABSENT:
            return
        for file in files:
            _load_file(context, file, known)
        if directory.stat().st_mtime_ns == before:
            return
        sleep(PAUSE)
    raise ShortageError(f"{directory} is changed each time that it is read (try again)")


def _load_file(context: ssl.SSLContext, file: Path, known: set[bytes]) -> None:
    """Load the certificates of `file`, unless all are `known`; else they become so.

    Debian's directory holds what its file holds, and to load a certificate is what takes long.
    """
    try:
        with file.open("rb") as opened:
            found = set(_PEM.findall(opened.read()))
        if not found or not found <= known:
            known |= found
            context.load_verify_locations(file)
    except _ABSENT:
        return
    except ssl.SSLError:  # it holds none, and OpenSSL passes over it, too
        return
    except OSError as error:
        error.filename = str(file)
        raise
