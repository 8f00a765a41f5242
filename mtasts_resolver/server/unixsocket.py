"""A unix socket's file: made with the right permissions, never over something alive, removed."""

import errno
import grp
import os
import pwd
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from mtasts_resolver.base import logs

log = logs.get(__name__)

OPEN_MODE = 0o666  # no owner or group named: as open to local users as a port of 127.0.0.1
SHARED_MODE = 0o660  # owner or group named: for them
_PRIVATE_UMASK = 0o177

# To the kernel the largest number of 32 bits means "leave it as it is".
_MAX_ID = 2**32 - 2

NO_FILES = "the daemon's user may not make files in the directory {}"
NOT_GIVEN = (
    "its owner cannot be changed without root, and its group only to one of the daemon's own: start"
    " as root, or add the daemon's user to the group"
)

_UCRED = struct.Struct("3i")
_DEAD = (errno.ECONNREFUSED, errno.ENOENT)


class BoundPath(Struct, frozen=True):
    """The file of a socket that this process made."""

    path: Path
    device: int
    inode: int

    def remove(self) -> None:
        """Remove the file, if it is still the one that was made."""
        try:
            status = self.path.lstat()
            if (status.st_dev, status.st_ino) == (self.device, self.inode):
                self.path.unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            # After root's privileges were dropped, for example. The next start replaces it.
            log.info("socket-left-behind", path=self.path, reason=error.strerror)


class Credentials(NamedTuple):
    """Whose process is at the other end of a unix socket, as the kernel attests it (unix(7))."""

    pid: int
    uid: int
    gid: int


def credentials(sock: socket.socket) -> Credentials:
    """Return those of who connected; or, for who connected, those of who listens."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return Credentials(*_UCRED.unpack(raw))


def bind_unix(
    path: str, *, mode: int | None, owner: str | None, group: str | None, backlog: int
) -> tuple[socket.socket, BoundPath]:
    """Return a non-blocking socket that listens at `path`, and its file.

    A socket file that nobody listens on any more is replaced; nothing else is ever removed.
    Without a `mode` the file is as OPEN_MODE and SHARED_MODE say. Raise OSError, whose strerror
    says what to do.
    """
    file = Path(path)
    uid, gid = owner_ids(owner, group)
    if mode is None:
        mode = OPEN_MODE if owner is None and group is None else SHARED_MODE
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound = None
    try:
        _bind(sock, file)
        # By a descriptor, since whoever can write to the directory can put a link, or any file of
        # root's, in the socket's place.
        made = os.open(file, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            bound = _identify(file, os.fstat(made))
            # Nobody can connect before listen(), so the permissions are never wider than asked for.
            _hand_over(f"/proc/self/fd/{made}", uid, gid, mode)
        finally:
            os.close(made)
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        if bound is not None:
            bound.remove()
        sock.close()
        raise
    return sock, bound


def check_place(file: Path) -> bool:
    """Tell whether there is a socket at `file`; raise OSError where there cannot be one."""
    if not file.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, f"the directory {file.parent} does not exist: create it for the daemon"
        )
    try:
        status = file.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(status.st_mode):
        raise FileExistsError(
            errno.EEXIST, "there is a file that is no socket: remove it, or choose another path"
        )
    return True


def _make_room(file: Path) -> None:
    """Remove a stale socket file; raise OSError where there is no place for a new one."""
    if not check_place(file):
        return
    if _is_live(file):
        raise OSError(
            errno.EADDRINUSE,
            "another process listens there ('ss -lxp' names it): stop it, or choose another path",
        )
    file.unlink(missing_ok=True)
    log.info("socket-stale-removed", path=file)


def _is_live(file: Path) -> bool:
    """Tell whether some process has the socket open; raise OSError where that cannot be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog is EAGAIN, and alive
        outcome = probe.connect_ex(os.fspath(file))
    if outcome == errno.EACCES:
        raise OSError(
            errno.EADDRINUSE,
            "there is a socket to which the daemon's user may not connect: if nothing uses it,"
            " remove it",
        )
    return outcome not in _DEAD


def _bind(sock: socket.socket, file: Path) -> None:
    """Make the file of `sock`, accessible to nobody else yet."""
    # The umask is the whole process's; the daemon has no other thread that makes files yet, and
    # one that had would make them too private, not too open.
    umask = os.umask(_PRIVATE_UMASK)
    try:
        _make_room(file)
        sock.bind(os.fspath(file))
    except PermissionError:
        raise PermissionError(errno.EACCES, NO_FILES.format(file.parent)) from None
    finally:
        os.umask(umask)


def _identify(file: Path, status: os.stat_result) -> BoundPath:
    """Return what this process made at `file`, whose `status` is that of what is open."""
    ours = stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1
    if not ours:
        raise FileExistsError(
            errno.EEXIST,
            f"another process put a file there at this very moment: see who can write to"
            f" {file.parent}",
        )
    return BoundPath(file, status.st_dev, status.st_ino)


def _hand_over(open_file: str, uid: int, gid: int, mode: int) -> None:
    """Give the socket's file its owner and mode. Calls that take a path follow that in /proc."""
    made = os.stat(open_file)  # noqa: PTH116  no path of a file
    try:
        # A sandbox may forbid the call, where a service runs in the group that is wanted.
        if uid not in (-1, made.st_uid) or gid not in (-1, made.st_gid):
            os.chown(open_file, uid, gid)
        os.chmod(open_file, mode)  # noqa: PTH101  no path of a file
    except PermissionError:
        raise PermissionError(errno.EPERM, NOT_GIVEN) from None


def owner_ids(owner: str | None, group: str | None) -> tuple[int, int]:
    """Return the numbers of a user and a group, names or numbers; -1 for None. Raise OSError."""
    return (
        _account_id("user", owner, lambda name: pwd.getpwnam(name).pw_uid),
        _account_id("group", group, lambda name: grp.getgrnam(name).gr_gid),
    )


def _account_id(kind: str, account: str | None, find: Callable[[str], int]) -> int:
    if account is None:
        return -1
    try:
        number = int(account) if account.isdecimal() else find(account)
    except KeyError:
        raise OSError(errno.ENOENT, f"there is no {kind} {account!a}") from None
    if number > _MAX_ID:
        raise OSError(errno.EINVAL, f"{account} is no number of a {kind}: {_MAX_ID} is the last")
    return number
