"""Verdict to reply text: rows A1, A4 and A5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy import DocumentError, Level, Mode, Policy, Verdict, parse_document
from mtasts_resolver.postfix.reply import (
    NOT_FOUND,
    AttributeSyntaxError,
    Reply,
    Status,
    TimedReply,
    render,
)

DOMAIN = "good.example"


def secure(*mx: str) -> Verdict:
    return Verdict(Level.SECURE, policy=Policy(Mode.ENFORCE, 86_400, mx))


@pytest.mark.row("A1")
@pytest.mark.parametrize(
    ("mx", "match"),
    [
        (("mx.good.example",), "mx.good.example"),
        (("*.good.example",), ".good.example"),
        (("b.example", "*.a.example", "c.example"), "b.example:.a.example:c.example"),
    ],
)
def test_secure_names_the_patterns_in_the_order_of_the_policy(
    mx: tuple[str, ...], match: str
) -> None:
    assert str(render(secure(*mx), DOMAIN)) == f"OK secure match={match} servername=hostname"
    assert str(render(secure(*mx), DOMAIN, sni=False)) == f"OK secure match={match}"


@pytest.mark.row("A1")
def test_a_pattern_that_stands_twice_in_the_policy_is_sent_once() -> None:
    body = b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: MX.a\nmx: *.b\nmx: mx.a\nmx: *.b\n"
    verdict = Verdict(Level.SECURE, policy=parse_document(body))
    assert render(verdict, DOMAIN, sni=False).text == "secure match=mx.a:.b"


@pytest.mark.parametrize(
    ("verdict", "reply"),
    [
        (Verdict(Level.DANE), Reply(Status.OK, "dane")),
        (Verdict(Level.DANE_ONLY), Reply(Status.OK, "dane-only")),
        (Verdict(Level.NOT_FOUND), NOT_FOUND),
    ],
)
def test_the_other_levels(verdict: Verdict, reply: Reply) -> None:
    assert render(verdict, DOMAIN) == reply


def test_a_reply_without_text_reads_as_its_status_alone() -> None:
    assert str(NOT_FOUND) == "NOTFOUND"


@pytest.mark.row("A4")
def test_a_temporary_error_carries_its_reason() -> None:
    reply = render(Verdict(Level.TEMP, reason="SERVFAIL from 192.0.2.53"), DOMAIN)
    assert reply == Reply(Status.TEMP, "SERVFAIL from 192.0.2.53")


@pytest.mark.row("A3")
def test_what_does_not_fit_becomes_a_temporary_error_with_its_reason() -> None:
    fallback = render(secure("mx.good.example"), DOMAIN).fallback
    assert fallback is not None
    assert fallback.status is Status.TEMP
    assert "more MX hosts than fit" in fallback.text


@pytest.mark.threat("policy-injects")
@pytest.mark.row("A5")
@pytest.mark.parametrize(
    "mx",
    [
        "",
        "*",
        "*.",
        "a b",
        "a,b",
        "a:b",
        "{a}",
        "a=b",
        "a\n",
        "a\0",
        "ü.example",
        "..",
        "*a.b",
        ".a.b",
    ],
)
def test_nothing_leaves_that_postfix_would_read_otherwise(mx: str) -> None:
    with pytest.raises(AttributeSyntaxError, match="cannot stand in an attribute"):
        render(secure(mx), DOMAIN)


@pytest.mark.threat("policy-injects")
@pytest.mark.row("A5", "P8")
@given(
    st.lists(st.text(max_size=40), max_size=6),
    st.lists(st.sampled_from(["mx.a.example", "*.b.example", "{", "}", "x y"]), max_size=4),
)
def test_no_document_can_put_more_into_a_reply_than_host_names(
    noise: list[str], hosts: list[str]
) -> None:
    lines = ["version: STSv1", "mode: enforce", "max_age: 86400"]
    lines += [f"mx: {host}" for host in hosts]
    lines += [f"note: {text}" for text in noise]
    try:
        policy = parse_document("\n".join(lines).encode("utf-8", "surrogatepass"))
    except DocumentError:
        return
    level, *attributes = render(Verdict(Level.SECURE, policy=policy), DOMAIN).text.split(" ")
    assert level == "secure"
    assert [name.partition("=")[0] for name in attributes] == ["match", "servername"]
    patterns = attributes[0].removeprefix("match=").split(":")
    assert patterns == [mx.removeprefix("*") for mx in dict.fromkeys(hosts)]


def parsed(*lines: str) -> Verdict:
    return Verdict(Level.SECURE, policy=parse_document("\r\n".join(lines).encode()))


@pytest.mark.row("A2")
def test_a_map_with_tlsrpt_carries_the_policy_as_it_was_served() -> None:
    verdict = parsed(
        "mode: enforce", "version:STSv1", "mx: MX.good.example", "mx: *.b", "max_age: 9 \t", "x: X"
    )
    assert str(render(verdict, DOMAIN, tlsrpt=True)) == (
        "OK secure match=mx.good.example:.b servername=hostname"
        " policy_type=sts policy_domain=good.example"
        " mx_host_pattern=mx.good.example mx_host_pattern=*.b"
        " { policy_string = mode: enforce } { policy_string = version:STSv1 }"
        " { policy_string = mx: MX.good.example } { policy_string = mx: *.b }"
        " { policy_string = max_age: 9 } { policy_string = x: X }"
    )


@pytest.mark.row("A2", "P9")
def test_what_can_match_no_mx_host_is_reported_as_served_and_matches_nothing() -> None:
    verdict = parsed(
        *("version: STSv1", "mode: enforce", "", "mx: 192.0.2.1", "mx: mx.good.example.", " \t"),
        "max_age: 9",
    )
    assert render(verdict, DOMAIN, tlsrpt=True).text == (
        "secure match=mx.good.example servername=hostname"
        " policy_type=sts policy_domain=good.example mx_host_pattern=mx.good.example"
        " { policy_string = version: STSv1 } { policy_string = mode: enforce }"
        " { policy_string = mx: 192.0.2.1 } { policy_string = mx: mx.good.example. }"
        " { policy_string = max_age: 9 }"
    )


@pytest.mark.row("A2")
def test_a_line_that_postfix_cannot_carry_is_left_out_alone() -> None:
    known = ("version: STSv1", "mode: enforce", "mx: a.b", "max_age: 9")
    carried = "note:\t= , : ; # \" ' \\ $x %20 ~"
    left_out = ("x: {", "x: }", "x: { a }", "x: über", "x: \u2028", "x: \x85")
    text = render(parsed(*known, carried, *left_out), DOMAIN, tlsrpt=True).text
    strings = [part.split(" }")[0] for part in text.split("{ policy_string = ")[1:]]
    assert strings == [*known, carried]


@pytest.mark.row("A2")
@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(Level.DANE),
        Verdict(Level.DANE_ONLY),
        Verdict(Level.NOT_FOUND),
        Verdict(Level.TEMP, reason="why"),
    ],
)
def test_attributes_are_never_sent_where_they_would_be_a_false_report(verdict: Verdict) -> None:
    assert render(verdict, DOMAIN, tlsrpt=True) == render(verdict, DOMAIN)


@pytest.mark.row("A2", "A3")
def test_what_does_not_fit_loses_its_attributes_before_anything_else() -> None:
    verdict = secure("mx.good.example")
    assert render(verdict, DOMAIN, tlsrpt=True).fallback == render(verdict, DOMAIN)


@pytest.mark.threat("policy-injects")
@pytest.mark.row("A5")
@pytest.mark.parametrize("domain", ["", "a b", "ü.example", "a.example }", "a,b", "{a}"])
def test_no_other_domain_gets_into_the_attributes(domain: str) -> None:
    with pytest.raises(AttributeSyntaxError, match="cannot be a policy_domain"):
        render(secure("mx.good.example"), domain, tlsrpt=True)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (NOT_FOUND, "notfound"),
        (Reply(Status.OK, "dane-only"), "dane-only"),
        (Reply(Status.OK, "secure match=mx.good.example"), "secure"),
        (Reply(Status.OK, "Encrypt"), "encrypt"),
        (Reply(Status.TEMP, "secure is what this would be"), "temp"),
        (Reply(Status.PERM, "no"), "perm"),
    ],
)
def test_an_answer_is_called_by_its_first_word(reply: Reply, answer: str) -> None:
    assert reply.answer == answer


def test_a_recalled_reply_is_over_and_were_it_sent_mail_would_wait() -> None:
    timed = TimedReply(NOT_FOUND, 1.0, wire=b"9:NOTFOUND ,")
    timed.recall()
    assert (timed.until, timed.wire, timed.reply.status) == (float("-inf"), b"", Status.TEMP)
