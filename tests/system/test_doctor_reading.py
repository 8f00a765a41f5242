"""What `doctor` reads of Postfix, from the real postconf(1)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mtasts_resolver.doctor import running
from mtasts_resolver.doctor.configuration import judge_reading
from mtasts_resolver.doctor.instance import PostfixReading
from mtasts_resolver.doctor.reading import read_postfix
from mtasts_resolver.findings import Finding

from .postfixes import HAS_POSTFIX, read_written, write_postfix

pytestmark = pytest.mark.skipif(not HAS_POSTFIX, reason="Postfix is not installed")

MAPS = """\
daemon = socketmap:inet:127.0.0.1:8461
smtp_tls_policy_maps =
    texthash:/etc/postfix/tls_policy,
# A comment in the middle.
    inline:{ { a.example = may } }
    $daemon:default
"""
SERVICES = """\
strict unix - - y - - smtp
  -o smtp_tls_policy_maps=$daemon:strict
  -o { smtp_tls_mandatory_protocols = >=TLSv1.2, !TLSv1.1 }
  -o smtp_bind_address=
local-in unix - - - - - lmtp -o lmtp_tls_security_level=encrypt -v
[::1]:10025 inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
"""


def only(reading: PostfixReading) -> Finding:
    (finding,) = judge_reading(reading)
    return finding


def test_it_is_as_postfix_expands_it(tmp_path: Path) -> None:
    instance = read_written(tmp_path, MAPS)
    ours = "socketmap:inet:127.0.0.1:8461:default"
    assert instance.value("smtp_tls_policy_maps") == (
        f"texthash:/etc/postfix/tls_policy, inline:{{ {{ a.example = may }} }} {ours}"
    )
    assert instance.written["smtp_tls_policy_maps"].endswith("$daemon:default")
    assert instance.value("queue_directory") == str(tmp_path / "spool")
    assert instance.mail_owner == "postfix"
    assert instance.warnings == ()
    assert {"socketmap", "tcp", "texthash"} <= instance.map_types
    assert instance.version >= (3, 4)


def test_a_parameter_has_its_file_and_line(tmp_path: Path) -> None:
    instance = read_written(tmp_path, MAPS + "smtp_tls_loglevel=1\n", SERVICES)
    assert str(instance.place("smtp_tls_policy_maps")) == f"{tmp_path}/etc/main.cf:7"
    assert str(instance.place("smtp_tls_loglevel")) == f"{tmp_path}/etc/main.cf:12"
    assert instance.place("smtp_tls_CAfile") is None
    strict = instance.service("strict")
    assert strict is not None
    assert strict.place == instance.place("smtp_tls_policy_maps", strict)
    assert strict.place is not None
    lines = (tmp_path / "etc/master.cf").read_text().splitlines()
    assert lines[strict.place.line - 1].startswith("strict unix")


def test_a_service_has_its_own_values(tmp_path: Path) -> None:
    instance = read_written(tmp_path, MAPS + "smtp_bind_address = 192.0.2.1\n", SERVICES)
    strict, usual = instance.service("strict"), instance.service("smtp")
    assert strict is not None
    assert usual is not None
    assert strict.value("smtp_tls_policy_maps") == "socketmap:inet:127.0.0.1:8461:strict"
    assert strict.value("smtp_tls_mandatory_protocols") == ">=TLSv1.2, !TLSv1.1"
    assert (strict.value("smtp_bind_address"), strict.overrides["smtp_bind_address"]) == ("", "")
    assert usual.value("smtp_bind_address") == "192.0.2.1"
    assert [service.name for service in instance.outbound] == [
        *("smtp", "relay", "lmtp", "strict", "local-in")
    ]
    lmtp = instance.service("local-in")
    assert lmtp is not None
    assert (lmtp.prefix, lmtp.value("lmtp_tls_security_level")) == ("lmtp", "encrypt")
    smtpd = instance.service("[::1]:10025", "inet")
    assert smtpd is not None
    assert smtpd.value("smtpd_tls_security_level") == "encrypt"


@pytest.mark.parametrize(
    ("level", "chrooted"), [("0", True), ("2", False), ("3.6", False)], ids=str
)
def test_what_no_column_says_of_chroot_is_the_defaults(
    level: str, chrooted: bool, tmp_path: Path
) -> None:
    added = "odd unix - - - - - smtp\nin unix - - y - - smtp\nout unix - - n - - smtp\n"
    etc = write_postfix(tmp_path, "", added)
    main = (etc / "main.cf").read_text().split("\n", 1)[1]
    (etc / "main.cf").write_text(f"compatibility_level = {level}\n{main}")
    os.utime(etc / "main.cf", (0, 0))
    (instance,) = read_postfix(etc).instances
    found = {service.name: service.chroot for service in instance.services}
    assert (found["odd"], found["in"], found["out"]) == (chrooted, True, False)


def test_what_master_does_not_run_is_left_out(tmp_path: Path) -> None:
    instance = read_written(tmp_path, "master_service_disable = inet, strict/unix\n", SERVICES)
    assert {service.type for service in instance.services} == {"unix", "unix-dgram"}
    assert instance.service("strict") is None
    assert instance.service("local-in") is not None


def test_all_instances_are_read(tmp_path: Path) -> None:
    """The first is this machine's own, whatever it has."""
    reading = read_postfix()
    (default, *_) = reading.instances
    assert (default.is_default, default.enabled, default.label) == (True, True, "")
    assert default.set_line({"smtp_tls_loglevel": "1"}) == "postconf -e 'smtp_tls_loglevel = 1'"


DEFAULT_ELSEWHERE = """\
#!/bin/sh
[ "$1" = -dh ] && {{ echo {etc}; exec {postconf} -dh mail_version; }}
exec {postconf} "$@"
"""
"""postconf(1), but for where the default instance is."""


@pytest.mark.finding("postfix-instance-not-enabled")
def test_instances_that_are_enabled_are_read(open_directory: Path) -> None:
    on, off, gone = (open_directory / name for name in ("on", "off", "gone"))
    write_postfix(on, "multi_instance_name = postfix-on\nmulti_instance_enable = yes\n")
    write_postfix(off, "multi_instance_name = postfix-off\n")
    others = f"{on}/etc, {off}/etc {gone}/etc"
    etc = write_postfix(open_directory / "default", f"multi_instance_directories = {others}\n")
    program = open_directory / "postconf"
    postconf = shutil.which("postconf", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    program.write_text(DEFAULT_ELSEWHERE.format(etc=etc, postconf=postconf))
    program.chmod(0o755)
    reading = read_postfix(environ={"PATH": str(open_directory)})
    assert [instance.label for instance in reading.instances] == ["", "postfix-on"]
    assert [(finding.code, finding.about) for finding in judge_reading(reading)] == [
        ("postconf-failed", f"{gone}/etc"),
        ("postfix-instance-not-enabled", f"{off}/etc"),
    ]


def test_the_lines_for_another_instance_name_it(tmp_path: Path) -> None:
    instance = read_written(tmp_path, "multi_instance_name = postfix-out\n", SERVICES)
    assert (instance.is_default, instance.enabled, instance.label) == (False, False, "postfix-out")
    etc = tmp_path / "etc"
    strict = instance.service("strict")
    for line in (
        instance.set_line({"smtp_tls_loglevel": "1", "smtp_tls_CAfile": "/it's here"}),
        instance.unset_line(["smtp_bind_address"]),
        instance.set_line({"smtp_tls_mandatory_protocols": ">=TLSv1.3, !TLSv1.2"}, strict),
        instance.unset_line(["smtp_bind_address"], strict),
    ):
        assert line.startswith(f"postconf -c {etc} -")
        done = subprocess.run(
            ["sh", "-euc", line], check=False, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
    for file in etc.iterdir():
        os.utime(file, (0, 0))
    (changed,) = read_postfix(etc).instances
    assert changed.written["smtp_tls_CAfile"] == "/it's here"
    after = changed.service("strict")
    assert after is not None
    assert after.value("smtp_tls_mandatory_protocols") == ">=TLSv1.3,!TLSv1.2"
    assert "smtp_bind_address" not in after.overrides


def test_hostile_values_stay_values(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    evil = f"`touch {witness}` $(touch {witness}) ;touch {witness}\x1b]0;x\x07\u202e"
    value = evil.replace("$", "$$")
    instance = read_written(
        tmp_path, f"relayhost = {value}\n", f"x unix - - y - - smtp -o {{ relayhost = {value} }}\n"
    )
    service = instance.service("x")
    assert service is not None
    assert instance.value("relayhost") == service.value("relayhost")
    assert "touch" in instance.value("relayhost")
    assert not witness.exists()
    assert all(line.isprintable() for line in instance.warnings)
    subprocess.run(["sh", "-c", instance.set_line({"relayhost": value})], check=True, timeout=60)
    assert not witness.exists()


def test_a_value_cannot_pass_for_another_parameter(tmp_path: Path) -> None:
    value = "x\x0bsmtp_tls_policy_maps = y\x85relayhost = z\u2028a/unix/b = c"
    service = f"x unix - - n - - smtp -o {{ smtp_helo_name = {value} }}\n"
    instance = read_written(tmp_path, f"smtp_helo_name = {value}\n", service)
    assert (instance.value("smtp_tls_policy_maps"), instance.value("relayhost")) == ("", "")
    assert instance.value("smtp_helo_name").startswith("x\x0bsmtp_tls")
    assert instance.service("a") is None
    found = instance.service("x")
    assert found is not None
    assert found.value("relayhost") == ""


@pytest.mark.finding("postfix-parameter-unknown")
@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("smtp_tls_polcy_maps = x\n", "If smtp_tls_policy_maps is meant"),
        ("smtp_zzz_unheard = yes\n", "Remove it"),
    ],
)
def test_a_parameter_that_postfix_does_not_know(line: str, action: str, tmp_path: Path) -> None:
    finding = only(read_postfix(write_postfix(tmp_path, line)))
    assert (finding.code, finding.about) == ("postfix-parameter-unknown", line.split(maxsplit=1)[0])
    assert finding.action.startswith(action)
    assert bool(finding.commands) == (action == "Remove it")


@pytest.mark.finding("postfix-parameter-twice")
def test_a_parameter_that_is_set_twice(tmp_path: Path) -> None:
    lines = "smtp_tls_loglevel = 1\nsmtp_tls_loglevel = 2\n"
    finding = only(read_postfix(write_postfix(tmp_path, lines)))
    assert (finding.code, finding.about) == ("postfix-parameter-twice", "smtp_tls_loglevel")
    assert "main.cf, line 7" in finding.found


@pytest.mark.finding("postconf-warning")
def test_a_parameter_that_is_used_and_set_nowhere(tmp_path: Path) -> None:
    finding = only(read_postfix(write_postfix(tmp_path, "relayhost = $nosuch\n")))
    assert (finding.code, "undefined parameter: nosuch" in finding.found) == (
        "postconf-warning",
        True,
    )


@pytest.mark.finding("postconf-warning")
def test_a_service_that_stands_in_master_cf_twice(tmp_path: Path) -> None:
    """postconf says nothing of it, and master(8) takes the last."""
    services = "x unix - - n - - smtp -v\nx unix - - y - - lmtp\n"
    reading = read_postfix(write_postfix(tmp_path, "", services))
    assert "two services x/unix" in only(reading).found
    (instance,) = reading.instances
    service = instance.service("x")
    assert service is not None
    assert (service.program, service.chroot) == ("lmtp", True)


@pytest.mark.finding("postconf-failed")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("smtp_tls_security_level may\n", "missing '='"),
        ("relayhost = $(x\n", 'truncated macro reference: "$(x"'),
        (None, "No such file"),
    ],
)
def test_a_main_cf_that_postfix_cannot_read(text: str | None, found: str, tmp_path: Path) -> None:
    etc = write_postfix(tmp_path, text or "")
    if text is None:
        (etc / "main.cf").unlink()
    finding = only(read_postfix(etc))
    assert (finding.code, finding.about) == ("postconf-failed", str(etc))
    assert found in finding.found


@pytest.mark.finding("postfix-not-found")
def test_no_postfix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_USUAL_PLACES", ())
    finding = only(read_postfix(environ={"PATH": f"{tmp_path}:relative:"}))
    assert finding.code == "postfix-not-found"


@pytest.mark.threat("program-replaced")
@pytest.mark.finding("postconf-replaceable")
def test_a_postconf_that_others_could_replace(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_USUAL_PLACES", ())
    program = open_directory / "postconf"
    program.write_text("#!/bin/sh\ntouch witness\n")
    program.chmod(0o755)
    open_directory.chmod(0o777)
    finding = only(read_postfix(environ={"PATH": str(open_directory)}))
    assert finding.code == "postconf-replaceable"
    assert str(program) in finding.found
    open_directory.chmod(0o755)
    program.chmod(0o757)
    assert only(read_postfix(environ={"PATH": str(open_directory)})).code == "postconf-replaceable"


def stands_for_postconf(directory: Path, body: str) -> PostfixReading:
    """Read a Postfix whose postconf is a script."""
    program = directory / "postconf"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return read_postfix(environ={"PATH": str(directory)})


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("cat /dev/zero", "said more than 4 MiB"),
        ("exec sleep 60", "did not end within 0.2 s"),
        ("exec >&- 2>&-; sleep 60", "did not end within 0.2 s"),
        ("kill -9 $$", "ended with status -9"),
        ("echo a", "does not say what it should"),
    ],
)
def test_a_postconf_out_of_its_mind(
    body: str, found: str, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sleep" in body:
        monkeypatch.setattr(running, "RUN_TIME", 0.2)
        monkeypatch.setattr(running, "_SLOW", "did not end within 0.2 s")
    finding = only(stands_for_postconf(open_directory, body))
    assert finding.code == "postconf-failed"
    assert found in finding.found


@pytest.mark.threat("environment")
def test_nothing_of_the_callers_environment_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))
    assert read_postfix().instances


READ_AS_NOBODY = """\
import os, sys
from pathlib import Path
from mtasts_resolver.doctor.configuration import judge_reading
from mtasts_resolver.doctor.reading import read_postfix
judge_reading(read_postfix(Path(sys.argv[1])))  # whatever is imported late
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for finding in judge_reading(read_postfix(Path(sys.argv[1]))):
    print(finding.code)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to become another user")
@pytest.mark.finding("postfix-config-unreadable")
def test_a_main_cf_that_is_for_root_alone(open_directory: Path) -> None:
    etc = write_postfix(open_directory, "")
    (etc / "main.cf").chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", READ_AS_NOBODY, etc],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["postfix-config-unreadable"]
