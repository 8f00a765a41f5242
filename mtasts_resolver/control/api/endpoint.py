"""What an endpoint of the API is: the one description from which the rest is made."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from mtasts_resolver.control.sources import Sources
from mtasts_resolver.control.values.problem import Problem

Method = Literal["GET", "POST", "DELETE"]


class Peer(NamedTuple):
    """Who is at the other end of the control socket, as the kernel attests it (unix(7))."""

    pid: int
    uid: int
    name: str
    """The user's name, or the number where it has none."""


class RefusedError(Exception):
    """A request is not carried out; `status` is that of HTTP."""

    def __init__(self, status: int, error: str, action: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.problem = Problem(error=error, action=action)


class Call(NamedTuple):
    """One request to an endpoint, as far as it has been checked."""

    sources: Sources
    params: Any
    """A value of the endpoint's `params`, made of the path and the query."""
    body: Any
    """A value of the endpoint's `body`; of `lines`, an asynchronous iterator of such values."""
    peer: Peer


class Endpoint(NamedTuple):
    """One thing that the API can be asked."""

    method: Method
    path: str
    """Names in braces are also fields of `params`."""
    name: str
    """Of the operation, in the document and for a program."""
    summary: str
    handle: Callable[[Call], Awaitable[Any]] | Callable[[Call], AsyncIterator[list[Any]]]
    result: type[Struct]
    """What is answered; of a `stream`, each line of it."""
    params: type[Struct] | None = None
    body: type[Struct] | None = None
    """What must be sent; of `lines`, each line of it."""
    stream: bool = False
    """The answer is NDJSON: one value a line, for as long as it takes. `handle` yields lists of
    values, each of which is sent at once."""
    lines: bool = False
    """What is sent is NDJSON."""
