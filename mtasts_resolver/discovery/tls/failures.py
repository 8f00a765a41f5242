"""Words for why a TLS handshake failed."""

import ssl

from mtasts_resolver.discovery.oserrors import os_reason

_WORDS = {
    "WRONG_VERSION_NUMBER": "speaks no TLS",
    "HTTP_REQUEST": "speaks no TLS",
    "RECORD_LAYER_FAILURE": "speaks no TLS",
    "PACKET_LENGTH_TOO_LONG": "speaks no TLS",
    "UNSUPPORTED_PROTOCOL": "speaks no TLS of version 1.2 or later",
    "TLSV1_ALERT_PROTOCOL_VERSION": "speaks no TLS of version 1.2 or later",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "refuses the TLS handshake",
    "TLSV1_UNRECOGNIZED_NAME": "refuses the TLS handshake, for it does not know the name",
}


def describe_tls_failure(host: str, error: OSError) -> str:
    """Return why the handshake with `host` failed, which is no matter of its certificate."""
    if not isinstance(error, ssl.SSLError):
        return f"{host} broke off the TLS handshake: {os_reason(error)}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return f"{host} closed the connection during the TLS handshake"
    if words := _WORDS.get(error.reason or ""):
        return f"{host} {words}"
    return f"TLS with {host} failed: {os_reason(error)}"
