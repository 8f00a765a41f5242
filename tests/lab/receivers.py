"""The SMTP receivers that MX records point to, each on an address of its own."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from .events import Event, Mail


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
        for recipient in envelope.rcpt_tos:
            self._tell(Mail(self._name, recipient, tls is not None, sni))
        return "250 2.0.0 Taken"
