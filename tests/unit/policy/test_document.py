"""The policy document: RFC 8461 §3.2, case by case and by its grammar."""

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.policy.document import (
    MAX_DOCUMENT_BYTES,
    MAX_LINES,
    MAX_MAX_AGE,
    MAX_MX_PATTERNS,
    DocumentError,
    Mode,
    Policy,
    parse_document,
    parse_text,
)
from mtasts_resolver.policy.hostname import is_mx_pattern
from tests.unit.policy.test_hostname import HOSTNAMES

GOOD = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmx: *.example.net\nmax_age: 604800\n"
FIELDS = ("version: STSv1", "mode: enforce", "mx: mx.example.com", "max_age: 86400")

ALNUM = string.ascii_letters + string.digits
NAMED = {"version", "mode", "mx", "max_age"}


def document(**changed: str | None) -> bytes:
    """Return a valid document with some of its values changed, or left out where None."""
    values = {"version": "STSv1", "mode": "enforce", "mx": "mx.example.com", "max_age": "86400"}
    fields = (values | changed).items()
    return "".join(f"{name}: {value}\n" for name, value in fields if value is not None).encode()


def parse(body: bytes) -> Policy | DocumentError:
    try:
        return parse_document(body)
    except DocumentError as error:
        return error


def refusal(body: bytes) -> DocumentError:
    error = parse(body)
    assert isinstance(error, DocumentError)
    text = str(error)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 1_000
    return error


@pytest.mark.row("P7")
def test_document_is_read() -> None:
    policy = parse_document(GOOD.encode())
    assert policy.mode is Mode.ENFORCE
    assert policy.max_age == 604_800
    assert policy.mx == ("mx.example.com", "*.example.net")
    assert policy.lines == tuple(GOOD.splitlines())


@pytest.mark.row("P7")
@pytest.mark.parametrize("fields", list(itertools.permutations(FIELDS)))
def test_fields_stand_in_any_order(fields: tuple[str, ...]) -> None:
    document = "\n".join(fields)
    policy = parse_document(document.encode())
    assert policy == Policy(Mode.ENFORCE, 86_400, ("mx.example.com",), document)
    assert policy.lines == fields


@pytest.mark.row("P6")
@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (GOOD, 5),
        (GOOD.removesuffix("\n"), 5),
        (GOOD.replace("\n", "\r\n"), 5),
        (GOOD.replace("\n", "\r\n").removesuffix("\r\n"), 5),
        (GOOD.replace("\n", "\r\n", 2), 5),
        (GOOD + "\n", 5),
        (GOOD + "\r\n \t\r\n\n", 5),
        (GOOD + " ", 5),
        (GOOD.replace("\n", " \t\n"), 5),
        (GOOD.replace(": ", ":"), 5),
        (GOOD.replace(": ", ": \t "), 5),
        (GOOD.replace("\n", "\n\n", 1), 6),
        (GOOD.replace("\n", "\r\n \t\r\n\n"), 13),
        ("\n" + GOOD, 6),
    ],
)
def test_ends_of_lines_and_white_space(body: str, lines: int) -> None:
    policy = parse_document(body.encode())
    assert (policy.mode, policy.max_age) == (Mode.ENFORCE, 604_800)
    assert policy.mx == ("mx.example.com", "*.example.net")
    assert len(policy.lines) == lines


@pytest.mark.row("P6")
@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param(GOOD.replace("\n", "\r"), 1, id="CR alone ends no line"),
        pytest.param(GOOD.replace("\n", "\n\r"), 2, id="LF CR"),
        pytest.param(GOOD.replace("\n", "\r\r\n"), 1, id="CR CR LF"),
        pytest.param(GOOD.removesuffix("\n") + "\r", 5, id="CR at the end"),
        pytest.param(GOOD.replace("\n", "\x0b"), 1, id="vertical tab"),
        pytest.param(GOOD.replace("\n", "\x0c"), 1, id="form feed"),
        pytest.param(GOOD.replace("\n", "\x1e"), 1, id="record separator"),
        pytest.param(GOOD.replace("\n", "\n\n", 1).replace(":", ""), 1, id="before a blank line"),
        pytest.param("\n\n" + GOOD.replace("mode:", "mode"), 4, id="after blank lines"),
        pytest.param(GOOD.replace("\n", "\n\u00a0\n", 1), 2, id="no-break space is not blank"),
        pytest.param(GOOD + "\u00a0", 6, id="nor is it at the end"),
        pytest.param(GOOD + "X", 6, id="nor is a letter"),
        pytest.param("X\n" + GOOD, 1, id="nor at the beginning"),
        pytest.param("\ufeff" + GOOD, 1, id="byte order mark"),
        pytest.param(" " + GOOD, 1, id="leading space"),
        pytest.param(GOOD.replace(":", " :"), 1, id="space before the colon"),
        pytest.param(GOOD.replace("mode:", "mode"), 2, id="no colon"),
        pytest.param(GOOD.replace("mode:", "mode="), 2, id="equals sign"),
        pytest.param(GOOD.replace("enforce", ""), 2, id="empty value"),
        pytest.param(GOOD + "\x00", 6, id="NUL"),
        pytest.param(GOOD + "ext: a\x00b\n", 6, id="NUL in a value"),
        pytest.param(GOOD + "ext: \x01b\n", 6, id="control character before a value"),
        pytest.param(GOOD + "ext: a\x7fb\n", 6, id="DEL in a value"),
        pytest.param(GOOD + "ext: \x7fb\n", 6, id="DEL before a value"),
        pytest.param(GOOD + "ext: a\x7f\n", 6, id="DEL after a value"),
        pytest.param(GOOD + "ext: a\tb\n", 6, id="tab in a value"),
        pytest.param(GOOD + "ext:\n", 6, id="extension without a value"),
        pytest.param(GOOD + ": x\n", 6, id="no name"),
        pytest.param(GOOD + "_ext: x\n", 6, id="name begins with _"),
        pytest.param(GOOD + "ext;a: x\n", 6, id="semicolon in a name"),
        pytest.param(GOOD + "e\u0445t: x\n", 6, id="name is not ASCII"),
        pytest.param(GOOD + "n" * 33 + ": x\n", 6, id="name of 33 characters"),
        pytest.param("<!DOCTYPE html>\n<html>\n", 1, id="HTML"),
    ],
)
def test_malformed_line_makes_the_document_invalid(body: str, line: int) -> None:
    assert refusal(body.encode()).line == line


@pytest.mark.row("P6")
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("MX mx.example", "line 6: 'MX mx.example' is not 'name: value'"),
        ("\u2026" * 61, "line 6: '" + r"\u2026" * 60 + "' is not 'name: value'"),
    ],
)
def test_error_names_the_line_and_quotes_what_stands_there(line: str, reason: str) -> None:
    assert str(refusal(f"{GOOD}{line}\n".encode())) == reason


@pytest.mark.row("P6")
def test_error_says_that_an_editor_left_a_byte_order_mark() -> None:
    """Nothing of the line is quoted: on most screens the mark cannot be seen."""
    assert str(refusal(f"\ufeff{GOOD}".encode())) == "line 1: it begins with a byte order mark"


@pytest.mark.row("P6")
@pytest.mark.parametrize("separator", ["\u0085", "\u2028", "\u2029"])
def test_unicode_ends_no_line(separator: str) -> None:
    """What Python's splitlines() takes for a line end is data here: the mode stays unseen."""
    body = f"version: STSv1\next: a{separator}mode: none\nmode: enforce\nmx: m.example\nmax_age: 1"
    assert parse_document(body.encode()).mode is Mode.ENFORCE
    assert refusal(GOOD.replace("\n", separator).encode()).line == 1


@pytest.mark.row("P6")
@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n", b" \t\n\n", b"\n" * 65_536])
def test_empty_document(body: bytes) -> None:
    assert str(refusal(body)) == "the document is empty"


@pytest.mark.row("P8")
@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"\xff" + GOOD.encode(), 1),
        (b"\n\xff" + GOOD.encode(), 2),
        (GOOD.encode() + b"ext: \xc0\x80", 6),
        (GOOD.encode() + b"ext: \xed\xa0\x80", 6),
        (GOOD.encode() + b"ext: \xf4\x90\x80\x80", 6),
        (GOOD.encode() + b"ext: caf\xe9\n", 6),
        (GOOD.encode() + b"ext: \xe2\x82", 6),
        (GOOD.encode("utf-16"), 1),
    ],
)
def test_document_that_is_not_utf_8(body: bytes, line: int) -> None:
    error = refusal(body)
    assert error.line == line
    assert error.lacking is None
    assert str(error) == f"line {line}: it is not UTF-8"


@pytest.mark.row("P7")
@pytest.mark.parametrize("name", ["version", "mode", "max_age", "mx"])
def test_missing_field(name: str) -> None:
    error = refusal(document(**{name: None}))
    assert error.line is None
    assert error.lacking == name
    assert f"there is no {name}" in str(error)


@pytest.mark.row("P7")
@pytest.mark.parametrize("name", ["Version", "VERSION", "Mode", "Max_Age", "max-age", "MX"])
def test_names_are_case_sensitive(name: str) -> None:
    """A name in another spelling is an unknown field, so the known one is missing."""
    known = name.lower().replace("-", "_")
    body = document().replace(known.encode(), name.encode())
    assert f"there is no {known}" in str(refusal(body))


@pytest.mark.row("P7")
@pytest.mark.parametrize("version", ["STSv2", "stsv1", "STSv1;", "STSv10", "STSv1 x", "1"])
def test_other_version(version: str) -> None:
    assert "the version is" in str(refusal(document(version=version)))


@pytest.mark.row("P7")
@pytest.mark.parametrize("mode", ["Enforce", "enforced", "report", "enforce,", "enforce \u00a0"])
def test_other_mode(mode: str) -> None:
    error = refusal(document(mode=mode))
    assert "is none of enforce, testing, none" in str(error)
    assert error.line == 2


@pytest.mark.row("P7")
@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("version: STSv2", Policy(Mode.ENFORCE, 86_400, ("mx.example.com",))),
        ("mode: nonsense", Policy(Mode.ENFORCE, 86_400, ("mx.example.com",))),
        ("mode: none", Policy(Mode.ENFORCE, 86_400, ("mx.example.com",))),
        ("max_age: never", Policy(Mode.ENFORCE, 86_400, ("mx.example.com",))),
        ("max_age: 0", Policy(Mode.ENFORCE, 86_400, ("mx.example.com",))),
        ("mx: mx.example.com", Policy(Mode.ENFORCE, 86_400, ("mx.example.com",))),
        ("mx: MX.example.com", Policy(Mode.ENFORCE, 86_400, ("mx.example.com",))),
        ("mx: b.example", Policy(Mode.ENFORCE, 86_400, ("mx.example.com", "b.example"))),
    ],
)
def test_first_of_duplicates_counts(extra: str, expected: Policy) -> None:
    policy = parse_document(document() + extra.encode())
    assert (policy.mode, policy.max_age, policy.mx) == (
        expected.mode,
        expected.max_age,
        expected.mx,
    )


@pytest.mark.row("P7")
@pytest.mark.parametrize("first", ["version: STSv2", "mode: nonsense", "max_age: never"])
def test_first_of_duplicates_counts_when_it_is_wrong(first: str) -> None:
    assert refusal(first.encode() + b"\n" + document()).line == 1


@pytest.mark.row("P7")
def test_mode_none_needs_no_mx() -> None:
    assert parse_document(document(mode="none", mx=None)).mx == ()
    assert parse_document(document(mode="none")).mx == ("mx.example.com",)
    assert refusal(document(mode="none", mx="*")).line == 3


@pytest.mark.row("P7")
def test_mode_testing_needs_mx() -> None:
    assert parse_document(document(mode="testing")).mode is Mode.TESTING
    error = refusal(document(mode="testing", mx=None))
    assert str(error) == "there is no mx, which mode testing requires"


@pytest.mark.row("P8")
@pytest.mark.parametrize(
    "line",
    [
        "ext: 1",
        "a.b-c_d: {policy_type=sts} match=evil.example",
        'quote: "\\" \'; ${x} %00',
        "comment: 日本語 \U0001f512",
        "nul-like: \u2400 \u0085 \u2028 \ufeff \u202e",
        "n" * 32 + ": x",
        "mx.: evil.example",
        "policy: a: b: c",
    ],
)
def test_unknown_field_is_ignored(line: str) -> None:
    policy = parse_document(document() + line.encode())
    assert (policy.mode, policy.max_age, policy.mx) == (Mode.ENFORCE, 86_400, ("mx.example.com",))
    assert policy.lines[-1] == line


@pytest.mark.row("P9")
@pytest.mark.parametrize(
    "mx",
    [
        "*",
        "*.",
        "*.*.example.com",
        "mx.*.example.com",
        "*mx.example.com",
        ".example.com",
        ".",
        "mx.example.com..",
        "*.example.com..",
        "192.0.2.1:25",
        "192.0.2.0/24",
        "mx_1.example.com",
        "mx.example.com:25",
        "mx.example.com, mx2.example.com",
        "10 mx.example.com",
        "[192.0.2.1]",
        "2001:db8::1",
        "bücher.example",
        "\u212aelvin.example",
        "mx.example.com\u0085",
        "-mx.example.com",
        f"{'a' * 64}.example.com",
        "a." * 126 + "ab",
        "mx.example.com servername=evil",
        "mx.example.com}{",
    ],
)
def test_mx_that_is_no_host_name(mx: str) -> None:
    error = refusal(document(mx=mx))
    assert error.line == 3
    assert "is not a host name or '*.' and one" in str(error)


@pytest.mark.row("P9")
@pytest.mark.parametrize(
    ("mx", "pattern"),
    [
        ("MX.Example.COM", "mx.example.com"),
        ("*.EXAMPLE.com", "*.example.com"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("a." * 126 + "a", "a." * 126 + "a"),
        ("mx.example.com.", "mx.example.com"),
        ("*.Example.com.", "*.example.com"),
        ("a." * 126 + "a.", "a." * 126 + "a"),
    ],
)
def test_mx_is_kept_in_lower_case_without_a_final_dot(mx: str, pattern: str) -> None:
    assert parse_document(document(mx=mx)).mx == (pattern,)


NO_MX_HOST = ("192.0.2.1", "192.0.2.1.", "*.0.2.1", "example.123", "25")


@pytest.mark.row("P9")
@pytest.mark.parametrize("mx", NO_MX_HOST)
@pytest.mark.parametrize("position", [0, 4])
def test_mx_that_can_match_no_mx_host_is_left_out(mx: str, position: int) -> None:
    lines = document().decode().splitlines()
    lines.insert(position, f"mx: {mx}")
    policy = parse_document("\n".join(lines).encode())
    assert policy.mx == ("mx.example.com",)
    assert policy.left_out == (mx.removesuffix("."),)
    assert policy.lines == tuple(lines)


@pytest.mark.row("P9")
@pytest.mark.parametrize("mx", NO_MX_HOST)
def test_policy_of_which_nothing_is_left_is_invalid(mx: str) -> None:
    assert "no mx that can match an MX host" in str(refusal(document(mx=mx)))
    assert parse_document(document(mode="none", mx=mx)).mx == ()


@pytest.mark.row("P9")
def test_usually_nothing_is_left_out() -> None:
    assert parse_document(GOOD.encode()).left_out == ()
    assert parse_document(document(mode="none", mx=None)).left_out == ()


@pytest.mark.row("P10")
@pytest.mark.parametrize(
    ("max_age", "seconds"),
    [
        ("0", 0),
        ("1", 1),
        ("0000086400", 86_400),
        ("10000000", 10_000_000),
        ("31557600", MAX_MAX_AGE),
        ("31557601", MAX_MAX_AGE),
        ("9999999999", MAX_MAX_AGE),
    ],
)
def test_max_age(max_age: str, seconds: int) -> None:
    assert parse_document(document(max_age=max_age)).max_age == seconds


LONG_NUMBERS = [
    ("00000086400", 86_400),
    ("99999999999", MAX_MAX_AGE),
    ("9" * 5_000, MAX_MAX_AGE),
    ("0" * 5_000 + "7", 7),
]


@pytest.mark.row("P10")
@pytest.mark.parametrize("max_age", [number for number, _ in LONG_NUMBERS])
def test_max_age_has_at_most_ten_digits(max_age: str) -> None:
    error = refusal(document(max_age=max_age))
    assert error.line == 4
    assert "has more than 10 digits" in str(error)


@pytest.mark.row("C1")
@pytest.mark.parametrize(("max_age", "seconds"), LONG_NUMBERS)
def test_policy_that_an_earlier_version_stored_stays_readable(max_age: str, seconds: int) -> None:
    assert parse_text(document(max_age=max_age).decode()).max_age == seconds


@pytest.mark.row("P10")
@pytest.mark.parametrize(
    "max_age",
    [
        *("1_000", "+5", "-1", "1.5", "1e5", "0x10", "86400s", "86 400", "86,400", "never", "NaN"),
        *("\u0661\u0662", "\uff11\uff12", "\u00b2", "1\u0085", "\u00a05", "5\u2028", "5\ufeff"),
    ],
)
def test_max_age_is_ascii_digits(max_age: str) -> None:
    error = refusal(document(max_age=max_age))
    assert error.line == 4
    assert "is not a number of seconds" in str(error)


@pytest.mark.row("P5")
def test_longest_document() -> None:
    head = document() + b"ext: "
    body = head + b"x" * (MAX_DOCUMENT_BYTES - len(head))
    assert len(body) == 65_536
    assert parse_document(body).mode is Mode.ENFORCE
    assert "longer than 65,536 bytes" in str(refusal(body + b"x"))


@pytest.mark.row("P5")
def test_number_of_lines_is_bounded() -> None:
    most = document() + b"a:b\n" * (MAX_LINES - 4)
    assert parse_document(most + b"\n" * 100).mode is Mode.ENFORCE
    assert "it has 1,001 lines; 1,000 are allowed" in str(refusal(most + b"a:b\n"))


@pytest.mark.row("P5")
def test_number_of_different_mx_patterns_is_bounded() -> None:
    lines = [b"mx: %d.example\n" % number for number in range(MAX_MX_PATTERNS)]
    most = document(mx=None) + b"".join(lines * 5)
    assert len(parse_document(most).mx) == MAX_MX_PATTERNS
    assert "it has 101 mx patterns; 100 are allowed" in str(refusal(most + b"mx: one.more.example"))


@pytest.mark.threat("policy-odd")
@pytest.mark.row("P6", "P8", "P9", "P10")
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass"))
    | st.lists(
        st.sampled_from(
            [
                *("version: STSv1", "mode: none", "mode:enforce", "mx: *.a.example", "max_age: 0"),
                *("\r", "\n", "\r\n", " ", "\x00", "\u2028", "\xe9", "mx:", "1", "ext: \xe9"),
                *("mx: 192.0.2.1", "mx: b.example."),
            ]
        )
    ).map(lambda parts: "\n".join(parts).encode()),
)
def test_arbitrary_bytes_raise_nothing_but_the_declared_error(body: bytes) -> None:
    outcome = parse(body)
    if isinstance(outcome, DocumentError):
        assert str(outcome).isprintable()
        assert outcome.line is None or 1 <= outcome.line <= body.count(b"\n") + 1
    else:
        assert 0 <= outcome.max_age <= MAX_MAX_AGE
        assert outcome.mx or outcome.mode is Mode.NONE
        assert all(map(is_mx_pattern, outcome.mx))
        assert not any(map(is_mx_pattern, outcome.left_out))


VCHAR = st.characters(min_codepoint=0x21, exclude_characters="\x7f", exclude_categories=["Cs"])
EXTENSION_VALUES = st.builds(
    "{}{}{}".format, VCHAR, st.text(VCHAR | st.just(" "), max_size=20), VCHAR
)
EXTENSION_NAMES = st.builds(
    str.__add__, st.sampled_from(ALNUM), st.text(ALNUM + "_-.", max_size=31)
).filter(lambda name: name not in NAMED)
WHITE_SPACE = st.text(" \t", max_size=3)
MX_PATTERNS = HOSTNAMES | HOSTNAMES.map("*.{}".format)


@pytest.mark.row("P6", "P7", "P8", "P9", "P10")
@given(st.data())
def test_every_document_of_the_grammar_is_read_as_written(data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(Mode))
    max_age = data.draw(st.integers(0, 10**10 - 1))
    mx = data.draw(st.lists(MX_PATTERNS, min_size=mode is not Mode.NONE, max_size=4, unique=True))
    extensions = data.draw(st.lists(st.tuples(EXTENSION_NAMES, EXTENSION_VALUES), max_size=4))
    named = [("version", "STSv1"), ("mode", str(mode)), ("max_age", str(max_age))]
    order = data.draw(st.permutations(named + extensions))
    for pattern in mx:
        position = data.draw(st.integers(0, len(order)))
        order.insert(position, ("mx", pattern))

    lines = [
        f"{name}:{data.draw(WHITE_SPACE)}{value}{data.draw(WHITE_SPACE)}" for name, value in order
    ]
    terms = [data.draw(st.sampled_from(["\n", "\r\n"])) for _ in lines]
    terms[-1] = data.draw(st.sampled_from(["\n", "\r\n", ""]))
    body = "".join(itertools.chain.from_iterable(zip(lines, terms, strict=True)))

    policy = parse_document(body.encode())
    assert policy.mode is mode
    assert policy.max_age == min(max_age, MAX_MAX_AGE)
    assert policy.mx == tuple(value for name, value in order if name == "mx")
    assert policy.lines == tuple(lines)
