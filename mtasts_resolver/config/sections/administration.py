"""How an administrator sees and steers the daemon: `control`, `http` and `log`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from mtasts_resolver.base.logs import Format
from mtasts_resolver.config import kinds
from mtasts_resolver.config.endpoints import HttpAddress
from mtasts_resolver.config.keys import Key, Section
from mtasts_resolver.config.kinds import choice
from mtasts_resolver.config.paths import default_control_socket

MAX_HOSTS = 64  # names of a page

LogLevel = Literal["error", "warning", "info", "debug"]
LoggedAnswers = Literal["none", "changes", "all"]


class ControlConfig(Section, frozen=True, kw_only=True):
    """How the commands reach the daemon."""

    socket: Annotated[
        Path | None,
        Key(
            "The unix socket through which the commands see and steer the daemon. Unset, it is"
            " `control.sock` in `$RUNTIME_DIRECTORY` under systemd, else in `/run/mtasts-resolver`"
            " for root, else in `$XDG_RUNTIME_DIR/mtasts-resolver`.",
            kinds.SOCKET_PATH,
        ),
    ] = None
    group: Annotated[
        str | None,
        Key(
            "The group whose members may do so, too; unset, only root and the daemon's user may."
            " The daemon's user must be in it, or the daemon be started as root.",
            kinds.ACCOUNT,
        ),
    ] = None

    def path(self, environ: Mapping[str, str], *, uid: int) -> Path:
        """Return the socket's file, where the user `uid` runs the daemon in `environ`."""
        return self.socket or default_control_socket(environ, uid=uid)

    def reached_at(self, environ: Mapping[str, str], *, uid: int) -> Path:
        """Return where the user `uid` finds the daemon: it may be another user's."""
        usual, own = self.path({}, uid=0), self.path(environ, uid=uid)
        # Path.exists() raises where this user may not look.
        return own if os.path.exists(own) and not os.path.exists(usual) else usual  # noqa: PTH110


class HttpConfig(Section, frozen=True, kw_only=True):
    """What is to be seen over HTTP: nothing can be changed there."""

    address: Annotated[
        HttpAddress | None,
        Key("Where metrics, health and the status page are served.", kinds.HTTP_ADDRESS),
    ] = HttpAddress("127.0.0.1", 8463)
    hosts: Annotated[
        tuple[str, ...],
        Key(
            "Names by which browsers may ask for the page, besides `localhost`, the address itself"
            " and any other IP address: those of a proxy before it. What asks by another name is"
            " refused, for it may be a stranger's page in an administrator's browser.",
            kinds.HOST,
            most=MAX_HOSTS,
        ),
    ] = ()


class LogConfig(Section, frozen=True, kw_only=True):
    """What is logged, on standard error."""

    level: Annotated[LogLevel, Key("The least severe level to log.", choice(LogLevel))] = "info"
    format: Annotated[
        Format, Key("`text`: `key=value`; `json`: one object a line.", choice(Format))
    ] = "text"
    answers: Annotated[
        LoggedAnswers,
        Key(
            "Which answers are logged, whatever `level` is: `changes`, each that is not the one"
            " that was given before for the same key in the same map; `all`, one line for each"
            " look-up, which takes several times what a look-up costs. They name the domains that"
            " mail goes to.",
            choice(LoggedAnswers),
        ),
    ] = "none"
