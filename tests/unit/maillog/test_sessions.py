"""TLS sessions."""

import pytest

from mtasts_resolver.maillog.events import Connected, LoggedPeer, LoggedTls, TlsLevel
from tests.unit.maillog.lines import said

TLS13 = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange ECDHE (P-256)"
PQ13 = TLS13.replace("ECDHE (P-256)", "X25519MLKEM768")
FROM = "TLS connection established from"
TO = "TLS connection established to"
SIGNED = " server-signature RSA-PSS (2048 bits) server-digest SHA256"


@pytest.mark.parametrize(
    ("message", "inbound", "peer", "tls"),
    [
        (
            f"Verified {TO} MX.example[2001:db8::1]:25: {PQ13}{SIGNED}",
            False,
            LoggedPeer("mx.example", "2001:db8::1", 25),
            LoggedTls(TlsLevel.VERIFIED, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"),
        ),
        (
            f"Anonymous {FROM} c.example[192.0.2.1] to own.example: {TLS13}{SIGNED}",
            True,
            LoggedPeer("c.example", "192.0.2.1"),
            LoggedTls(TlsLevel.ANONYMOUS, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "ECDHE (P-256)"),
        ),
        (
            f"Untrusted {TO} mx.example: TLSv1 with cipher RC4-MD5 (128/128 bits)",
            False,
            LoggedPeer("mx.example", ""),
            LoggedTls(TlsLevel.UNTRUSTED, "TLSv1", "RC4-MD5", ""),
        ),
        (
            f"Trusted {TO} mx.example[192.0.2.1]:25: TLSv1.3 with cipher TLS_A",
            False,
            LoggedPeer("mx.example", "192.0.2.1", 25),
            LoggedTls(TlsLevel.TRUSTED, "TLSv1.3", "", ""),
        ),
    ],
)
def test_a_session(message: str, inbound: bool, peer: LoggedPeer, tls: LoggedTls) -> None:
    daemon = "smtpd" if inbound else "smtp"
    assert said(message, daemon) == Connected(inbound, peer, tls)
    assert said(message, "tlsproxy") == Connected(inbound, peer, tls)
