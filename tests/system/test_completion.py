"""Real shells complete, with the files that pip installs, and say nothing where all is down."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtasts_resolver.cli import COMPLETE_VARIABLE

ROOT = Path(__file__).parents[2]
SHARE = ROOT / "share"
LOADER = Path("/usr/share/bash-completion/bash_completion")
DEADLINE = 60.0  # seconds; only a broken test waits so long
PROMPT = "ready> "

pytestmark = pytest.mark.skipif(
    not (shutil.which("zsh") and shutil.which("fish") and LOADER.exists()),
    reason="needs bash-completion, zsh and fish",
)


class Shell:
    """A shell on a terminal, with somebody who types."""

    def __init__(self, argv: list[str], environment: Mapping[str, str]) -> None:
        """Start it in the user's home directory."""
        self._terminal, end = pty.openpty()
        self._process = subprocess.Popen(
            argv,
            stdin=end,
            stdout=end,
            stderr=end,
            env=environment,
            cwd=environment["HOME"],
            start_new_session=True,
        )
        os.close(end)
        self._shown = ""

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, is_shown: Callable[[str], object]) -> str:
        """Return what the terminal has shown since the last time, once it satisfies."""
        deadline = time.monotonic() + DEADLINE
        while not is_shown(shown := plain(self._shown)):
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain, and saw {self._shown!r}"
            if select.select([self._terminal], [], [], left)[0]:
                self._shown += os.read(self._terminal, 4096).decode("utf-8", "replace")
        self._shown = ""
        return shown

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a user who has installed the package."""
    program = tmp_path / "bin" / "mtasts-resolver"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from mtasts_resolver.cli import main\nmain()\n"
    )
    program.chmod(0o755)
    (tmp_path / "only-this.yaml").touch()
    return {
        "PATH": f"{program.parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_DATA_DIRS": f"{SHARE}:/usr/share",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def plain(shown: str) -> str:
    """Return what was shown less what moves the cursor, and rings."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x07", "", shown)


def one_line(shown: str) -> str:
    return re.sub(r"[\r\n]", "", shown)


@contextmanager
def shell(name: str, environment: dict[str, str], directory: Path) -> Iterator[Shell]:
    """Start a shell as a user has it whose distribution knows of completion."""
    if name == "bash":
        start = directory / "bashrc"
        start.write_text(f"PS1='{PROMPT}'\n. {LOADER}\nbind 'set bell-style none'\n")
        argv = ["bash", "--noprofile", "--rcfile", str(start), "-i"]
    else:
        (directory / ".zshrc").write_text(
            f"PS1='{PROMPT}'\nunsetopt BEEP PROMPT_SP\nfpath=({SHARE}/zsh/site-functions $fpath)\n"
            "autoload -Uz compinit\ncompinit -u -D\n"
        )
        argv = ["zsh", "-d", "-i"]  # without the files of /etc
    opened = Shell(argv, environment)
    try:
        opened.until(lambda shown: PROMPT in shown)
        yield opened
    finally:
        opened.end()


COMPLETED = [
    ("mtasts-resolver expl\t", "mtasts-resolver explain "),
    ("mtasts-resolver query --serv\t", "mtasts-resolver query --server "),
    ("mtasts-resolver explain --color al\t", "mtasts-resolver explain --color always "),
    ("mtasts-resolver query --map quer\tw\t", "mtasts-resolver query --map querywithtlsrpt "),
    ("mtasts-resolver config check only-th\t", "mtasts-resolver config check only-this.yaml "),
]


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_shell_completes_what_is_typed(
    name: str, environment: dict[str, str], tmp_path: Path
) -> None:
    with shell(name, environment, tmp_path) as opened:
        for typed, completed in COMPLETED:
            opened.type(typed)
            opened.until(lambda shown: one_line(shown).endswith(completed))  # noqa: B023
            opened.type("\x15")  # the line is given up
            opened.type("echo do''ne\n")
            opened.until(lambda shown: "done" in shown and shown.endswith(PROMPT))


@pytest.mark.parametrize(("typed", "completed"), COMPLETED)
def test_fish_completes_what_is_typed(
    typed: str, completed: str, environment: dict[str, str]
) -> None:
    line = typed.partition("\t")[0]
    wanted = completed.rsplit(maxsplit=1)[-1]
    words = [proposal.partition("\t")[0] for proposal in asked_of_fish(environment, line)]
    assert wanted in words


def test_fish_says_what_a_command_does(environment: dict[str, str]) -> None:
    proposals = dict(
        proposal.split("\t") for proposal in asked_of_fish(environment, "mtasts-resolver qu")
    )
    assert proposals == {"query": "Ask the running daemon for DOMAIN"}


def asked_of_fish(environment: dict[str, str], line: str) -> list[str]:
    done = subprocess.run(
        ["fish", "-c", "complete --do-complete $argv", line],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "line",
    ["mtasts-resolver query a", "mtasts-resolver nonsense x", "mtasts-resolver --no-such x"],
)
def test_nothing_is_said_where_nothing_can_be_completed(
    kind: str, line: str, environment: dict[str, str]
) -> None:
    *_, last = words = line.split()
    asked = {"COMP_WORDS": line, "COMP_CWORD": last if kind == "fish" else str(len(words) - 1)}
    done = subprocess.run(
        ["mtasts-resolver"],
        env=environment | asked | {COMPLETE_VARIABLE: f"{kind}_complete"},
        executable=str(Path(environment["PATH"].partition(":")[0]) / "mtasts-resolver"),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_the_files_do_no_harm_where_the_program_is_gone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    Path(environment["PATH"].partition(":")[0], "mtasts-resolver").unlink()
    assert asked_of_fish(environment, "mtasts-resolver qu") == []
    for name in ("bash", "zsh"):
        with shell(name, environment, tmp_path) as opened:
            opened.type("mtasts-resolver qu\t")
            opened.type("\x15echo do''ne\n")
            shown = opened.until(lambda shown: "done" in shown and shown.endswith(PROMPT))
            assert "not found" not in shown
            assert "rror" not in shown
