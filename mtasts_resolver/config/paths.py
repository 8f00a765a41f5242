"""The files that the configuration names, and where the store is if it names none."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mtasts_resolver.config.faults import shown

MAX_NAME = 255  # bytes of each name in a path, NAME_MAX of Linux
MAX_PATH = 4_095  # bytes, PATH_MAX of Linux without its NUL
# SQLite opens no longer one: it allows 512 bytes, and has files beside the store.
MAX_STORE_PATH = 500
MAX_STORE_NAME = 200  # bytes, so that `.damaged-`, a date, a number and `-journal` may follow


# Of the service, and of root without a service manager.
SYSTEM_RUNTIME_DIRECTORY = "/run/mtasts-resolver"


class StoreUrl(NamedTuple):
    """Where the store is: `sqlite:///absolute/path`."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite://{self.path}"


def parse_path(text: str) -> Path:
    """Return the absolute path of a file; or raise ValueError."""
    if not text.startswith("/") or "\0" in text or text.endswith("/"):
        raise ValueError(f"{shown(text)} is not an absolute path of a file")
    names = text.encode().split(b"/")
    if len(b"/".join(names)) > MAX_PATH or max(map(len, names)) > MAX_NAME:
        raise ValueError(
            f"{shown(text)} is too long: a path has at most {MAX_PATH:,} bytes, and each name in it"
            f" {MAX_NAME}"
        )
    return Path(text)


def parse_store_url(text: str) -> StoreUrl:
    """Return where the store is; the path is taken as it stands, without percent-decoding."""
    scheme, separator, path = text.partition("://")
    if not separator or scheme not in {"sqlite", "valkey"}:
        raise ValueError(f"{shown(text)} is not 'sqlite:///absolute/path'")
    if scheme == "valkey":
        raise ValueError(
            "this version has no store of type 'valkey': use 'sqlite:///absolute/path'"
        )
    # Some libraries spell an absolute path with four slashes.
    parsed = parse_path(re.sub("^/+", "/", path))
    if len(bytes(parsed)) > MAX_STORE_PATH or len(parsed.name.encode()) > MAX_STORE_NAME:
        raise ValueError(
            f"{shown(str(parsed))} is too long: the path of a store has at most {MAX_STORE_PATH}"
            f" bytes, and the name of its file {MAX_STORE_NAME}"
        )
    return StoreUrl(parsed)


def state_directory(environ: Mapping[str, str]) -> Path | None:
    """Return the directory that the service manager provides, or None."""
    # systemd.exec(5): several state directories stand with colons between them.
    first = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(first) if first else None


def default_store(environ: Mapping[str, str], *, uid: int) -> StoreUrl:
    """Return where the store is if `store.url` is not set: see the description of that key."""
    directory = state_directory(environ) or _own_directory(environ, uid)
    return StoreUrl(directory / "policies.sqlite")


def default_control_socket(environ: Mapping[str, str], *, uid: int) -> Path:
    """Return where the control socket is if `control.socket` is not set: see that key."""
    first = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if first or uid == 0:
        directory = Path(first or SYSTEM_RUNTIME_DIRECTORY)
    elif (xdg := environ.get("XDG_RUNTIME_DIR", "")).startswith("/"):
        directory = Path(xdg) / "mtasts-resolver"
    else:
        directory = _own_directory(environ, uid)
    return directory / "control.sock"


def _own_directory(environ: Mapping[str, str], uid: int) -> Path:
    if uid == 0:
        return Path("/var/lib/mtasts-resolver")
    # XDG Base Directory Specification: a relative path is invalid, and ignored.
    xdg = environ.get("XDG_STATE_HOME", "")
    home = Path(environ.get("HOME") or "/")
    base = Path(xdg) if xdg.startswith("/") else home / ".local/state"
    return base / "mtasts-resolver"
