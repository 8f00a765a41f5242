"""Postfix's lists and tables, whatever somebody has written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.config import Config, InetAddress, UnixAddress
from mtasts_resolver.doctor.instance import chroot_by_default, list_items, numbers
from mtasts_resolver.doctor.outbound.protocols import VERSIONS, taken
from mtasts_resolver.doctor.outbound.tables import AskedTable, parse_tables
from mtasts_resolver.doctor.running import text_lines
from mtasts_resolver.doctor.surroundings import LookupPlace, OurLookups

QUEUE = "/var/spool/postfix"
UNIX = LookupPlace("socketmap", UnixAddress(f"{QUEUE}/mtasts/socketmap"))
OURS = OurLookups.configured(Config(), (UNIX,))

# What such values are made of, so that examples resemble them.
values = st.text(
    st.sampled_from("{}:,[] \tabcdt.0189/!<>=")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0")
)


def parsed(text: str, *, chroot: bool = False) -> AskedTable:
    (table,) = parse_tables(text, OURS, QUEUE, chroot=chroot)
    return table


@given(values)
def test_a_list_loses_nothing_but_what_parts_it(value: str) -> None:
    parting = str.maketrans("", "", ", \t\r\n")
    assert "".join(list_items(value)).translate(parting) == value.translate(parting)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", []),
        (" a,b\tc\n", ["a", "b", "c"]),
        ("inline:{a=b, {c = d e}} hash:/x", ["inline:{a=b, {c = d e}}", "hash:/x"]),
        ("{ open a, b", ["{ open a, b"]),
        ("} a", ["}", "a"]),
    ],
)
def test_what_stands_in_braces_is_not_parted(value: str, found: list[str]) -> None:
    assert list_items(value) == found


@given(values, st.booleans())
def test_any_text_is_some_table(value: str, chroot: bool) -> None:
    for table in parse_tables(value, OURS, QUEUE, chroot=chroot):
        assert table.text in value
        assert not (table.ours and table.malformed)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("socketmap:inet:127.0.0.1:8461:default", InetAddress("127.0.0.1", 8461)),
        ("proxy:socketmap:inet:LOCALHOST:8461:x", InetAddress("localhost", 8461)),
        ("socketmap:inet:[0:0::1]:8461:x", InetAddress("::1", 8461)),
        ("socketmap:inet:8461:x", InetAddress("localhost", 8461)),
        ("tcp:mail.example:25", InetAddress("mail.example", 25)),
        ("socketmap:unix:mtasts/socketmap:x", UNIX.address),
    ],
)
def test_where_a_table_is_asked(text: str, address: InetAddress) -> None:
    table = parsed(text)
    assert (table.address, table.malformed) == (address, "")
    assert table.is_remote


@pytest.mark.parametrize(
    "text",
    [
        "/etc/postfix/tls_policy",
        "socketmap:inet:127.0.0.1:8461",
        "socketmap:127.0.0.1:8461:default",
        "socketmap:unix:/x",
        "socketmap:",
        "tcp:",
        "tcp:::1:8462",
    ],
)
def test_what_postfix_would_not_read(text: str) -> None:
    assert parsed(text).malformed


def test_ours_is_known_by_protocol_and_place() -> None:
    assert parsed("socketmap:inet:localhost:8461:x").ours
    assert not parsed("tcp:127.0.0.1:8461").ours
    assert not parsed("socketmap:inet:127.0.0.1:8462:x").ours
    assert not parsed("socketmap:inet:192.0.2.1:8461:x").ours
    jailed = parsed(f"socketmap:unix:{QUEUE}/mtasts/socketmap:x", chroot=True)
    assert (jailed.ours, jailed.outside_jail) == (True, True)
    free = parsed(f"proxy:socketmap:unix:{QUEUE}/mtasts/socketmap:x", chroot=True)
    assert (free.ours, free.outside_jail) == (True, False)


def test_a_place_is_named_as_postfix_reads_it() -> None:
    for place in (
        LookupPlace("socketmap", InetAddress("::", 8461)),
        LookupPlace("tcp_table", InetAddress("0.0.0.0", 8462)),
        UNIX,
    ):
        ours = OurLookups(places=(place,), config=Config())
        text = place.table("default", QUEUE)
        (table,) = parse_tables(text, ours, QUEUE, chroot=True)
        assert (table.ours, table.outside_jail) == (True, False), text


@given(values)
def test_any_list_of_versions_is_read_or_refused(value: str) -> None:
    versions = taken(value)
    assert versions is None or versions <= set(VERSIONS)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", set(VERSIONS)),
        (">=TLSv1.2", {"tlsv1.2", "tlsv1.3"}),
        (">= TLSv1.2 <= TLSv1.2", {"tlsv1.2"}),
        ("!SSLv2:!SSLv3, !TLSv1 !TLSv1.1", {"tlsv1.2", "tlsv1.3"}),
        ("TLSv1.1 tlsv1.2 !TLSv1.1", {"tlsv1.2"}),
        ("0x0303, 0304", {"tlsv1.2", "tlsv1.3"}),
        ("TLSv1.0", None),
        (">=TLSv1.2 maybe", None),
        (">=", None),
    ],
)
def test_versions_of_tls(value: str, found: set[str] | None) -> None:
    assert taken(value) == found


@pytest.mark.parametrize(
    ("level", "chrooted"), [("0", True), ("", True), ("1", False), ("3.6", False)]
)
def test_chroot_by_default(level: str, chrooted: bool) -> None:
    assert chroot_by_default(level) == chrooted


def test_versions_compare_as_numbers() -> None:
    assert numbers("3.10.5") > numbers("3.9")
    assert numbers("nonsense") == ()


def test_only_a_line_feed_ends_a_line() -> None:
    assert text_lines("a = \x0bb = c\x85d\u2028\n\ne = f\n") == [
        "a = \x0bb = c\x85d\u2028",
        "",
        "e = f",
    ]
    assert text_lines("") == []
