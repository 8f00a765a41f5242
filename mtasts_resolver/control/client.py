"""Asking a running daemon over its control socket: for the commands."""

import os
import pwd
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from mtasts_resolver.control.values.problem import Problem
from mtasts_resolver.server.unixsocket import credentials

# Seconds that the daemon may be silent: what it knows itself takes it one, on a busy host too.
PATIENCE = 30.0
# Bytes of an answer that is one value: a domain's whole story, with documents of 64 KiB.
MAX_ANSWER = 64 << 20
MAX_LINE = 8 << 20  # bytes of one line of a stream

T = TypeVar("T", bound=Struct)


class ControlError(Exception):
    """The daemon was not reached, or does not do what it was asked; the text says why."""


class NoDaemonError(ControlError):
    """Nobody answers at the control socket."""


class NotAllowedError(ControlError):
    """The control socket is not for this user."""


class StrangerError(ControlError):
    """Somebody else may be in the daemon's place."""


class RequestRefusedError(ControlError):
    """The daemon says no."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__("; ".join(filter(None, (problem.error, problem.action))))
        self.status = status
        self.problem = problem


class ControlClient:
    """One conversation with the daemon."""

    def __init__(self, path: Path, *, patience: float | None = PATIENCE) -> None:
        """`patience`: seconds that it may be silent once it was asked.

        None: for ever, as is right where it waits for other hosts.
        """
        self._path = path
        self._patience = PATIENCE if patience is None else patience
        self._http = httpx.Client(
            # To read certification authorities would take a command a tenth of its time.
            transport=httpx.HTTPTransport(uds=str(path), verify=False),
            base_url="http://control",
            timeout=httpx.Timeout(self._patience, read=patience),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, kind: type[T], *path: str, **params: object) -> T:
        """Return what a GET of `path`, whose parts may hold anything, says. Raise ControlError."""
        return self.ask("GET", kind, *path, params=params)

    def ask(
        self,
        method: str,
        kind: type[T],
        *path: str,
        params: Mapping[str, object] | None = None,
        body: Struct | None = None,
    ) -> T:
        """Return what the daemon answers. Raise ControlError."""
        with self._answer(method, path, params, _encoded(body)) as response:
            try:
                return msgspec.json.decode(_whole(response), type=kind)
            except msgspec.DecodeError as error:
                raise self._strange(str(error)) from None

    def stream(
        self,
        method: str,
        kind: type[T],
        *path: str,
        params: Mapping[str, object] | None = None,
        body: Struct | None = None,
        lines: Iterator[bytes] | None = None,
    ) -> Iterator[T]:
        """Yield each value that the daemon answers as it comes. Raise ControlError.

        `lines` are sent as they are, each with its line end.
        """
        sent = _encoded(body) if lines is None else lines
        with self._answer(method, path, params, sent) as response:
            for line in _lines(response):
                yield self._value(line, kind)

    def _value(self, line: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as error:
            try:
                problem = msgspec.json.decode(line, type=Problem)
            except msgspec.DecodeError:
                raise self._strange(str(error)) from None
            raise RequestRefusedError(500, problem) from None

    @contextmanager
    def _answer(
        self,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, object] | None,
        content: bytes | Iterator[bytes] | None,
    ) -> Iterator[httpx.Response]:
        """Ask, and see that the daemon is willing. Raise ControlError."""
        url = "/v1/" + "/".join(quote(part, safe="") for part in path)
        given = {name: str(value) for name, value in (params or {}).items() if value is not None}
        self._knock()
        try:
            with self._http.stream(
                method, url, params=given, content=content, extensions={"trace": self._heed}
            ) as response:
                if not response.is_success:
                    raise self._refused(response)
                yield response
        except httpx.TimeoutException:
            raise NoDaemonError(
                f"the daemon at {self._path} does not answer within {self._patience:g} s: see"
                " 'journalctl -u mtasts-resolver'"
            ) from None
        except httpx.HTTPError as error:
            raise NoDaemonError(
                f"the daemon at {self._path} broke off the conversation: {error}"
            ) from None

    def _refused(self, response: httpx.Response) -> ControlError:
        try:
            problem = msgspec.json.decode(_whole(response), type=Problem)
        except msgspec.DecodeError:
            return self._strange(f"HTTP status {response.status_code}")
        return RequestRefusedError(response.status_code, problem)

    def _knock(self) -> None:
        """See that somebody listens, whatever it may be. Raise ControlError.

        httpx would say less of why nobody does, and leave its socket open.
        """
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(self._patience)
            try:
                sock.connect(str(self._path))
            except OSError as error:
                raise self._unreachable(error) from None
            self._recognize(credentials(sock).uid)

    def _heed(self, event: str, about: Mapping[str, Any]) -> None:
        """See it once more of the connection that is asked through, before anything is said.

        Since the knock somebody may have taken the daemon's place. Raise StrangerError.
        """
        if event == "connection.connect_unix_socket.complete":
            stream = about["return_value"]
            try:
                self._recognize(credentials(stream.get_extra_info("socket")).uid)
            except StrangerError:
                stream.close()
                raise

    def _recognize(self, uid: int) -> None:
        """See that who listens is no stranger. Raise StrangerError.

        Where others may make files, anybody can listen in the place of a daemon that is down.
        """
        if uid in (0, os.geteuid()):
            return
        directory = self._path.absolute().parent
        for place in (directory, *directory.parents):
            status = place.stat()
            open_to_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if status.st_uid not in (0, uid) or open_to_others:
                raise StrangerError(
                    f"user {_name(uid)} listens at {self._path}, and need not be the daemon: others"
                    f" can write to {place}. Have the control socket in a directory that only root"
                    " and the daemon's user can write to"
                )

    def _unreachable(self, error: OSError) -> ControlError:
        if isinstance(error, PermissionError):
            return NotAllowedError(
                f"the control socket {self._path} is not for you: become root, or have yourself"
                " added to the group that control.group names"
            )
        if isinstance(error, FileNotFoundError):
            return NoDaemonError(
                f"there is no control socket {self._path}: start the daemon ('systemctl start"
                " mtasts-resolver'; 'restart' where control.socket was changed), or name its socket"
                " by the option for that, which --help has"
            )
        if isinstance(error, ConnectionRefusedError):
            return NoDaemonError(
                f"nobody listens at {self._path}: the daemon does not run; 'systemctl status"
                " mtasts-resolver' says why"
            )
        if isinstance(error, BlockingIOError):
            return NoDaemonError(
                f"too many others wait at {self._path}: 'ss -xp src {self._path}' names them"
            )
        reason = error.strerror or error
        return NoDaemonError(f"the daemon at {self._path} cannot be reached: {reason}")

    def _strange(self, what: str) -> ControlError:
        return NoDaemonError(
            f"what answers at {self._path} is no mtasts-resolver of this version: {what}"
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _encoded(body: Struct | None) -> bytes | None:
    return None if body is None else msgspec.json.encode(body)


def _whole(response: httpx.Response) -> bytes:
    read = bytearray()
    for chunk in response.iter_bytes():
        read += chunk
        if len(read) > MAX_ANSWER:
            raise NoDaemonError(f"the daemon's answer has more than {MAX_ANSWER:,} bytes")
    return bytes(read)


def _lines(response: httpx.Response) -> Iterator[bytes]:
    rest = b""
    for chunk in response.iter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE:
            raise NoDaemonError(f"a line of the daemon's answer has more than {MAX_LINE:,} bytes")
    if rest:
        yield rest
