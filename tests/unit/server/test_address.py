"""Addresses as the configuration spells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.server.address import (
    MAX_UNIX_PATH,
    InetAddress,
    UnixAddress,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("inet:127.0.0.1:8461", InetAddress("127.0.0.1", 8461)),
        ("inet:[::1]:8461", InetAddress("::1", 8461)),
        ("inet:[0:0::0:1]:8461", InetAddress("::1", 8461)),
        ("inet:[fe80::1%eth0]:8461", InetAddress("fe80::1%eth0", 8461)),
        ("inet:localhost:8461", InetAddress("localhost", 8461)),
        ("inet:MX.example.COM:8461", InetAddress("mx.example.com", 8461)),
        ("inet:0.0.0.0:0", InetAddress("0.0.0.0", 0)),
        ("unix:/run/mtasts/socketmap", UnixAddress("/run/mtasts/socketmap")),
        ("unix:/" + "x" * (MAX_UNIX_PATH - 1), UnixAddress("/" + "x" * (MAX_UNIX_PATH - 1))),
    ],
)
def test_valid(text: str, address: InetAddress | UnixAddress) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with neither 'inet:' nor 'unix:'"),
        ("tcp:127.0.0.1:1", "begins with neither"),
        ("127.0.0.1:8461", "begins with neither"),
        ("inet:8461", "write inet:127.0.0.1:8461, or inet:0.0.0.0:8461"),
        ("inet::8461", "names no host"),
        ("inet:127.0.0.1", "the port '127.0.0.1' is not a number"),
        ("inet:127.0.0.1:", "the port '' is not a number"),
        ("inet:127.0.0.1:smtp", "the port 'smtp' is not a number"),
        ("inet:127.0.0.1:65536", "from 0 to 65535"),
        ("inet:127.0.0.1:-1", "the port '-1'"),
        ("inet:127.0.0.1:8_4", "the port '8_4'"),
        ("inet:127.0.0.1:٨", "is not a number"),
        ("inet:127.0.0.1:80\n", "is not a number"),
        ("inet:::1:8461", "stands in brackets"),
        ("inet:[127.0.0.1]:8461", "stands in brackets"),
        ("inet:[localhost]:8461", "neither an IP address nor a host name"),
        ("inet:127.0.0.256:8461", "neither an IP address nor a host name"),
        ("inet:*:8461", "neither an IP address nor a host name"),
        ("inet:a b:8461", "neither an IP address nor a host name"),
        ("unix:", "not absolute"),
        ("unix:run/x", "not absolute"),
        ("unix:/run/", "not absolute"),
        ("unix:/run/\0x", "NUL"),
        ("unix:/" + "x" * MAX_UNIX_PATH, "exceeds 107 bytes"),
        ("unix:/" + "ü" * 60, "exceeds 107 bytes"),
    ],
)
def test_invalid(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_address(text)
    assert why in str(caught.value)


@given(st.one_of(st.text(), st.text().map("inet:{}".format), st.text().map("unix:/{}".format)))
def test_whatever_is_accepted_is_read_back_as_the_same(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(str(address)) == address
