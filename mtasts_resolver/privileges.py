"""Giving up root: the daemon needs it for nothing once its sockets are open."""

import contextlib
import importlib
import os
import pwd
from pathlib import Path

from mtasts_resolver import logs

log = logs.get(__name__)

# What libraries, and modules of discovery/, import at the first use of something.
LATE_IMPORTS = (
    "anyio",
    "anyio._backends._asyncio",
    "anyio.lowlevel",
    "anyio.streams.tls",
    "cryptography.exceptions",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509",
    "dns._asyncio_backend",
    "encodings.idna",
    "encodings.punycode",
    "idna.uts46data",
    "mtasts_resolver.discovery.https",
)


class PrivilegeError(Exception):
    """The user to become does not exist, or the process cannot become it."""


def drop_privileges(user: str | None, state_directory: Path) -> None:
    """Become `user`, a name or number, where the process is root; raise PrivilegeError.

    The state directory is made before, and given to the user. Without a `user` root says once that
    it should not stay so.
    """
    if os.geteuid() != 0:
        if user is not None:
            log.info("privileges-kept", reason="not started as root", user=user)
        return
    if user is None:
        log.warning("running-as-root", action="set `user` in the configuration, or use systemd")
        return
    account = _account(user)
    if account.pw_uid == 0:
        raise PrivilegeError(f"user {user!a} is root")
    _import_all()
    try:
        state_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chown(state_directory, account.pw_uid, account.pw_gid)
        for path in state_directory.glob("policies.sqlite*"):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as error:
        raise PrivilegeError(f"cannot become user {user!a}: {error.strerror}") from None
    with contextlib.suppress(OSError):
        os.setuid(0)
        raise PrivilegeError(f"root came back after becoming user {user!a}")
    log.info("privileges-dropped", user=account.pw_name)
    if not os.access(os.__file__, os.R_OK):
        log.warning(
            "python-unreadable",
            user=account.pw_name,
            path=os.path.dirname(os.__file__),  # noqa: PTH120
            action="install Python and the program where that user can read them",
        )


def _import_all() -> None:
    """Import what is otherwise imported at its first use, which the new user may not be able to.

    A Python below /root, for example, is out of reach for everybody else.
    """
    import dns.rdata  # noqa: PLC0415  needed here alone

    for module in LATE_IMPORTS:
        importlib.import_module(module)
    dns.rdata.load_all_types(disable_dynamic_load=False)  # type: ignore[no-untyped-call]


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(user)) if user.isascii() and user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"user {user!a} does not exist") from None
