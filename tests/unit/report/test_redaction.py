"""What is given away of a report names nobody: whatever was in it, and wherever."""

import re
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mtasts_resolver.cli.reporting.text import report_text
from mtasts_resolver.evidence.report import EvidenceReport, UnknownLine
from mtasts_resolver.report.csvfiles import TABLES, csv_text
from mtasts_resolver.report.html.page import as_html
from mtasts_resolver.report.machine import as_json
from mtasts_resolver.report.redaction.keys import LEAST_KEY, RedactionKeyError, redaction_key
from mtasts_resolver.report.redaction.pseudonyms import Pseudonyms
from mtasts_resolver.report.redaction.walk import every_text, redacted
from tests.unit.report.madeup import made_up, with_everywhere

KEY = b"a key of the tests, long enough"


def hidden(reason: str, *, domains: bool = False) -> str:
    """Return what becomes of Postfix's words."""
    failure = replace(made_up().failures[0], reason=reason)
    return redacted(made_up(failures=(failure,)), KEY, domains=domains).failures[0].reason


USER = Pseudonyms(KEY).of_local_part("some.body")
HOST4 = Pseudonyms(KEY).of_address("192.0.2.7")
HOST6 = Pseudonyms(KEY).of_address("2001:db8::7")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to=<some.body@a.example>,", f"to=<{USER}@a.example>,"),
        ("to=some.body@a.example", f"to={USER}@a.example"),
        ("mailto:Some.Body@a.example", f"mailto:{USER}@a.example"),
        ('"some.body"@a.example is', f"{USER}@a.example is"),
        ('<"some.body"@a.example>', f"<{USER}@a.example>"),
        ("<some.body>: unknown", f"<{USER}>: unknown"),
        ("<some.body@a.example>: no some.body here", f"<{USER}@a.example>: no {USER} here"),
        ("<>", "<>"),
        ("mx.a.example[192.0.2.7]:25", f"mx.a.example[{HOST4}]:25"),
        ("mx.a.example[2001:db8::7]:25", f"mx.a.example[{HOST6}]:25"),
        ("some.body@[192.0.2.7]", f"{USER}@[{HOST4}]"),
        ("some.body@[IPv6:2001:DB8:0::7]", f"{USER}@[IPv6:{HOST6}]"),
        ("to 2001:db8:0:0:0:0:0:7: refused", f"to {HOST6}: refused"),
        ("from ::ffff:192.0.2.7.", f"from {HOST4}."),
        ("at 12:34:56 with TLSv1.3, 3.7.11", "at 12:34:56 with TLSv1.3, 3.7.11"),
        ("Server certificate not verified", "Server certificate not verified"),
    ],
)
def test_within_a_text_what_names_a_person_is_hidden_and_nothing_else(
    text: str, shown: str
) -> None:
    assert hidden(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        'to=<"secret\\" one"@a.example>',
        '<"<secret>"@a.example>',
        "<secret one@a.example>",
        "secret=b.example@a.example",
        "<@relay.example:secret@a.example>",
        "host mx.example[192.0.2.7] said: 550 5.1.1 no such user: secret",
        "host mx.example refused to start TLS: 454 4.7.0 ask secret",
        "/home/secret/mail",
        "/var/spool/mail/secret",
        "open /srv/secret.mbox: no",
    ],
)
def test_odd_recipients_and_others_words_are_hidden(text: str) -> None:
    assert "secret" not in hidden(text)


@pytest.mark.parametrize(
    "text",
    [
        "host-198-51-100-9.isp.example",
        "9.100.51.198.in-addr.arpa",
        "198x51x100x9.isp.example",
    ],
)
def test_an_address_within_a_name_is_hidden(text: str) -> None:
    shown = hidden(f"from {text}")
    assert not re.search(r"51.100|100.51", shown)
    assert shown.endswith((".isp.example", ".in-addr.arpa"))


@pytest.mark.parametrize(
    "text",
    [
        "mx.secret.example",
        "secret.xn--p1ai.",
        "*.secret.example",
        "_mta-sts.secret.example",
        "münchen-secret.example",
        "see https://secret/now",
        "untrusted issuer /C=XX/O=The Secret Bank/CN=Root",
        "[mx.secret.dc1]:25",
    ],
)
def test_with_domains_names_are_hidden_too(text: str) -> None:
    assert "secret" not in hidden(text, domains=True).lower()


def test_a_host_without_a_domain_is_hidden_in_words_too() -> None:
    shown = as_json(redacted(made_up(), KEY, domains=True)).decode()
    assert "mail1" not in shown
    assert "mail2" not in shown


def test_a_host_still_lies_below_its_domain() -> None:
    names = Pseudonyms(KEY)
    host, domain = names.of_name("MX1.Partner.example."), names.of_name("partner.example")
    assert host.endswith(f".{domain}")
    assert names.of_name("_mta-sts.partner.example") == f"_mta-sts.{domain}"


def test_the_same_key_makes_the_same_pseudonyms_and_another_makes_others() -> None:
    one, two = (redacted(made_up(), KEY, domains=True) for _ in range(2))
    other = redacted(made_up(), KEY + b"!", domains=True)
    assert one == two
    assert one.redaction_mark != other.redaction_mark
    names = {row.domain for row in one.outbound_domains}
    assert names & {row.domain for row in other.outbound_domains} == {"(others)"}


def test_numbers_times_and_verdicts_stay() -> None:
    before, after = made_up(), redacted(made_up(), KEY, domains=True)
    for name in ("figures", "period", "outbound", "inbound", "changes", "postfix_versions"):
        assert getattr(after, name) == getattr(before, name)
    assert [one.verdict for one in after.controls] == [one.verdict for one in before.controls]
    assert [one.sha256 for one in after.inputs] == [one.sha256 for one in before.inputs]
    assert [one.name for one in after.inputs][:2] == [one.name for one in before.inputs][:2]
    versions = ("3.11-20251231-nonprod", "3.7.11")
    report = redacted(made_up(postfix_versions=versions), KEY, domains=True)
    assert report.postfix_versions == versions


def test_a_line_that_nobody_knows_says_nothing_but_its_program() -> None:
    lines = (UnknownLine("smtp: to bob", 2), UnknownLine("Bob: was here", 1))
    one, two = redacted(made_up(unknown_lines=lines), KEY).unknown_lines
    assert one.text.startswith("smtp: l-")
    assert two.text.startswith("l-")


# -- whatever it is, wherever it is ----------------------------------------------------------------

# What cannot be in a report by chance.
_RARE = "zqzq"
_WORD = st.text(st.sampled_from("abcxyz019-"), min_size=1, max_size=8).map(
    lambda rest: f"{_RARE}{rest}".rstrip("-")
)
_LOCAL = st.one_of(
    _WORD,
    st.text(st.sampled_from("ab.+=/!#$%&'*?^_`{|}~-"), max_size=8).map(lambda t: f"{_RARE}{t}x"),
    st.text(st.sampled_from("ab <>@,:;()[]"), max_size=8).map(lambda t: f'"{_RARE}{t}x"'),
)
_DOMAIN = st.lists(_WORD, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
_ADDRESS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}"),
)
_CONTEXT = st.sampled_from(
    [
        "{}",
        "words {}, more",
        "to=<{}>, relay=none",
        "({})",
        "host x[{}]:25",
        "said {}: and so on",
        "<{}>",
        "a\t{}\n",
    ]
)


def told(report: EvidenceReport) -> str:
    """Return all of its texts, a line each."""
    return "\n".join(text for _, text in every_text(report, ""))


@pytest.mark.threat("report-tells")
@given(_LOCAL, _DOMAIN, _CONTEXT, st.booleans())
def test_no_local_part_is_found_in_any_text(
    local: str, domain: str, context: str, domains: bool
) -> None:
    report = with_everywhere(made_up(), context.format(f"{local}@{domain.replace(_RARE, 'd')}"))
    assert _RARE not in told(redacted(report, KEY, domains=domains)).lower()


@given(_ADDRESS, _CONTEXT, st.booleans())
def test_no_address_is_found_in_any_text(address: str, context: str, domains: bool) -> None:
    report = with_everywhere(made_up(), context.format(address))
    text = told(redacted(report, KEY, domains=domains))
    for found in set(re.findall(r"[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*", text)):
        assert not is_address(found.strip("."), address), found


@pytest.mark.threat("report-tells")
@given(_DOMAIN, _CONTEXT)
def test_no_domain_is_found_in_any_text(domain: str, context: str) -> None:
    report = with_everywhere(made_up(), context.format(domain))
    assert _RARE not in told(redacted(report, KEY, domains=True)).lower()


def test_no_form_says_more_than_the_report_that_it_is_of() -> None:
    said = f'to=<"{_RARE} x"@{_RARE}.example>, relay=mx.{_RARE}.example[198.51.100.9]:25'
    report = redacted(with_everywhere(made_up(), said), KEY, domains=True)
    for form in (
        as_json(report).decode(),
        report_text(report, columns=80, everything=True),
        *(csv_text(report, name) for name in TABLES),
        as_html(report),
    ):
        assert _RARE not in form
        assert "198.51.100.9" not in form


def is_address(text: str, address: str) -> bool:
    try:
        return parsed(text) == parsed(address)
    except ValueError:
        return False


def parsed(text: str) -> IPv4Address | IPv6Address:
    found = IPv6Address(text) if ":" in text else IPv4Address(text)
    return getattr(found, "ipv4_mapped", None) or found


# -- the key ---------------------------------------------------------------------------------------


def test_without_a_file_each_report_has_a_key_of_its_own() -> None:
    assert redaction_key(None) != redaction_key(None)


def test_a_key_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY + b"\n")
    assert redaction_key(file) == KEY


@pytest.mark.parametrize("content", [b"", b"short\n", b"k" * (LEAST_KEY - 1), b"k" * 10_000])
def test_what_is_no_key_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(RedactionKeyError, match="openssl rand"):
        redaction_key(file)
    with pytest.raises(RedactionKeyError, match="No such file"):
        redaction_key(tmp_path / "none")
