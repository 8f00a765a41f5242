"""SMTP with one address of an MX host, as far as to where TLS begins (RFC 3207).

aiosmtplib speaks it, to one end of a socket pair. What it says goes from the other end to the host,
and what the host says comes back one reply at a time. So all bounds are kept here, and plain text
behind the answer to STARTTLS stays where TLS alone reads (tls/wire.py): it can never pass for
something that was said within TLS.

    aiosmtplib ── socket pair ── Conversation ── Wire, then Tls over it ── MX host
"""

import asyncio
import socket
from contextlib import suppress

import aiosmtplib

from mtasts_resolver.base.quoting import printable
from mtasts_resolver.discovery.errors import ConnectError
from mtasts_resolver.discovery.oserrors import os_reason, shortage
from mtasts_resolver.discovery.tls.wire import Tls, Wire
from mtasts_resolver.discovery.visit import VisitError

# Of one reply. Those to EHLO have twenty lines and a thousand bytes, a greeting with terms of use
# a few thousand.
MAX_REPLY = 16_384
MAX_REPLY_LINES = 100
# Seconds for the answer to QUIT: all has been seen, and waiting is but polite.
QUIT_TIMEOUT = 3.0
_COMMAND_BYTES = 512  # RFC 5321 §4.5.3.1.4
_READY = 220
_ERRORS = (aiosmtplib.SMTPException, OSError)
_REFUSED = range(400, 600)


class Conversation:
    """One conversation, over `wire`; it is to be closed. `name` is who we are, for EHLO."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire = wire
        self._tls: Tls | None = None
        self._failure: Exception | None = None
        try:
            self._end, others = socket.socketpair()
        except OSError as error:
            raise shortage(error) or error from None
        self._end.setblocking(False)
        self._smtp = aiosmtplib.SMTP(
            sock=others, local_hostname=name, start_tls=False, timeout=None, port=None
        )
        self._others = others
        self._carrier = asyncio.create_task(self._carry(), name="smtp")

    # -- what is said ----------------------------------------------------------------------------

    async def greeting(self) -> str:
        """Return what the host says first. Raise VisitError, as do those below."""
        try:
            reply = await self._smtp.connect()
        except _ERRORS as error:
            raise self._failed(error, "greets with") from None
        return _first_line(reply)

    async def offers_starttls(self) -> bool:
        """Say EHLO, and tell whether the host offers STARTTLS."""
        try:
            await self._smtp.ehlo()
        except _ERRORS as error:
            raise self._failed(error, "answers EHLO with") from None
        return self._smtp.supports_extension("STARTTLS")

    async def begin_tls(self) -> None:
        """Say STARTTLS. After that TLS is to begin on the wire."""
        try:
            reply = await self._smtp.execute_command(b"STARTTLS")
        except _ERRORS as error:
            raise self._failed(error, "answers STARTTLS with") from None
        if reply.code != _READY:
            said = printable(f"{reply.code} {_first_line(reply)}")
            raise VisitError("starttls-refused", f"offers STARTTLS, and answers it with {said}")
        if self.wire.incoming.pending:
            raise VisitError(
                "starttls-injection", "says more in plain text behind its answer to STARTTLS"
            )

    async def leave(self, tls: Tls | None = None) -> None:
        """Say QUIT, within `tls` if that has begun. What becomes of it does not matter."""
        self._tls = tls
        try:
            async with asyncio.timeout(QUIT_TIMEOUT):
                await self._smtp.quit()
        except _ERRORS:  # TimeoutError is an OSError
            return

    async def close(self) -> None:
        """End it at once."""
        self._carrier.cancel()
        (ended,) = await asyncio.gather(self._carrier, return_exceptions=True)
        self._smtp.close()
        self._others.close()
        self._end.close()
        if isinstance(ended, Exception):  # none was foreseen
            raise ended

    def _failed(self, error: Exception, where: str) -> Exception:
        """Return the error to raise where aiosmtplib raises `error`."""
        if self._failure is not None:
            return self._failure
        said = printable(" ".join(str(error.args[-1] if error.args else error).split()))
        if isinstance(error, aiosmtplib.SMTPResponseException) and error.code in _REFUSED:
            return VisitError("smtp-refused", f"{where} {error.code} {said}")
        return VisitError("smtp-invalid", f"{where} what is no SMTP: {said}")

    # -- how it is carried -----------------------------------------------------------------------

    async def _carry(self) -> None:
        """Carry replies one way and commands the other, by turns, until one side ends it."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await loop.sock_sendall(self._end, await self._reply())
                command = await loop.sock_recv(self._end, _COMMAND_BYTES)
                if not command:
                    return
                if self._tls is None:
                    self.wire.send(command)
                else:
                    self._tls.write(command)
        except ConnectError as error:  # too much was sent
            self._failure = VisitError("smtp-invalid", str(error))
        except VisitError as error:
            self._failure = error
        except OSError as error:
            self._failure = shortage(error, self.wire.peer) or VisitError(
                "conversation-broken", f"broke off the conversation: {os_reason(error)}"
            )
        finally:
            with suppress(OSError):  # the other end may be closed already
                self._end.shutdown(socket.SHUT_RDWR)

    async def _reply(self) -> bytes:
        """Return one reply, and nothing of what comes behind it (RFC 5321 §4.2.1)."""
        reply = b""
        for _ in range(MAX_REPLY_LINES):
            line = await self._line(MAX_REPLY - len(reply))
            reply += line
            if line[3:4] != b"-" or not line[:3].isdigit():  # SSH-2.0 is no reply that goes on
                return reply
            await asyncio.sleep(0)  # others' turn
        raise VisitError("smtp-invalid", f"sends a reply of more than {MAX_REPLY_LINES} lines")

    async def _line(self, most: int) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n"):
            if len(line) >= most:
                raise VisitError("smtp-invalid", f"sends a reply of more than {MAX_REPLY:,} bytes")
            line += await self._byte()
        return bytes(line)

    async def _byte(self) -> bytes:
        if self._tls is not None:
            if byte := await self._tls.read(1):
                return byte
            raise ConnectionResetError
        while not (byte := self.wire.incoming.read(1)):
            await self.wire.more()
        return byte


def _first_line(reply: aiosmtplib.SMTPResponse) -> str:
    return printable(reply.message.partition("\n")[0])
