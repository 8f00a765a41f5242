"""`--also NAME=host:port:map:pid`, and what is told of servers that fail."""

import pytest

from benchmarks.build import ServerError
from benchmarks.servers import Also


def test_another_server() -> None:
    assert Also.parse("a peer=127.0.0.1:8642:QUERY:77") == Also(
        "a peer", "127.0.0.1", 8642, "QUERY", 77
    )


@pytest.mark.parametrize(
    "text", ["", "a", "a=127.0.0.1:1:QUERY", "=127.0.0.1:1:QUERY:7", "a=127.0.0.1:x:QUERY:7"]
)
def test_what_names_no_server(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not NAME|are numbers"):
        Also.parse(text)


def test_a_failure_names_the_server() -> None:
    error = ServerError("a peer", "it has ended at once")
    assert (error.server, str(error)) == ("a peer", "a peer: it has ended at once")
