"""Giving up root: the daemon needs it for nothing once its sockets are open."""

import contextlib
import importlib
import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from mtasts_resolver import logs

log = logs.get(__name__)

# What libraries import at the first use of something.
LATE_IMPORTS = (
    "encodings.idna",
    "encodings.punycode",
    "idna.uts46data",
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
    import_now(LATE_IMPORTS)
    try:
        state_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chown(state_directory, account.pw_uid, account.pw_gid)
        for path in state_directory.glob("policies.sqlite*"):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    except OSError as error:
        reason = f"cannot give {state_directory} to user {user!a}: {error.strerror}"
        raise PrivilegeError(reason) from None
    become(user)
    log.info("privileges-dropped", user=account.pw_name)
    if not os.access(os.__file__, os.R_OK):
        log.warning(
            "python-unreadable",
            user=account.pw_name,
            path=os.path.dirname(os.__file__),  # noqa: PTH120
            action="install Python and the program where that user can read them",
        )


def become(user: str) -> None:
    """Have root become `user`, a name or number, for good. Raise PrivilegeError."""
    account = _account(user)
    try:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as error:
        raise PrivilegeError(f"cannot become user {user!a}: {error.strerror}") from None
    with contextlib.suppress(OSError):
        os.setuid(0)
        raise PrivilegeError(f"root came back after becoming user {user!a}")


def import_now(modules: Iterable[str]) -> None:
    """Import what is otherwise imported at its first use, which the new user may not be able to.

    A Python below /root, for example, is out of reach for everybody else.
    """
    for module in modules:
        importlib.import_module(module)


def _account(user: str) -> pwd.struct_passwd:
    try:
        found = pwd.getpwuid(int(user)) if user.isascii() and user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"user {user!a} does not exist") from None
    if found.pw_uid == 0:
        raise PrivilegeError(f"user {user!a} is root")
    return found
