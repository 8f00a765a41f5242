"""The Postfix examples, as Postfix's own tools see them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "postfix-examples"
MAIN_CF = sorted(EXAMPLES.glob("main.cf.*"))

# Parameters of the example for 3.10 that an older Postfix reports as unused. Everything else that
# Postfix has to say about an example is a fault of the example.
SINCE_3_10 = {
    "smtp_tlsrpt_enable",
    "smtp_tlsrpt_socket_name",
    "smtp_tls_enforce_sts_mx_patterns",
}
UNUSED = re.compile(r"warning: \S+/main\.cf: unused parameter: (?P<name>\w+)=")

# The shortest main.cf that Postfix has nothing to say about. It names no network and no user.
BASE = """\
compatibility_level = {release}
myhostname = sender.example
mydomain = sender.example
queue_directory = {directory}/spool
data_directory = {directory}/data
"""

pytestmark = [
    pytest.mark.skipif(shutil.which("postconf") is None, reason="Postfix is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="`postfix check` is reserved for root"),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directories of a Postfix instance of its own, with Debian's master.cf."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "spool").mkdir()
    (tmp_path / "data").mkdir()
    shutil.chown(tmp_path / "data", "postfix")
    master = next(
        path
        for path in map(Path, ("/etc/postfix/master.cf.proto", "/etc/postfix/master.cf"))
        if path.exists()
    )
    shutil.copy(master, tmp_path / "etc" / "master.cf")
    return tmp_path


def run(*command: str | Path) -> tuple[int, list[str], list[str]]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def configure(directory: Path, fragment: str) -> Path:
    """Write a main.cf that holds `fragment`, and return the configuration directory."""
    etc = directory / "etc"
    main = etc / "main.cf"
    main.write_text(BASE.format(directory=directory, release=release_here()) + fragment)
    os.utime(main, (0, 0))  # Postfix waits for two seconds before it trusts a file changed just now
    return etc


def complaints(etc: Path) -> Iterator[str]:
    """Yield what `postconf`, and then `postfix check`, say about a configuration, if anything.

    Debian 13's `postfix check` also says which files it has copied into the chroot.
    """
    for command in (("postconf", "-c", etc, "-n"), ("postfix", "-c", etc, "check")):
        code, _, lines = run(*command)
        yield from (line for line in lines if not line.startswith("updating /etc/"))
        if code:
            yield f"{command[0]} ended with status {code}"


def with_options(path: Path) -> str:
    """Return an example with the lines that it offers behind a `#` and no space."""
    return re.sub(r"(?m)^#(?=\w+ = )", "", path.read_text())


def parameters(fragment: str) -> set[str]:
    return set(re.findall(r"^(\w+)\s*=", fragment, re.MULTILINE))


def release_here() -> str:
    """Return the release of this machine's Postfix, which speaks of every older level: `3.10`."""
    _, [version], _ = run("postconf", "-dh", "mail_version")
    return ".".join(re.findall(r"\d+", version)[:2])


def unknown_here() -> set[str]:
    """Return those of SINCE_3_10 that the Postfix of this machine does not know."""
    _, defaults, _ = run("postconf", "-d")
    return SINCE_3_10 - {line.partition(" =")[0] for line in defaults}


def test_there_are_examples() -> None:
    assert len(MAIN_CF) == 6


@pytest.mark.parametrize("path", MAIN_CF, ids=lambda path: path.name)
def test_postfix_accepts_the_example(path: Path, directory: Path) -> None:
    fragment = with_options(path)
    assert "smtp_tls_policy_maps" in parameters(fragment)
    excused = parameters(fragment) & unknown_here()
    said = list(complaints(configure(directory, fragment)))
    unused = {found["name"] for line in said if (found := UNUSED.search(line))}
    assert unused == excused
    assert [line for line in said if not UNUSED.search(line)] == []


@pytest.mark.parametrize(
    ("fragment", "complaint"),
    [
        ("smtp_tls_polcy_maps = socketmap:inet:127.0.0.1:8461:default\n", "unused parameter"),
        ("smtp_tls_security_level may\n", "missing '='"),
        ("smtp_tls_loglevel = 1\nsmtp_tls_loglevel = 2\n", "overriding earlier entry"),
    ],
)
def test_a_wrong_example_would_be_noticed(fragment: str, complaint: str, directory: Path) -> None:
    assert any(complaint in line for line in complaints(configure(directory, fragment)))


def test_only_the_example_for_3_10_uses_what_is_new_in_3_10() -> None:
    fragments = {path.name: with_options(path) for path in MAIN_CF}
    using = {name for name, text in fragments.items() if parameters(text) & SINCE_3_10}
    asking = {name for name, text in fragments.items() if re.search(r"(?m)^smtp.*:tlsrpt$", text)}
    assert using == asking == {"main.cf.postfix-3.10"}


@pytest.mark.parametrize("path", MAIN_CF, ids=lambda path: path.name)
def test_postfix_knows_the_types_of_the_maps(path: Path, directory: Path) -> None:
    etc = configure(directory, path.read_text())
    _, [maps], _ = run("postconf", "-c", etc, "-xh", "smtp_tls_policy_maps")
    _, types, _ = run("postconf", "-m")
    assert {entry.partition(":")[0] for entry in re.split(r"[,\s]+", maps)} <= set(types)


# What Debian's main.cf has of the parameters that the guide sets.
DEBIAN = """\
smtp_tls_CApath=/etc/ssl/certs
smtp_tls_security_level=may
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
"""
GUIDE = Path(__file__).parents[2] / "docs" / "getting-started.md"
GUIDES = {"main.cf.postfix-3.4-3.9": "default", "main.cf.postfix-3.10": "tlsrpt"}
# It is `yes` by default, and 3.10.0 to 3.10.4 would report it as unused.
DEFAULT = {"smtp_tls_enforce_sts_mx_patterns"}


@pytest.mark.parametrize("example", GUIDES)
def test_the_guide_sets_what_the_example_holds_and_no_parameter_twice(
    example: str, directory: Path
) -> None:
    blocks = re.findall(r"^postconf -e \\\n(?:.*\\\n)*.*\n", GUIDE.read_text(), re.MULTILINE)
    (block,) = (block for block in blocks if f"8461:{GUIDES[example]}'" in block)
    etc = configure(directory, DEBIAN)
    postconf = f"postconf -c {etc}"
    code, _, said = run("sh", "-euc", block.replace("postconf", postconf, 1))
    assert (code, said) == (0, [])
    os.utime(etc / "main.cf", (0, 0))
    _, before, _ = run("postconf", "-c", etc, "-n")
    assert list(complaints(etc)) == []
    configure(directory, (EXAMPLES / example).read_text())
    _, after, _ = run("postconf", "-c", etc, "-n")
    wanted = {line for line in after if line.partition(" =")[0] not in DEFAULT}
    assert set(before) - {"smtp_tls_CApath = /etc/ssl/certs"} == wanted


@pytest.mark.parametrize(
    ("key", "policy"),
    [
        ("partner.example", "secure match=.partner.example servername=hostname"),
        ("broken.example", "may"),
        ("[relay.branch.example]:587", "verify tafile=/etc/postfix/branch-ca.pem"),
        ("other.example", None),
    ],
)
def test_postfix_reads_the_local_table(key: str, policy: str | None, directory: Path) -> None:
    etc = configure(directory, "")
    shutil.copy(EXAMPLES / "tls_policy", etc)
    os.utime(etc / "tls_policy", (0, 0))
    code, found, said = run("postmap", "-c", etc, "-q", key, f"texthash:{etc}/tls_policy")
    assert (code, found, said) == ((0, [policy], []) if policy else (1, [], []))
