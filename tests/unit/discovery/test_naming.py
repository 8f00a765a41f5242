"""Who this host says it is."""

import socket

import pytest

from mtasts_resolver.discovery.mailhost import naming


@pytest.mark.parametrize(
    ("name", "canonical", "said"),
    [
        ("mail.example.org", "", "mail.example.org"),
        ("Mail.Example.Org", "", "mail.example.org"),
        ("mail", "mail.example.org", "mail.example.org"),
        ("mail", "mail", None),
        ("mail", "localhost.localdomain", None),
        ("localhost", "localhost", None),
        ("a_b", "", None),
    ],
)
async def test_only_a_name_that_others_could_know_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, canonical: str, said: str | None
) -> None:
    async def look_up(host: str) -> str:
        assert host == name.lower()
        return canonical

    monkeypatch.setattr(socket, "gethostname", lambda: name)
    monkeypatch.setattr(naming, "canonical_name", look_up)
    assert await naming.own_name() == said


async def test_the_host_is_asked_for_its_full_name() -> None:
    assert await naming.canonical_name("127.0.0.1") == "127.0.0.1"
    assert await naming.canonical_name("x.invalid") == ""
