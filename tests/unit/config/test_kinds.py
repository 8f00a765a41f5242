"""Values that stand for something outside: addresses, networks, URLs, accounts."""

import sqlite3
from contextlib import closing
from pathlib import Path, PurePosixPath

import pytest

from mtasts_resolver.config import default_store_url, kinds, sqlite_path


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("inet:127.0.0.1:8461", "inet:127.0.0.1:8461"),
        ("inet:[0::1]:08461", "inet:[::1]:8461"),
        ("inet:LocalHost:8461", "inet:localhost:8461"),
        ("unix:/run/mtasts/socketmap", "unix:/run/mtasts/socketmap"),
    ],
)
def test_listen_addresses(text: str, canonical: str) -> None:
    assert kinds.listen_address(text) == canonical


def test_no_listen_address() -> None:
    with pytest.raises(ValueError, match="is neither 'inet:HOST:PORT' nor 'unix:/PATH'"):
        kinds.listen_address("127.0.0.1:8461")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.53:53", "192.0.2.53"),
        ("192.0.2.53:5353", "192.0.2.53:5353"),
        ("[2001:DB8::53]", "2001:db8::53"),
        ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
    ],
)
def test_name_servers(text: str, canonical: str) -> None:
    assert kinds.name_server(text) == canonical


def test_no_name_server() -> None:
    with pytest.raises(ValueError, match="'localhost' is no name server: an IP address is needed"):
        kinds.name_server("localhost")


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
        "http://[2001:db8::1]:443/",
        "http://user:password@192.0.2.1:8080",
    ],
)
def test_proxies(text: str) -> None:
    assert kinds.proxy_url(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "proxy:3128", "ftp://proxy:21", "http://proxy", "http://proxy:0", "http://:80",
     "http://proxy:99999", "http://proxy:80/path", "http://proxy:80//", "http://proxy:80?q",
     "http://a b:80", "http://[::1:80", "http://pro\nxy:80\n/x"],
)  # fmt: skip
def test_no_proxies(text: str) -> None:
    with pytest.raises(ValueError):
        kinds.proxy_url(text)


@pytest.mark.parametrize("url", ["https://proxy:443", "HTTPS://user:secret@proxy:443"])
def test_no_proxies_over_tls(url: str) -> None:
    with pytest.raises(ValueError, match="asks for TLS to the proxy, which is not supported") as e:
        kinds.proxy_url(url)
    assert "secret" not in str(e.value)


def test_store_urls() -> None:
    assert kinds.store_url("sqlite:///var/lib/x.sqlite") == "sqlite:///var/lib/x.sqlite"
    assert kinds.store_url("sqlite:////var/lib/x.sqlite") == "sqlite:///var/lib/x.sqlite"
    assert sqlite_path("sqlite:///var/lib/x.sqlite") == "/var/lib/x.sqlite"
    for text in ("", "sqlite:", "sqlite://", "sqlite:///", "sqlite:///a\0b", "mysql:///x"):
        with pytest.raises(ValueError):
            kinds.store_url(text)


def test_paths_that_are_too_long() -> None:
    for name in ("a" * 255, "ü" * 127):
        assert kinds.absolute_path(f"/x/{name}") == f"/x/{name}"
    for path in ("/x/" + "a" * 256, "/" + "ü" * 128 + "/x", "/a" * 2_048):
        with pytest.raises(ValueError, match="is too long: a path has at most 4,095 bytes"):
            kinds.absolute_path(path)


def test_a_store_that_sqlite_can_open_and_that_can_be_set_aside(tmp_path: Path) -> None:
    directory = tmp_path
    while len(bytes(directory)) < kinds.MAX_STORE_PATH - 2 * kinds.MAX_STORE_NAME:
        directory /= "d" * 50
    directory /= "e" * (kinds.MAX_STORE_PATH - kinds.MAX_STORE_NAME - 2 - len(bytes(directory)))
    directory.mkdir(parents=True)
    path = directory / ("f" * kinds.MAX_STORE_NAME)
    assert len(bytes(path)) == kinds.MAX_STORE_PATH
    assert kinds.store_url(f"sqlite://{path}") == f"sqlite://{path}"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
    path.rename(f"{path}.damaged-20260101T000000Z-1000-journal")
    for longer in (f"{directory}/d{path.name}", f"{directory}/{path.name}f", "/" + "f" * 201):
        with pytest.raises(ValueError, match="the path of a store has at most 500 bytes"):
            kinds.store_url(f"sqlite://{longer}")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5s"), (90, "90s"), (60, "1m"), (7200, "2h"), (86_400, "1d")]
)
def test_durations_are_shown_as_they_are_written(seconds: float, text: str) -> None:
    assert kinds.show_duration(seconds) == text
    assert kinds.Duration(0, 1e9, "").parse(text) == seconds


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
