"""STARTTLS with real MX hosts, honest and hostile ones."""

import asyncio
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from mtasts_resolver.discovery.mailhost import conversation as conversations
from mtasts_resolver.discovery.mailhost import visit as visits
from mtasts_resolver.discovery.mailhost.conversation import MAX_REPLY, MAX_REPLY_LINES
from mtasts_resolver.discovery.mailhost.visit import MailHostVisit
from mtasts_resolver.discovery.tls import wire as wires
from mtasts_resolver.discovery.tls.authorities import TrustStore
from mtasts_resolver.discovery.tls.shown import ShownTls
from mtasts_resolver.discovery.visit import VisitError
from tests.unit.discovery.mailhost import (
    EHLO,
    GREETING,
    MX,
    NO_STARTTLS,
    mail_host,
    outdated_tls,
)
from tests.unit.discovery.policyhost import say, tls
from tests.unit.discovery.servers import stream_server, unused_port
from tests.unit.discovery.test_certificates import self_signed

NAME = "client.example"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
FLOOD = b"250-" + b"x" * 60 + b"\r\n"


def visit_to(port: int, address: str = "127.0.0.1", name: str | None = NAME) -> MailHostVisit:
    return MailHostVisit(MX, address, name, port)


def trusting(ca_file: Path) -> TrustStore:
    return TrustStore(ca_file, alpn=())


def der(certificate: trustme.LeafCert, at: int = 0) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[at].bytes().decode())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def code_of(look: Awaitable[ShownTls | None]) -> str:
    with pytest.raises(VisitError) as raised:
        await look
    return raised.value.code


async def test_a_good_host_is_asked_for_its_certificate_and_nothing_more(
    ca: trustme.CA, ca_file: Path
) -> None:
    certificate = ca.issue_cert(MX)
    async with mail_host(tls(certificate)) as server:
        visit = visit_to(server.port)
        shown = await visit.look(trusting(ca_file))
        assert shown is not None
        assert (visit.greeting, visit.starttls) == ("mx.x.example ESMTP", True)
        assert shown.version == "TLSv1.3"
        assert shown.cipher
        assert shown.rejection is None
        assert shown.outdated == ()
        assert shown.chain[0] == der(certificate)
        assert set(server.plain) == {b"EHLO client.example\r\n", b"STARTTLS\r\n"}
        assert server.secured == [b"QUIT\r\n"]
        assert set(server.names) == {MX}
        assert set(server.alpn) == {None}


async def test_a_host_that_offers_no_starttls_is_left_politely(ca_file: Path) -> None:
    async with mail_host(None, ehlo=NO_STARTTLS) as server:
        visit = visit_to(server.port)
        assert await visit.look(trusting(ca_file)) is None
        assert visit.starttls is False
        assert server.plain == [b"EHLO client.example\r\n", b"QUIT\r\n"]


async def test_who_has_no_name_says_its_address(ca_file: Path) -> None:
    async with (
        mail_host(None, ehlo=NO_STARTTLS) as four,
        mail_host(None, ehlo=NO_STARTTLS, host="::1") as six,
    ):
        await visit_to(four.port, name=None).look(trusting(ca_file))
        await visit_to(six.port, "::1", name=None).look(trusting(ca_file))
        assert four.plain[0] == b"EHLO [127.0.0.1]\r\n"
        assert six.plain[0] == b"EHLO [IPv6:::1]\r\n"


# -- certificates --------------------------------------------------------------------------------


async def test_a_certificate_is_rejected_and_shown_all_the_same(
    ca: trustme.CA, ca_file: Path
) -> None:
    rejected = {
        "certificate-names-another": ca.issue_cert("mx.y.example"),
        "certificate-expired": ca.issue_cert(MX, not_after=NOW - DAY, not_before=NOW - 9 * DAY),
        "certificate-not-yet-valid": ca.issue_cert(
            MX, not_before=NOW + DAY, not_after=NOW + 9 * DAY
        ),
        "certificate-issuer-unknown": trustme.CA().issue_cert(MX),
    }
    for code, certificate in rejected.items():
        async with mail_host(tls(certificate)) as server:
            shown = await visit_to(server.port).look(trusting(ca_file))
        assert shown is not None
        assert shown.rejection is not None
        assert shown.rejection.code == code
        assert MX in shown.rejection.reason
        assert shown.chain[0] == der(certificate)


async def test_what_is_lacking_of_a_chain_is_told_from_what_vouches_for_itself(
    ca: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    alone = ca.create_child_ca().issue_cert(MX)
    (tmp_path / "alone.pem").write_bytes(
        alone.private_key_pem.bytes() + alone.cert_chain_pems[0].bytes()
    )
    without_issuer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    without_issuer.load_cert_chain(tmp_path / "alone.pem")
    for context, code in (
        (without_issuer, "certificate-issuer-unknown"),
        (self_signed(tmp_path), "certificate-self-signed"),
    ):
        async with mail_host(context) as server:
            shown = await visit_to(server.port).look(trusting(ca_file))
        assert shown is not None
        assert shown.rejection is not None
        assert shown.rejection.code == code
        assert len(shown.chain) == 1


async def test_a_rejection_is_told_where_the_host_takes_no_second_connection(
    ca: trustme.CA, ca_file: Path
) -> None:
    async with mail_host(tls(ca.issue_cert("y.example")), connections=1) as server:
        shown = await visit_to(server.port).look(trusting(ca_file))
    assert shown is not None
    assert (shown.version, shown.cipher, shown.chain) == ("", "", ())
    assert shown.rejection is not None
    assert shown.rejection.code == "certificate-names-another"


async def test_a_common_name_does_not_count(ca: trustme.CA, ca_file: Path) -> None:
    async with mail_host(tls(ca.issue_cert("y.example", common_name=MX))) as server:
        shown = await visit_to(server.port).look(trusting(ca_file))
    assert shown is not None
    assert shown.rejection is not None
    assert shown.rejection.code == "certificate-names-another"


async def test_the_chain_is_shown_as_it_was_sent(ca: trustme.CA, ca_file: Path) -> None:
    intermediate = ca.create_child_ca()
    certificate = intermediate.issue_cert(MX)
    async with mail_host(tls(certificate)) as server:
        shown = await visit_to(server.port).look(trusting(ca_file))
    assert shown is not None
    assert shown.chain == (der(certificate), der(certificate, 1))


# -- versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lowest", "highest", "outdated"),
    [
        ("TLSv1", "TLSv1_3", ("TLSv1.1", "TLSv1")),
        ("TLSv1_1", "TLSv1_3", ("TLSv1.1",)),
        ("TLSv1_2", "TLSv1_2", ()),
    ],
)
async def test_outdated_versions_are_found_beside_those_of_today(
    ca: trustme.CA, ca_file: Path, lowest: str, highest: str, outdated: tuple[str, ...]
) -> None:
    async with mail_host(outdated_tls(ca.issue_cert(MX), lowest, highest)) as server:
        shown = await visit_to(server.port).look(trusting(ca_file))
    assert shown is not None
    assert shown.rejection is None
    assert shown.version == highest.replace("_", ".")
    assert shown.outdated == outdated


async def test_a_host_of_outdated_versions_alone_is_shown_as_such(
    ca: trustme.CA, ca_file: Path
) -> None:
    async with mail_host(outdated_tls(ca.issue_cert(MX), "TLSv1", "TLSv1")) as server:
        shown = await visit_to(server.port).look(trusting(ca_file))
    assert shown is not None
    assert shown.version == "TLSv1"
    assert shown.outdated == ("TLSv1",)
    assert shown.rejection is not None
    assert shown.rejection.code == "tls-outdated"


# -- broken and hostile hosts --------------------------------------------------------------------


@pytest.mark.threat("smtp-injects")
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"greeting": b"554 5.7.1 go away\r\n"}, "smtp-refused"),
        ({"greeting": b"421 busy\r\n"}, "smtp-refused"),
        ({"greeting": b"HTTP/1.1 400 Bad Request\r\n"}, "smtp-invalid"),
        ({"greeting": b"\x16\x03\x01\x00\n"}, "smtp-invalid"),
        ({"greeting": b"SSH-2.0-OpenSSH_9.2\r\n"}, "smtp-invalid"),
        ({"ehlo": b"502 never heard of it\r\n"}, "smtp-refused"),
        ({"ehlo": FLOOD * (MAX_REPLY_LINES + 1)}, "smtp-invalid"),
        ({"greeting": b"220-" + b"x" * (MAX_REPLY + 1)}, "smtp-invalid"),
        ({"starttls": b"454 not now\r\n"}, "starttls-refused"),
        ({"starttls": b"220 go ahead\r\n250 injected\r\n"}, "starttls-injection"),
    ],
)
async def test_what_is_no_proper_smtp_ends_the_visit(
    ca: trustme.CA, ca_file: Path, said: dict[str, Any], code: str
) -> None:
    host = partial(mail_host, None, **said)
    async with host() as server:
        assert await code_of(visit_to(server.port).look(trusting(ca_file))) == code


@pytest.mark.threat("smtp-garbage")
@pytest.mark.parametrize("field", ["greeting", "ehlo", "starttls"])
@pytest.mark.parametrize(
    "reply",
    [
        *(b"\n", b"\r\n", b"2\n", b"22\xb2 x\n", b"220", b"-\n", b"\0\0\0\0\n", b"+20 x\r\n"),
        *(b"999 x\r\n", b"220-x\r\n", b"220-x\r\n554 x\r\n", b"000\n", b"-22 x\n", b"2_0 x\n"),
        *(b"220\xff\r\n", b"\r220 x\r\n", b"\xff" * 9_000 + b"\n", b"220 " + b"x" * 9_000 + b"\n"),
    ],
)
async def test_whatever_a_host_says_the_visit_ends_as_one_does(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch, field: str, reply: bytes
) -> None:
    monkeypatch.setattr(visits, "CONVERSATION_TIMEOUT", 0.05)
    said: dict[str, Any] = {field: reply}
    host = partial(mail_host, None, **said)
    async with host() as server:
        visit = visit_to(server.port)
        with suppress(VisitError):
            assert await visit.look(trusting(ca_file)) is None
    assert visit.greeting.isprintable()


@pytest.mark.threat("smtp-garbage")
async def test_words_of_a_host_are_made_printable(ca_file: Path) -> None:
    async with mail_host(None, greeting=b"554 \x1b[2J\xff go\r\n") as server:
        with pytest.raises(VisitError, match=r"554 .*x1b\[2J.* go") as raised:
            await visit_to(server.port).look(trusting(ca_file))
    assert str(raised.value).isprintable()


async def test_what_is_no_tls_behind_starttls_is_told(ca_file: Path) -> None:
    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say more in plain text as soon as TLS has begun."""
        for words in (GREETING, EHLO, b"220 go ahead\r\n"):
            writer.write(words)
            if words != b"220 go ahead\r\n":
                await reader.readline()
        await reader.read(1)
        await say(b"250 in plain text\r\n", writer, reader)

    async with stream_server(inject) as port:
        assert await code_of(visit_to(port).look(trusting(ca_file))) == "tls-failed"


async def test_a_host_that_closes_early_broke_off(ca_file: Path) -> None:
    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with stream_server(close) as port:
        assert await code_of(visit_to(port).look(trusting(ca_file))) == "conversation-broken"


async def test_where_nobody_listens_is_unreachable(ca_file: Path) -> None:
    assert await code_of(visit_to(unused_port()).look(trusting(ca_file))) == "unreachable"


async def test_a_silent_host_is_not_waited_for(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "CONVERSATION_TIMEOUT", 0.1)
    async with mail_host(None, greeting=b"") as server:
        with pytest.raises(VisitError, match="it has not greeted") as raised:
            await visit_to(server.port).look(trusting(ca_file))
    assert raised.value.code == "conversation-timeout"


@pytest.mark.threat("smtp-endless")
async def test_a_host_that_sends_byte_by_byte_is_left(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wires, "MAX_WAITS", 20)

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"2")
            await writer.drain()
            await asyncio.sleep(0.001)

    async with stream_server(drip) as port:
        assert await code_of(visit_to(port).look(trusting(ca_file))) == "smtp-invalid"


@pytest.mark.threat("smtp-endless")
async def test_a_host_that_never_ends_its_reply_is_held_back_and_left(ca_file: Path) -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(FLOOD * 100)
            await writer.drain()

    async with stream_server(flood) as port:
        assert await code_of(visit_to(port).look(trusting(ca_file))) == "smtp-invalid"


async def test_a_host_without_an_answer_to_quit_is_left_all_the_same(
    ca: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "QUIT_TIMEOUT", 0.1)
    async with mail_host(tls(ca.issue_cert(MX)), quit=b"") as server:
        assert await visit_to(server.port).look(trusting(ca_file)) is not None


async def test_a_visit_leaves_nothing_open(
    ca: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "CONVERSATION_TIMEOUT", 0.3)
    async with mail_host(tls(ca.issue_cert("y.example"))) as server, mail_host(None) as broken:
        for port in (server.port, broken.port):
            before = open_files()
            with suppress(VisitError):
                await visit_to(port).look(trusting(ca_file))
            await asyncio.sleep(0.01)
            assert open_files() <= before
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "smtp"]
