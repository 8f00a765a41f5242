"""Which domains are to be checked, whatever was typed, and whatever stands in a file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtasts_resolver.cli.checked import named
from mtasts_resolver.cli.checked.named import named_domains
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.policy import parse_next_hop


@pytest.mark.parametrize(
    ("word", "domain", "note"),
    [
        ("good.example", "good.example", ""),
        ("GOOD.Example.", "good.example", ""),
        ("bücher.example", "xn--bcher-kva.example", ""),
        ("user@good.example", "good.example", "is a mail address: good.example is checked"),
        ("A User <u@good.example>", "good.example", "is a mail address"),
        (
            "mta-sts.good.example",
            "mta-sts.good.example",
            "to check its domain, name 'good.example'",
        ),
    ],
)
def test_a_domain_is_named(word: str, domain: str, note: str) -> None:
    found = named_domains([word], None)
    assert found.domains == (domain,)
    assert note in "".join(found.notes)
    assert bool(note) is bool(found.notes)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("localhost", "it is a single label"),
        ("", "it is empty"),
        ("192.0.2.1", "is an address, and no policy applies to one"),
        ("2001:db8::1", "is an address"),
        ("user@[192.0.2.1]", "is a mail address"),
        ("https://mta-sts.good.example/x", "is a URL, no domain; did you mean 'good.example'?"),
        ("[relay.example]:587", "is a smart host: name the domain, 'relay.example'"),
        ("[relay.example]", "is a smart host"),
        ("good.example:25", "is a domain with a port: name the domain, 'good.example'"),
        ("_mta-sts.good.example", "did you mean 'good.example'?"),
        ("good.example\x1b[31m", "'good.example\\x1b[31m'"),
    ],
)
def test_what_names_no_domain_ends_the_command(word: str, reason: str) -> None:
    with pytest.raises(CommandError) as caught:
        named_domains(["good.example", word], None)
    assert reason in caught.value.message


def test_a_file_has_comments_and_empty_lines_and_what_is_wrong_has_a_number(
    tmp_path: Path,
) -> None:
    file = tmp_path / "domains"
    file.write_bytes(
        b"\xef\xbb\xbf# ours\r\ngood.example  # since 2019\r\n\r\nb\xc3\xbccher.example\n"
        b"u@other.example\nnot a domain\n\xff\xfe.example\nGood.Example"
    )
    found = named_domains(["first.example"], file)
    assert found.domains == (
        *("first.example", "good.example", "xn--bcher-kva.example", "other.example"),
    )
    assert [fault.partition(": '")[0] for fault in found.faults] == [
        f"{file}: line 6",
        f"{file}: line 7",
    ]
    mail, again = found.notes
    assert mail.startswith(f"{file}: line 5: 'u@other.example' is a mail address")
    assert again.startswith("once a domain is named that was named before")


def test_a_file_that_is_no_list_of_domains(tmp_path: Path) -> None:
    file = tmp_path / "mail.log"
    file.write_text("a line of another kind\n" * (named.MAX_FAULTS + 1))
    with pytest.raises(CommandError, match=f"is {file} a list of domains, one in each line"):
        named_domains([], file)


def test_a_file_with_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "MAX_DOMAINS", 2)
    file = tmp_path / "domains"
    file.write_text("a.example\nb.example\na.example\n")
    assert len(named_domains([], file).domains) == 2
    file.write_text("a.example\nb.example\nc.example\n")
    with pytest.raises(CommandError, match="more than 2 domains"):
        named_domains([], file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(CommandError, match=reason):
            named_domains([], path)


@given(st.text(max_size=60) | st.text("a.@:/[]<> _-1", max_size=30))
def test_whatever_is_typed_is_a_domain_or_said_to_be_none(word: str) -> None:
    try:
        found = named_domains([word], None)
    except CommandError as error:
        faults = error.message
    else:
        faults = ""
        (domain,) = found.domains
        assert str(parse_next_hop(domain)) == domain
        assert all(note.isprintable() for note in found.notes)
    assert faults.isprintable()
