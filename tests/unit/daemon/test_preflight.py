"""`config check` finds what would end a start."""

import json
import os
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
import trustme
from click.testing import Result

from mtasts_resolver.base.privileges import said_as
from mtasts_resolver.cli import options
from mtasts_resolver.cli.config import config_group
from mtasts_resolver.config import (
    CacheConfig,
    Config,
    ControlConfig,
    HttpConfig,
    HttpsConfig,
    InetAddress,
    ListenerConfig,
    Loaded,
    StoreConfig,
    StoreUrl,
)
from mtasts_resolver.daemon.preflight import Report, look_into
from mtasts_resolver.daemon.preflight.unit import MEMORY, WRITABLE
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.store.history import history_path
from mtasts_resolver.store.overridefile import OverrideFile
from tests.runner import CliRunner

PLAIN, ROOT = 1000, 0  # user ids
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def check(path: Path, text: str, *arguments: str) -> Result:
    """Return what `config check` says to a file with `text`."""
    path.write_text(text)
    return CliRunner().invoke(config_group, ["check", str(path), *arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.mark.parametrize("content", [None, "", "no certificate\n"], ids=["no", "empty", "other"])
def test_a_useless_ca_file(file: Path, content: str | None) -> None:
    ca_file = file.parent / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    result = check(file, f"https: {{ca_file: {ca_file}}}\n")
    assert result.exit_code == 2
    assert f"{file}:1: $.https.ca_file: {ca_file}" in " ".join(result.stderr.split())


def test_a_system_that_trusts_nobody(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = file.parent / "empty"
    empty.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(empty / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(empty))
    result = check(file, "", "--json")
    assert result.exit_code == 2
    [error] = json.loads(result.stdout)["errors"]
    assert "install the package ca-certificates" in error["reason"]
    assert (error["key"], error["line"]) == ("$.https.ca_file", None)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("user: no-such-user", "$.user: user 'no-such-user' does not exist"),
        ("user: root", "$.user: user 'root' is root"),
        (
            "listen: [{protocol: socketmap, address: 'unix:/run/x', owner: no-such-user}]",
            "$.listen[0]: there is no user 'no-such-user'",
        ),
        (
            "listen: [{protocol: socketmap, address: 'unix:/run/x', group: no-such-group}]",
            "$.listen[0]: there is no group 'no-such-group'",
        ),
        (
            "listen: [{protocol: socketmap, address: 'unix:/run/x', owner: 9999999999}]",
            "$.listen[0]: 9999999999 is no number of a user",
        ),
        ("control: {group: no-such-group}", "$.control.group: there is no group 'no-such-group'"),
        ("store: {url: 'sqlite:///dev/null/x'}", "$.store.url: /dev/null is no directory"),
        ("store: {url: 'sqlite:///dev/null'}", "$.store.url: /dev/null is no regular file"),
    ],
)
def test_what_is_not_there(file: Path, text: str, fault: str) -> None:
    text = f"# the first line\n{text}\n"
    result = check(file, text)
    assert result.exit_code == 2
    assert f"{file}:2: {fault}" in " ".join(result.stderr.split())
    told = json.loads(check(file, text, "--json").stdout)
    assert not told["valid"]
    key, _, reason = fault.partition(": ")
    found = [(told["file"], told["line"], told["key"]) for told in told["errors"]]
    assert (str(file), 2, key) in found
    assert any(reason in error["reason"] for error in told["errors"])


def test_another_programs_database_and_what_is_looked_at_stays_as_it_is(file: Path) -> None:
    database = file.parent / "other.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = sorted(file.parent.iterdir())
    result = check(file, f"store: {{url: 'sqlite://{database}'}}\n")
    assert result.exit_code == 2
    assert "another program's database" in " ".join(result.stderr.split())
    assert sorted({*file.parent.iterdir()} - {file}) == before


def test_a_link_in_the_place_of_the_store_is_no_file_of_it(file: Path) -> None:
    """The daemon does not follow it either."""
    (file.parent / "elsewhere").touch()
    link = file.parent / "policies.sqlite"
    link.symlink_to("elsewhere")
    result = check(file, f"store: {{url: 'sqlite://{link}'}}\n")
    assert result.exit_code == 2
    assert f"{link} is no regular file" in " ".join(result.stderr.split())


def test_a_ca_file_that_the_daemons_user_may_not_see_is_a_warning(file: Path) -> None:
    ca_file = file.parent / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    config = Config(https=HttpsConfig(ca_file=ca_file))
    ca_file.chmod(0o600)
    errors, warnings = look_into(Loaded(config), {}, ROOT)
    assert not [error for error in errors if "ca_file" in error.key]
    assert any(f"not everybody may read {ca_file}" in str(warning) for warning in warnings)
    assert any(f"hides {ca_file}" in str(warning) for warning in warnings)  # it is below /tmp
    environ = dict.fromkeys(("STATE_DIRECTORY", "RUNTIME_DIRECTORY"), str(file.parent))
    assert look_into(Loaded(config), environ, PLAIN) == Report([], [])


@pytest.mark.parametrize(
    ("path", "warned"),
    [
        ("/root/control.sock", ["hides /root/control.sock", "ReadWritePaths="]),
        ("/srv/control.sock", ["ReadWritePaths="]),
        ("/run/mtasts-resolver/other.sock", []),
    ],
)
@as_root
def test_a_control_socket_that_the_unit_does_not_let_through_is_a_warning(
    path: str, warned: list[str]
) -> None:
    config = Config(control=ControlConfig(socket=Path(path)))
    errors, warnings = look_into(Loaded(config), {}, ROOT)
    assert errors == []
    assert len(warnings) == len(warned)
    for warning, words in zip(warnings, warned, strict=True):
        assert words in str(warning)


@pytest.mark.parametrize(
    ("path", "warned"),
    [
        ("/root/x.sqlite", ["hides /root/x.sqlite", "ReadWritePaths="]),
        ("/home/x/y.sqlite", ["hides /home/x/y.sqlite", "ReadWritePaths="]),
        ("/srv/x.sqlite", ["ReadWritePaths="]),
        ("/var/lib/mtasts-resolver/other.sqlite", []),
    ],
)
@as_root
def test_a_store_that_the_unit_does_not_let_through_is_a_warning(
    path: str, warned: list[str]
) -> None:
    config = Config(store=StoreConfig(url=StoreUrl(Path(path))))
    errors, warnings = look_into(Loaded(config), {}, ROOT)
    assert errors == []
    assert len(warnings) == len(warned)
    for warning, words in zip(warnings, warned, strict=True):
        assert words in str(warning)


@as_root
def test_a_store_that_the_named_user_cannot_write_is_an_error() -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        url = StoreUrl(directory / "policies.sqlite")
        config = Config(user="nobody", store=StoreConfig(url=url))
        [error] = look_into(Loaded(config), {}, ROOT).errors
        assert f"may not make files in {directory}" in str(error)
        directory.chmod(0o777)
        assert look_into(Loaded(config), {}, ROOT).errors == []


@as_root
def test_what_root_may_do_says_nothing_of_the_daemons_user() -> None:
    with TemporaryDirectory() as name:
        secret = Path(name) / "ca.pem"
        trustme.CA().cert_pem.write_to_path(str(secret))
        config = Config(https=HttpsConfig(ca_file=secret))

        def errors() -> str:
            found = look_into(Loaded(config), {"STATE_DIRECTORY": "/var/tmp"}, PLAIN)
            return "; ".join(map(str, found.errors))

        assert errors() == ""
        assert f"$.https.ca_file: {secret}" in said_as("nobody", errors)
        assert said_as("nobody", partial(str, "what was said")) == "what was said"


def test_an_empty_list_of_listeners_needs_systemd(file: Path) -> None:
    result = check(file, "listen: []\n")
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert result.stdout == f"{file}: valid\n"


def test_without_a_name_it_is_the_file_that_the_daemon_would_use(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "DEFAULT_CONFIG", file)
    result = CliRunner().invoke(config_group, ["check"])
    assert (result.exit_code, result.stdout) == (0, "there is no file, and the defaults: valid\n")
    file.write_text("nonsense: 1\n")
    result = CliRunner().invoke(config_group, ["check"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(file) in result.stderr


def test_in_the_journal_each_line_has_its_level(
    file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("nonsense: 1\nlog: {format: json}\n")
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    with pytest.raises(SystemExit):
        config_group(["check", str(file)], standalone_mode=False)
    line = capfd.readouterr().err
    assert line.startswith("<3>{")
    said = msgspec.json.decode(line.removeprefix("<3>"))
    assert (said["level"], said["event"]) == ("error", "configuration-rejected")
    assert "unknown key 'nonsense'" in said["reason"]


def test_an_override_that_is_over_is_a_warning_with_its_line(file: Path) -> None:
    text = "overrides:\n  a.example: {action: skip, reason: r, until: 2020-12-31}\n"
    later = "  b.example: {action: skip, reason: r, until: 2999-12-31}\n"
    result = check(file, text + later, "--json")
    assert result.exit_code == 0
    (warning,) = [one for one in json.loads(result.stdout)["warnings"] if "overrides" in one["key"]]
    assert (warning["line"], warning["key"]) == (2, "$.overrides.a.example")
    assert "its end is over" in warning["reason"]


def test_what_is_wrong_with_the_overrides_that_were_added_is_a_warning(tmp_path: Path) -> None:
    file = OverrideFile(tmp_path / "policies.sqlite")
    file.write([Override(pattern="a.example", action="skip", text="", reason="r", until=None)])
    assert beside_the_store(tmp_path) == []
    file.path.write_text(file.path.read_text().replace("skip", "skipp"))
    (told,) = beside_the_store(tmp_path)
    assert told.startswith(f"{file.path}: override 1: ")


@as_root
def test_it_is_the_daemons_user_who_must_be_trusted_with_them(tmp_path: Path) -> None:
    """Under systemd it has a number of its own, and root looks."""
    file = OverrideFile(tmp_path / "policies.sqlite")
    file.write([])
    os.chown(file.path, PLAIN, -1)
    (told,) = beside_the_store(tmp_path)
    assert told.endswith("others than the daemon's user can write it")
    os.chown(tmp_path, PLAIN, -1)
    assert beside_the_store(tmp_path) == []


def test_a_history_that_cannot_be_kept_is_a_warning(tmp_path: Path) -> None:
    history = history_path(tmp_path / "policies.sqlite")
    history.mkdir()
    (told,) = beside_the_store(tmp_path)
    assert told == f"there would be no history: {history} is no regular file: name another path"


def beside_the_store(directory: Path) -> list[str]:
    environ = dict.fromkeys(("STATE_DIRECTORY", "RUNTIME_DIRECTORY"), str(directory))
    listener = ListenerConfig(protocol="socketmap", address=InetAddress("127.0.0.1", 0))
    config = Config(listen=(listener,), http=HttpConfig(address=None))
    errors, warnings = look_into(Loaded(config), environ, PLAIN)
    assert errors == []
    return [fault.reason for fault in warnings]


@pytest.mark.parametrize(("megabytes", "warned"), [(824, False), (825, True)])
def test_more_memory_than_the_unit_allows_is_a_warning(megabytes: int, *, warned: bool) -> None:
    config = Config(cache=CacheConfig(memory_megabytes=megabytes))
    found = [
        fault for fault in look_into(Loaded(config), {}, ROOT).warnings if "cache" in fault.key
    ]
    assert [("MemoryMax=1025M" in fault.reason) for fault in found] == [True] * warned


def test_the_unit_is_as_it_is_taken_to_be() -> None:
    unit = (Path(__file__).parents[3] / "systemd/mtasts-resolver.service").read_text("utf-8")
    for line in (
        f"MemoryMax={MEMORY // 1_024}G",
        "CapabilityBoundingSet=",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "ProtectSystem=strict",
        *(
            f"{kind}Directory={Path(place).name}"
            for kind, place in zip(("State", "Runtime"), WRITABLE, strict=True)
        ),
    ):
        assert line in unit.splitlines(), line
    assert "ReadWritePaths=" not in unit


@as_root
def test_a_user_who_cannot_read_the_program_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"  # pytest's directories are root's alone
    program.touch()
    config = Config(user="nobody")
    monkeypatch.setattr(sys, "executable", str(program))
    (told,) = [one for one in look_into(Loaded(config), {}, ROOT).warnings if one.key == "$.user"]
    assert "cannot read Python" in told.reason


@pytest.mark.parametrize(
    ("program", "own", "warning"),
    [
        ("/nonexistent/tell", "[a.example]", "cannot be run: No such file or directory"),
        ("/etc/passwd", "[a.example]", "/etc/passwd is no program: make it executable"),
        ("/etc", "[a.example]", "/etc is no program: make it executable"),
        ("/bin/true", "[]", "it is never run: there are no own_domains"),
    ],
)
def test_a_program_that_cannot_be_told_is_a_warning(
    file: Path, program: str, own: str, warning: str
) -> None:
    text = f"store: {{url: 'sqlite://{file.parent}/s'}}\nown_domains: {own}\nnotify: [{program}]\n"
    result = check(file, text, "--json")
    assert result.exit_code == 0
    reasons = [each["reason"] for each in json.loads(result.stdout)["warnings"]]
    assert any(warning in reason for reason in reasons), reasons


def test_a_program_that_can_be_run_is_no_warning(file: Path) -> None:
    store = f"store: {{url: 'sqlite://{file.parent}/s'}}\n"
    text = f"{store}own_domains: [a.example]\nnotify: [/bin/true]\n"
    told = json.loads(check(file, text, "--json").stdout)["warnings"]
    assert not [each for each in told if "notify" in (each["key"] or "")]


@as_root
def test_a_program_that_the_daemons_user_may_not_see_is_a_warning(file: Path) -> None:
    """`file` is in a directory of root alone."""
    program = file.with_name("tell")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    text = f"own_domains: [a.example]\nnotify: [{program}]\n"
    told = json.loads(check(file, text, "--json").stdout)["warnings"]
    assert any("not everybody may read" in each["reason"] for each in told)


def test_a_program_that_others_can_write_is_a_warning(file: Path) -> None:
    program = file.with_name("tell")
    program.write_text("#!/bin/sh\n")
    for mode, warned in ((0o755, False), (0o775, True), (0o757, True)):
        program.chmod(mode)
        text = f"own_domains: [a.example]\nnotify: [{program}]\n"
        told = json.loads(check(file, text, "--json").stdout)["warnings"]
        assert any("others than its owner" in each["reason"] for each in told) is warned
