"""Values that stand for something outside: addresses, networks, URLs, accounts."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.config import default_store_url, kinds, sqlite_path
from mtasts_resolver.discovery.servers import parse_server
from mtasts_resolver.server.address import parse_address

ADDRESSES = {
    "inet:127.0.0.1:8461": "inet:127.0.0.1:8461",
    "inet:[0::1]:8461": "inet:[::1]:8461",
    "inet:0.0.0.0:0": "inet:0.0.0.0:0",
    "inet:localhost:8461": "inet:localhost:8461",
    "unix:/run/mtasts/socketmap": "unix:/run/mtasts/socketmap",
    "unix:/" + "a" * 106: "unix:/" + "a" * 106,
}
NO_ADDRESSES = [
    "", "127.0.0.1:8461", "inet:", "inet:8461", "inet::8461", "inet:*:8461", "inet:::1:8461",
    "inet:[127.0.0.1]:1", "inet:127.0.0.1", "inet:127.0.0.1:65536", "inet:127.0.0.1:-1",
    "inet:127.0.0.1:\u0661", "inet:127.0.0.1:1_0", "inet:127.0.0.1:1\n", "unix:", "unix:run/x",
    "unix:/run/", "unix:/a\0b", "unix:/" + "a" * 107, "unix:/" + "é" * 54, "tcp:127.0.0.1:1",
]  # fmt: skip


@pytest.mark.parametrize(("text", "canonical"), ADDRESSES.items())
def test_listen_addresses(text: str, canonical: str) -> None:
    assert kinds.listen_address(text) == canonical
    assert str(parse_address(text)) == canonical


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_no_listen_addresses(text: str) -> None:
    with pytest.raises(ValueError):
        kinds.listen_address(text)


@given(
    st.text(alphabet="inetux:/[].0123456789abcdf%-\n", max_size=40)
    | st.sampled_from([*ADDRESSES, *NO_ADDRESSES])
)
def test_the_server_understands_every_valid_listen_address(text: str) -> None:
    try:
        canonical = kinds.listen_address(text)
    except ValueError:
        return
    assert str(parse_address(text)) == str(parse_address(canonical)) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.53", "192.0.2.53"),
        ("192.0.2.53:5353", "192.0.2.53:5353"),
        ("2001:DB8::53", "2001:db8::53"),
        ("[2001:db8::53]", "2001:db8::53"),
        ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_name_servers(text: str, canonical: str) -> None:
    assert kinds.name_server(text) == canonical
    assert parse_server(canonical) == parse_server(text)


@pytest.mark.parametrize(
    "text", ["", "localhost", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "[192.0.2.53]",
             "[::1", "[::1]x", "::1]:53", "[::1]:", "192.0.2.053", "1.2.3.4:٥٣"],
)  # fmt: skip
def test_no_name_servers(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address, with or without a port"):
        kinds.name_server(text)


@given(st.text(alphabet="[]:.%0123456789abcdef", max_size=30))
def test_discovery_understands_every_valid_name_server(text: str) -> None:
    try:
        canonical = kinds.name_server(text)
    except ValueError:
        return
    assert parse_server(canonical) == parse_server(text)


def test_networks() -> None:
    assert kinds.network("10.0.0.0/8") == "10.0.0.0/8"
    assert kinds.network("2001:DB8::/32") == "2001:db8::/32"
    assert kinds.network("192.0.2.1") == "192.0.2.1/32"
    for text in ("", "10", "10.0.0.0/33", "example.com", "10.0.0.0/255.0.0.256"):
        with pytest.raises(ValueError, match="is not an IP network"):
            kinds.network(text)


@pytest.mark.parametrize("text", ["", "8", "0", "07777", "0888", "rw-rw----", "-660", "660\n"])
def test_no_modes(text: str) -> None:
    with pytest.raises(ValueError, match="is not an octal file mode such as 0660"):
        kinds.mode(text)


@pytest.mark.parametrize("text", ["postfix", "_mta-sts", "Domain.User", "1000"])
def test_accounts(text: str) -> None:
    assert kinds.account(text) == text


@pytest.mark.parametrize("text", ["", "-x", "a b", "a:b", "root\n", "a" * 33, "../x", "ü"])
def test_no_accounts(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name or number"):
        kinds.account(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://proxy.example.com:3128",
        "https://[2001:db8::1]:443/",
        "http://user:password@192.0.2.1:8080",
    ],
)
def test_proxies(text: str) -> None:
    assert kinds.proxy_url(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "proxy:3128", "ftp://proxy:21", "http://proxy", "http://proxy:0", "http://:80",
     "http://proxy:99999", "http://proxy:80/path", "http://proxy:80?q", "http://a b:80",
     "http://[::1:80", "http://pro\nxy:80\n/x"],
)  # fmt: skip
def test_no_proxies(text: str) -> None:
    with pytest.raises(ValueError):
        kinds.proxy_url(text)


def test_store_urls() -> None:
    assert kinds.store_url("sqlite:///var/lib/x.sqlite") == "sqlite:///var/lib/x.sqlite"
    assert kinds.store_url("sqlite:////var/lib/x.sqlite") == "sqlite:///var/lib/x.sqlite"
    assert sqlite_path("sqlite:///var/lib/x.sqlite") == "/var/lib/x.sqlite"
    for text in ("", "sqlite:", "sqlite://", "sqlite:///", "sqlite:///a\0b", "mysql:///x"):
        with pytest.raises(ValueError):
            kinds.store_url(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5s"), (90, "90s"), (60, "1m"), (7200, "2h"), (86_400, "1d")]
)
def test_durations_are_shown_as_they_are_written(seconds: float, text: str) -> None:
    assert kinds.show_duration(seconds) == text
    assert kinds.Duration(0, 1e9, "").parse(text) == seconds


def test_a_long_value_is_quoted_in_part() -> None:
    assert kinds.quote("x" * 500) == repr("x" * 57 + "...")
    assert kinds.quote("\u202e\n") == "'\\u202e\\n'"


@pytest.mark.parametrize(
    ("environ", "uid", "directory"),
    [
        ({"STATE_DIRECTORY": "/var/lib/private/x"}, 1000, "/var/lib/private/x"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, 0, "/var/lib/a"),
        ({}, 0, "/var/lib/mtasts-resolver"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/h"}, 0, "/var/lib/mtasts-resolver"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/h"}, 1000, "/state/mtasts-resolver"),
        ({"HOME": "/h"}, 1000, "/h/.local/state/mtasts-resolver"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, 1000, "/h/.local/state/mtasts-resolver"),
    ],
)
def test_the_default_store(environ: dict[str, str], uid: int, directory: str) -> None:
    url = default_store_url(environ, uid=uid)
    assert kinds.store_url(url) == url
    assert PurePosixPath(sqlite_path(url)) == PurePosixPath(directory) / "policies.sqlite"
