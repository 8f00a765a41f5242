"""The files that the configuration names, and where the store is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mtasts_resolver.config import StoreConfig, StoreUrl, default_store
from mtasts_resolver.config.paths import (
    MAX_STORE_NAME,
    MAX_STORE_PATH,
    parse_path,
    parse_store_url,
)


def test_store_urls() -> None:
    url = StoreUrl(Path("/var/lib/x.sqlite"))
    assert str(url) == "sqlite:///var/lib/x.sqlite"
    assert parse_store_url("sqlite:///var/lib/x.sqlite") == url
    assert parse_store_url("sqlite:////var/lib/x.sqlite") == url
    for text in ("", "sqlite:", "sqlite://", "sqlite:///", "sqlite:///a\0b", "mysql:///x"):
        with pytest.raises(ValueError):
            parse_store_url(text)


def test_paths_that_are_too_long() -> None:
    for name in ("a" * 255, "ü" * 127):
        assert parse_path(f"/x/{name}") == Path(f"/x/{name}")
    for path in ("/x/" + "a" * 256, "/" + "ü" * 128 + "/x", "/a" * 2_048):
        with pytest.raises(ValueError, match="is too long: a path has at most 4,095 bytes"):
            parse_path(path)


def test_a_store_that_sqlite_can_open_and_that_can_be_set_aside(tmp_path: Path) -> None:
    directory = tmp_path
    while len(bytes(directory)) < MAX_STORE_PATH - 2 * MAX_STORE_NAME:
        directory /= "d" * 50
    directory /= "e" * (MAX_STORE_PATH - MAX_STORE_NAME - 2 - len(bytes(directory)))
    directory.mkdir(parents=True)
    path = directory / ("f" * MAX_STORE_NAME)
    assert len(bytes(path)) == MAX_STORE_PATH
    assert parse_store_url(f"sqlite://{path}") == StoreUrl(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
    path.rename(f"{path}.damaged-20260101T000000Z-1000-journal")
    for longer in (
        f"{directory}x/{path.name}",
        f"{directory}/d{path.name}",
        f"{directory}/{path.name}f",
        "/" + "f" * 201,
    ):
        with pytest.raises(ValueError, match="the path of a store has at most 500 bytes"):
            parse_store_url(f"sqlite://{longer}")


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
    url = default_store(environ, uid=uid)
    assert parse_store_url(str(url)) == url
    assert url.path == StoreConfig().path(environ, uid=uid) == Path(directory) / "policies.sqlite"
    assert StoreConfig(url=StoreUrl(Path("/x"))).path(environ, uid=uid) == Path("/x")
