"""The script of `doctor --fix`: what it would run, and that nothing else is."""

import subprocess

import pytest

from mtasts_resolver.cli.doctor_script import commands_to_type, script, spread
from mtasts_resolver.findings import FindingKind, Severity

ERROR = FindingKind(
    code="bad", severity=Severity.ERROR, title="Bad", matters="Mail waits.", action="Mend it."
)
NOTE = FindingKind(code="fair", severity=Severity.NOTE, title="Fair", matters="It could be better.")
SET = "postconf -e 'smtp_dns_support_level = dnssec'"


def test_lines_come_once_in_order_and_then_postfix_reads_them() -> None:
    start = "systemctl enable --now mtasts-resolver.socket"
    findings = [
        ERROR.found("daemon", "it does not run", commands=(start,)),
        ERROR.found("smtp", "no DNSSEC", commands=(SET,)),
        ERROR.found("relay", "no DNSSEC either", commands=(SET,)),
    ]
    assert commands_to_type(findings) == [start, SET, "postfix reload"]
    assert commands_to_type(findings[:1]) == [start]


def test_each_instance_that_was_changed_reads_it() -> None:
    other = "postconf -c '/etc/post fix' -e 'smtp_tls_loglevel = 1'"
    copied = "install -D -m 644 /etc/resolv.conf /var/spool/postfix/etc/resolv.conf"
    findings = [ERROR.found("a", "b", commands=(other,)), ERROR.found("c", "d", commands=(copied,))]
    assert commands_to_type(findings)[2:] == ["postfix -c '/etc/post fix' reload", "postfix reload"]


def test_what_sets_parameters_of_one_instance_is_one_command() -> None:
    other = "postconf -c /etc/postfix-out -e 'smtp_tls_loglevel = 1'"
    findings = [
        ERROR.found("smtp", "no DNSSEC", commands=(SET,)),
        ERROR.found("daemon", "it does not run", commands=("systemctl enable mtasts",)),
        ERROR.found("other", "silent", commands=(other,)),
        ERROR.found("level", "old", commands=("postconf -e 'a = x, y' 'b = 1'", "postconf -X c")),
        ERROR.found("level", "old", commands=("postconf -X d", "postconf -e 'b = 2'")),
    ]
    joined = "postconf -e 'smtp_dns_support_level = dnssec' 'a = x, y' 'b = 2'"
    assert commands_to_type(findings) == [
        *(joined, "systemctl enable mtasts", other, "postconf -X c d"),
        *("postfix reload", "postfix -c /etc/postfix-out reload"),
    ]
    text = script(findings)
    assert text.count("postconf -e") == 1
    assert text.index("# error: level: old") < text.index("postconf -e")


def test_a_command_that_is_shown_on_several_lines_is_one_for_a_shell() -> None:
    tell = "postconf() { printf '%s|' \"$@\"; }"
    setting = "postconf -c '/etc/post fix' -e 'a = b' 'c = it'\"'\"'s'"
    assert len(spread(setting)) == 3
    told = run("\n".join([tell, *("  " + line for line in spread(setting))]))
    assert told == "-c|/etc/post fix|-e|a = b|c = it's|"
    assert spread(SET) == [SET]
    assert spread("systemctl enable --now a b") == ["systemctl enable --now a b"]


def test_postfix_is_started_when_all_is_set() -> None:
    for start in ("systemctl start postfix", "postfix start"):
        findings = [
            ERROR.found("a", "down", commands=(start,)),
            ERROR.found("b", "c", commands=(SET,)),
        ]
        assert commands_to_type(findings) == [SET, start]
        text = script(findings)
        assert text.index(SET) < text.index("# error: a: down") < text.index(f"\n{start}\n")
        assert "reload" not in text
    start = "postfix -c /etc/postfix-out start"
    findings[0] = ERROR.found("a", "down", commands=(start,))
    assert commands_to_type(findings) == [SET, start, "postfix reload"]


def test_what_is_no_fault_stands_as_a_comment() -> None:
    text = script([NOTE.found("smtpd_tls_loglevel", "0", commands=(SET,))])
    assert f"# {SET}\n" in text
    assert run(text) == ""
    assert commands_to_type([NOTE.found("smtpd_tls_loglevel", "0", commands=(SET,))]) == []


@pytest.mark.threat("words-in-shell")
def test_a_strangers_words_are_never_run() -> None:
    hostile = "x\necho run\r\necho run\u2028echo run `echo run` $(echo run)"
    text = script([ERROR.found(hostile, hostile), NOTE.found(hostile, hostile, commands=("true",))])
    assert run(text) == ""


def test_a_line_that_cannot_be_seen_as_it_is_stands_as_a_comment() -> None:
    """In quotes a line end is a part of a name; behind a `#` it would begin a line that is run."""
    lines = ("chmod o-w '/etc/x\necho run\n'", "echo \u202e\x1b[2J run")
    for kind in (ERROR, NOTE):
        text = script([kind.found("file", "x", commands=lines)])
        assert run(text) == ""
        assert text.replace("\n", "").isprintable()


def test_nothing_is_run_after_a_line_that_fails() -> None:
    lines = ("echo first", "false", "echo second")
    text = script([ERROR.found("x", "y", commands=lines)])
    assert run(text, status=1) == "first\n"


def run(text: str, status: int = 0) -> str:
    done = subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")
    return done.stdout
