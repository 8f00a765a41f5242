"""What is imported at its first use is there already when root is given up."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import mtasts_resolver
from mtasts_resolver.base import privileges
from mtasts_resolver.worker import child

PACKAGE = Path(mtasts_resolver.__file__).parent
# Rooms that the daemon enters never.
COMMANDS = {"cli", "evidence", "report"}


def imported_in_functions(path: Path) -> Iterator[str]:
    """Yield the name of every module that a function of the file imports."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in ast.walk(function):
                if isinstance(statement, ast.Import):
                    yield from (alias.name for alias in statement.names)
                elif isinstance(statement, ast.ImportFrom) and statement.module:
                    yield statement.module
                    names = (f"{statement.module}.{alias.name}" for alias in statement.names)
                    yield from filter(is_module, names)


def is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # what it should be in is no package
        return False


def with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def test_the_daemon_may_lose_sight_of_its_modules() -> None:
    early = {
        parent
        for name in privileges.LATE_IMPORTS + child.FETCH_IMPORTS + child.LATE_IMPORTS
        for parent in with_parents(name)
    }
    late = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in PACKAGE.rglob("*.py")
        if path != Path(privileges.__file__) and not COMMANDS & set(path.parts)
        for name in imported_in_functions(path)
        if name not in early
    }
    assert late == set()


def test_a_fetch_imports_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.fetches"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    assert done.stdout.splitlines() == [
        *("a policy", "a policy", "late: []"),
        *("CertificateError", "late: []"),
    ]


def test_the_discoverer_has_not_the_command_line_of_httpx_in_memory() -> None:
    program = (
        "import sys, mtasts_resolver.worker.child, httpx;"
        "print(httpx.__name__, [name for name in ('rich', 'pygments') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "httpx []\n"


def test_a_command_does_not_wait_for_what_it_does_not_show() -> None:
    """At each Tab the domains are asked for, and monitoring asks every minute."""
    program = (
        "import sys, mtasts_resolver.cli.known_domains, mtasts_resolver.cli.check;"
        "heavy = ('rich.console', 'pygments', 'dns', 'cryptography', 'aiosmtplib');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# What only watches, and what serves those who look: of what may be seen, the sockets alone are
# there before the first answer.
BEHIND_THE_FIRST_ANSWER = {
    *("mtasts_resolver.daemon.parts", "mtasts_resolver.daemon.historykeeping"),
    *("mtasts_resolver.control.sources", "mtasts_resolver.control.views"),
    *("mtasts_resolver.control.values", "mtasts_resolver.control.daylong"),
    *("mtasts_resolver.answers.changes", "mtasts_resolver.answers.overridechanges"),
    *("mtasts_resolver.answers.observing", "mtasts_resolver.knowledge.journal"),
    *("mtasts_resolver.knowledge.historian", "mtasts_resolver.knowledge.statistics"),
    *("mtasts_resolver.knowledge.weakened", "mtasts_resolver.store.history"),
    *("mtasts_resolver.owndomains", "mtasts_resolver.published.judge"),
    *("mtasts_resolver.store.changes", "mtasts_resolver.store.changetable", "hashlib"),
}


def test_what_only_watches_is_imported_behind_the_first_answer() -> None:
    program = (
        "import sys, mtasts_resolver.cli.serve; early = set(sys.modules);"
        "import mtasts_resolver.daemon.parts, mtasts_resolver.control.api.app;"
        "print(*sys.modules); print(*early)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    late, early = (set(line.split()) for line in done.stdout.splitlines())
    assert BEHIND_THE_FIRST_ANSWER & early == set()
    assert late >= BEHIND_THE_FIRST_ANSWER  # so that no name of these is one that is no more


def test_what_checks_own_domains_is_imported_when_there_are_some() -> None:
    program = (
        "import sys, mtasts_resolver.cli.serve, mtasts_resolver.daemon.parts;"
        "print(*sys.modules); import mtasts_resolver.owndomains.work; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    without, with_some = (set(line.split()) for line in done.stdout.splitlines())
    room = "mtasts_resolver.owndomains"
    assert {name for name in without if name.startswith(room)} == {
        *(room, f"{room}.keeping", f"{room}.means")
    }
    heavy = {"mtasts_resolver.published.judge", "mtasts_resolver.store.keptchecks"}
    assert not heavy & without
    assert heavy <= with_some
