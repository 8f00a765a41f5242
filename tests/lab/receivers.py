"""The SMTP receivers that MX records point to, each on an address of its own."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from .events import Event, Mail
from .published import MailHost, Smtp

SCRIPTS = {
    Smtp.REFUSES: {"": "554 5.7.1 {name} does not want mail", "EHLO": "503 5.5.1 Not here"},
    Smtp.REFUSES_STARTTLS: {"STARTTLS": "454 4.7.0 TLS is not available"},
    Smtp.INJECTS: {"STARTTLS": "220 2.0.0 Ready\r\n250 2.0.0 I was not asked"},
    Smtp.IS_NO_SMTP: {"": "SSH-2.0-OpenSSH_9.2"},
}
"""What receivers say to a command that is no mail's; to none, at first."""
USUAL = {
    "": "220 {name} ESMTP",
    "EHLO": "250-{name}\r\n250 STARTTLS",
    "QUIT": "221 2.0.0 Bye",
}


class Receiver:
    """Takes every mail, and reports how it came."""

    def __init__(
        self, name: str, context: ssl.SSLContext | None, tell: Callable[[Event], None]
    ) -> None:
        self._name = name
        self._context = context
        self._tell = tell
        self._sni: dict[int, str | None] = {}
        if context is not None:
            context.sni_callback = self._remember_sni

    async def listen(self, address: str, port: int) -> None:
        await asyncio.get_running_loop().create_server(self._protocol, address, port)

    def _protocol(self) -> SMTP:
        return SMTP(
            self, hostname=self._name, tls_context=self._context, enable_SMTPUTF8=True, timeout=60
        )

    def _remember_sni(
        self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> None:
        self._sni[id(tls)] = name

    async def handle_DATA(  # noqa: N802  the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        transport: Any = session.ssl
        tls = None if transport is None else transport["ssl_object"]
        sni = self._sni.pop(id(tls), None)
        version, cipher = (tls.version(), tls.cipher()[0]) if tls else ("", "")
        for recipient in envelope.rcpt_tos:
            self._tell(Mail(self._name, recipient, tls is not None, sni, version, cipher))
        return "250 2.0.0 Taken"


class ScriptedReceiver:
    """Takes no mail: it says what stands in its script, until its guest has had enough."""

    def __init__(self, name: str, script: Mapping[str, str]) -> None:
        self._name = name
        self._script = script

    async def listen(self, address: str, port: int) -> None:
        await asyncio.start_server(self._serve, address, port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = ""
        with contextlib.suppress(ConnectionError):  # its guests have reason to go away
            while not said.startswith("221"):
                command = (await reader.readline()).split() if said else [b""]
                if not command:
                    break
                verb = command[0].decode("latin-1").upper()
                said = self._script.get(verb, "502 5.5.1 Not here").format(name=self._name)
                writer.write(f"{said}\r\n".encode())
                await writer.drain()
        writer.close()


def receiver_of(
    host: MailHost, context: ssl.SSLContext | None, tell: Callable[[Event], None]
) -> Receiver | ScriptedReceiver:
    """Return what is to listen for a host."""
    if host.smtp in SCRIPTS:
        return ScriptedReceiver(host.name, USUAL | SCRIPTS[host.smtp])
    return Receiver(host.name, context, tell)
