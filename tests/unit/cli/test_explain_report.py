"""What `explain` prints: results, why answers differ, and lines that end before the edge."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.answers.explanation import Explanation
from mtasts_resolver.cli.explain_report import DaemonReply, as_dict, as_text, why_different
from mtasts_resolver.cli.terminal import use_color, wrap
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.trace import Step
from mtasts_resolver.policy import Dane, DaneFinding, NextHop, Policy, StsFinding, parse_text
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply, Status

SECURE = Reply(Status.OK, "secure match=mx.good.example servername=hostname")
OLDER = Reply(Status.OK, "secure match=mx.old.example servername=hostname")
TEMP = Reply(Status.TEMP, "overloaded: too many discoveries, try again")
DANE_ONLY = Reply(Status.OK, "dane-only")


def policy(mode: str = "enforce") -> Policy:
    return parse_text(f"version: STSv1\nmode: {mode}\nmx: mx.good.example\nmax_age: 86400")


def fresh(reply: Reply, found: Policy | None = None, *steps: Step) -> Explanation:
    finding = StsFinding(found, "" if found else "connection refused")
    return Explanation(
        key="good.example",
        map_name="default",
        hop=NextHop("good.example"),
        steps=list(steps),
        finding=finding,
        dane=DaneFinding(Dane.NONE, "no MX host has TLSA records"),
        outcome="policy" if found else "no policy: connection refused",
        decision="",
        reply=reply,
    )


@pytest.mark.parametrize(
    ("now", "then", "words"),
    [
        (SECURE, fresh(NOT_FOUND), "applies until its max_age is over"),
        (SECURE, fresh(NOT_FOUND), "although there is no policy: connection refused"),
        (OLDER, fresh(SECURE, policy()), "the daemon has an older policy"),
        (SECURE, fresh(NOT_FOUND, policy("none")), "has an older policy"),
        (SECURE, fresh(NOT_FOUND, policy("testing")), "has an older policy"),
        (NOT_FOUND, fresh(SECURE, policy()), "did not find this policy when it looked"),
        (TEMP, fresh(SECURE, policy()), "could not find it out, for the reason that it gives"),
        (DANE_ONLY, fresh(NOT_FOUND), "something else of the TLSA records"),
        (SECURE, fresh(DANE_ONLY, policy()), "something else of the TLSA records"),
        (SECURE, fresh(TEMP, policy()), "something else of the TLSA records"),
    ],
)
def test_it_is_said_why_a_fresh_look_finds_other_than_postfix_gets(
    now: Reply, then: Explanation, words: str
) -> None:
    why = why_different(then, DaemonReply(now), Config())
    assert words in why
    text = click.unstyle(as_text(then, DaemonReply(now), why, None))
    assert f"Postfix gets now  {now}\n" in text
    assert f"a fresh look      {then.reply}\n" in text
    assert as_dict(then, DaemonReply(now), why)["difference"] == why


def test_what_is_the_same_is_not_explained() -> None:
    then = fresh(SECURE, policy())
    assert why_different(then, DaemonReply(SECURE), Config()) == ""
    text = click.unstyle(as_text(then, DaemonReply(SECURE), "", None))
    assert text.startswith(f"Postfix gets now  {SECURE}\na fresh look      finds the same\n")


def test_it_is_said_that_the_daemon_does_not_answer() -> None:
    then = fresh(SECURE, policy())
    now = DaemonReply(None, "connection refused")
    assert why_different(then, now, Config()) == ""
    text = click.unstyle(as_text(then, now, "", None))
    assert text.startswith(
        "Postfix gets now  nothing, and so it defers the mail: connection refused"
    )
    assert f"a fresh look      {SECURE}\n" in text
    shown = as_dict(then, now, "")
    assert (shown["daemon"], shown["daemon_error"]) == (None, "connection refused")


@pytest.mark.parametrize(
    ("step", "mark", "result"),
    [
        (Step("TXT a", ok=True, seconds=0, outcome="id 1"), "ok  ", "ok"),
        (Step("TXT a", ok=False, seconds=0, outcome="SERVFAIL"), "FAIL", "failed"),
        (Step("TXT a", ok=False, seconds=0, outcome="not there", absent=True), "none", "none"),
    ],
)
def test_each_step_has_its_result(step: Step, mark: str, result: str) -> None:
    explanation = fresh(NOT_FOUND, None, step)
    text = click.unstyle(as_text(explanation, DaemonReply(NOT_FOUND), "", None))
    assert f"\n{mark}  TXT a  (0.000 s)\n" in text
    (shown,) = as_dict(explanation, DaemonReply(NOT_FOUND), "")["steps"]
    assert (shown["ok"], shown["result"]) == (step.ok, result)


@given(st.lists(st.text("abc:/", min_size=1, max_size=30), min_size=1), st.integers(40, 100))
def test_words_stay_whole_and_lines_end_before_the_edge(words: list[str], columns: int) -> None:
    text = " ".join(words)
    lines = wrap(text, columns, first="label  ", rest="       ")
    assert all(len(line) <= columns for line in lines)
    assert " ".join(line[7:] for line in lines) == text
    assert wrap(text, None, first="label  ") == [f"label  {text}"]


def test_a_list_that_is_longer_than_a_line_is_broken_between_its_names() -> None:
    names = [f"mx{number}.good.example" for number in range(9)]
    lines = wrap(f"OK secure match={':'.join(names)} x", 40, first="> ", rest="  ")
    assert len(lines) > 4
    assert all(len(line) <= 40 for line in lines)
    assert sum(line.count(name) for line in lines for name in names) == len(names)
    assert wrap("x" * 50, 40) == ["x" * 50]  # what cannot be broken stands as it is


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "colour"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {}, True, False),
    ],
)
def test_colour(
    choice: str,
    environment: dict[str, str],
    terminal: bool,
    colour: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert use_color(choice) is colour


@pytest.mark.threat("port-stolen", "words-at-terminal")
@pytest.mark.parametrize("columns", [None, 80])
def test_no_word_of_a_stranger_moves_a_cursor(columns: int | None) -> None:
    """Neither what is published, nor what somebody says who has taken the daemon's port."""
    odd = "\x1b]0;title\x07\x1b[2J\u202e\r\nOK"
    step = Step(odd, ok=False, outcome=odd, details=(odd,))
    told = as_text(fresh(TEMP, None, step), DaemonReply(Reply(Status.OK, odd)), odd, columns)
    lines = click.unstyle(told).split("\n")
    assert all(line.isprintable() for line in lines)
    assert told.count("title") == 5
