"""Giving up root: the daemon needs it for nothing once its sockets are open."""

import contextlib
import importlib
import os
import pwd
import shlex
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mtasts_resolver.base import logs

log = logs.get(__name__)

# What libraries import at the first use of something.
LATE_IMPORTS = (
    "encodings.idna",
    "encodings.punycode",
    "idna.uts46data",
)


class PrivilegeError(Exception):
    """The user to become does not exist, the process cannot become it, or it cannot work as it."""


def drop_privileges(
    user: str | None, store: Path, look: Callable[[Path], None] = lambda _store: None
) -> None:
    """Become `user`, a name or number, where the process is root; raise PrivilegeError.

    `store` is the file of the policies. Its directory is made for the user where it is missing.
    What was there before is never given away: where the user cannot use it, that is an error.
    Without a `user` root says once that it should not stay so.

    `look` is called with the store, and with the rights that the process will have. After an error,
    whether of `look` or not, the process is who it was, and can start in another way.
    """
    if os.geteuid() != 0:
        if user is not None:
            log.info("privileges-kept", reason="not started as root", user=user)
        look(store)
        return
    if user is None:
        log.warning("running-as-root", action="set `user` in the configuration, or use systemd")
        with contextlib.suppress(OSError):  # the store tries again, and says why it cannot
            store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_trusted(store.parent)
        look(store)
        return
    account = find_account(user)
    import_now(LATE_IMPORTS)
    try:
        _make_directory(store.parent, account)
    except OSError as error:
        raise PrivilegeError(_unusable(account, store.parent, error.strerror)) from None
    with _rights_of(account):
        _check_usable(store, account)
        look(store)
    become(user)
    log.info("privileges-dropped", user=account.pw_name)
    if (place := _unreadable()) is not None:
        log.warning(
            "python-unreadable",
            user=account.pw_name,
            path=place,
            action="install Python and the program where that user can read them",
        )


def can_start_python(user: str | None) -> bool:
    """Tell whether this program can still be started when root, if it is root, is `user`.

    Raise PrivilegeError.
    """
    if user is None or os.geteuid() != 0:
        return True
    with _rights_of(find_account(user)):
        return _unreadable() is None


def _unreadable() -> str | None:
    """Return a directory of Python's or of this program that cannot be read, or None."""
    for file in (os.__file__, sys.executable, __file__):
        if not os.access(file, os.R_OK, effective_ids=True):
            return str(Path(file).parent)
    return None


@contextlib.contextmanager
def _rights_of(account: pwd.struct_passwd) -> Iterator[None]:
    """Have what root does meanwhile succeed or fail as for the user. Raise PrivilegeError."""
    group, groups = os.getegid(), os.getgroups()
    try:
        try:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setegid(account.pw_gid)
            os.seteuid(account.pw_uid)
        except OSError as error:
            reason = f"cannot become user {account.pw_name!a}: {error.strerror}"
            raise PrivilegeError(reason) from None
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        if os.getgroups() != groups:  # else it may be what is not allowed
            os.setgroups(groups)


def become(user: str, jail: Path | None = None) -> None:
    """Have root become `user`, a name or number, for good. Raise PrivilegeError.

    With a `jail` that directory is the root of all paths from then on. The groups are looked up
    before, as Postfix does it: a jail has no /etc/group.
    """
    account = find_account(user)
    try:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        if jail is not None:
            os.chroot(jail)
            os.chdir("/")
        os.setuid(account.pw_uid)
    except OSError as error:
        raise PrivilegeError(f"cannot become user {user!a}: {error.strerror}") from None
    with contextlib.suppress(OSError):
        os.setuid(0)
        raise PrivilegeError(f"root came back after becoming user {user!a}")


def said_as(user: str | None, say: Callable[[], str], jail: Path | None = None) -> str:
    """Return what `say` returns, a short text, in a process that has become `user`, None for none.

    With a `jail` it is chrooted there. Raise PrivilegeError. It is for a process of one thread, and
    for a `say` that ends.
    """
    if user is None:
        return say()
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            become(user, jail)
            os.write(theirs, say().encode())
            os._exit(0)
        os._exit(1)
    os.close(theirs)
    with os.fdopen(ours, "rb") as answer:
        said = answer.read().decode()
    _, status = os.waitpid(pid, 0)
    if status:
        raise PrivilegeError(f"nothing can be tried out as user {user!a}")
    return said


def import_now(modules: Iterable[str]) -> None:
    """Import what is otherwise imported at its first use, which the new user may not be able to.

    A Python below /root, for example, is out of reach for everybody else.
    """
    for module in modules:
        importlib.import_module(module)


def _make_directory(directory: Path, account: pwd.struct_passwd) -> None:
    """Make `directory` for the user where it is missing, and what is missing above it.

    This is root's work where root alone can write; elsewhere the user makes it, for root could be
    led to another place. Each step goes through the directory that is open, and never by a link.
    """
    existing, missing = directory.absolute(), []
    while not existing.exists():
        missing.append(existing.name)
        existing = existing.parent
    above = os.open(existing, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not missing or not _is_roots(os.fstat(above), sticky=True):
            return
        for name in reversed(missing):
            os.mkdir(name, 0o700, dir_fd=above)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            made = os.open(name, flags, dir_fd=above)
            os.close(above)
            above = made
            os.fchmod(made, 0o755)  # to pass through; whatever the umask
        os.fchmod(above, 0o700)
        os.fchown(above, account.pw_uid, account.pw_gid)
    finally:
        os.close(above)


def _is_roots(status: os.stat_result, *, sticky: bool) -> bool:
    """Tell whether root alone can remove and replace what is in a directory.

    In one that is `sticky`, such as /tmp, others can do so with files of their own only.
    """
    open_to_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid == 0 and (
        not open_to_others or (sticky and bool(status.st_mode & stat.S_ISVTX))
    )


def _check_trusted(directory: Path) -> None:
    """Raise PrivilegeError where others could have root write to files of their choice.

    SQLite follows links that it finds at the names of its files.
    """
    real = Path(
        os.path.realpath(directory)
    )  # resolve() has an error of its own for links in a loop
    for place in (real, *real.parents):
        try:
            status = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue  # it will be made below one that is looked at
        except OSError as error:
            raise PrivilegeError(
                f"{place} cannot be looked at: {error.strerror}. Mend it, or name another directory"
                " in `store.url`"
            ) from None
        if not _is_roots(status, sticky=place != real):
            raise PrivilegeError(
                f"others than root can write to {place}, so root must not keep the store in"
                f" {directory}: set `user` in the configuration to who owns it, or name another"
                " directory in `store.url`"
            )


def _check_usable(store: Path, account: pwd.struct_passwd) -> None:
    """Raise PrivilegeError where the user, whose rights the process has, cannot use the store."""
    directory = store.parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            return  # the store reads what it can from there
    except OSError as error:
        raise PrivilegeError(_unusable(account, directory, error.strerror)) from None
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise PrivilegeError(_unusable(account, directory, "Permission denied"))
    for file in (store, store.with_name(f"{store.name}-wal")):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK, effective_ids=True):
            raise PrivilegeError(_unusable(account, file, "Permission denied"))


def _unusable(account: pwd.struct_passwd, path: Path, reason: str | None) -> str:
    """Return what is wrong with a directory or file of the store's, and what to do.

    Whether that is right only a person can know: it may be a directory that others use as well.
    """
    own = f"chown {account.pw_name}: {shlex.quote(str(path))}"
    make = f"install -d -o {account.pw_name} -m 700 {shlex.quote(str(path))}"
    return (
        f"user {account.pw_name!a} cannot use {path}: {reason}. If it is the daemon's alone, run"
        f" '{own if path.exists() else make}'; else name another in `store.url`"
    )


def find_account(user: str) -> pwd.struct_passwd:
    """Return the account of `user`, a name or number. Raise PrivilegeError: none, or root's."""
    try:
        found = pwd.getpwuid(int(user)) if user.isascii() and user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"user {user!a} does not exist") from None
    if found.pw_uid == 0:
        raise PrivilegeError(f"user {user!a} is root")
    return found
