"""The system's certificate authorities: those that OpenSSL would find, but read all at once.

OpenSSL reads a directory of them, such as SSL_CERT_DIR, certificate by certificate, each in the
handshake that needs it. One that it cannot open then is one that there is not: in a process that
may open no more files, every policy host's certificate would be "not valid".
"""

import os
import re
import ssl
from pathlib import Path
from time import sleep

from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.discovery.oserrors import os_reason, shortage

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # what OpenSSL looks for, see openssl-rehash(1)
_PEM = re.compile(rb"-----BEGIN [^-]+-----[^-]+-----END [^-]+-----")

# An update removes all links of a directory, and makes new ones, within a second: who reads
# meanwhile finds some. A fetch may wait for this, and has ten seconds.
TRIES = 10
PAUSE = 0.2  # seconds

# What OpenSSL passes over for good, too: most systems have either the file or the directory.
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


def load_system_authorities(context: ssl.SSLContext) -> None:
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
