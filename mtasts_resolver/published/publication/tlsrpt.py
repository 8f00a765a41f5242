"""Where reports on TLS go: the TXT record at `_smtp._tls.<domain>` (RFC 8460 §3)."""

import re
from collections.abc import Iterable
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.policy import RecordError, parse_next_hop, select_report_record
from mtasts_resolver.published.publication.policyfile import PublicationError

MAX_REPORT_URIS = 8
"""Each gets every report of every sender, every day."""

# RFC 8460 §3 takes "!", "," and ";" from any URI. What else RFC 6068 §2 lets stand in the address
# of a mailto: is few enough to name.
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}\Z")  # RFC 5321 §4.5.3.1.1
_IN_MAILTO = "+$'*"
_IN_URL = "%/:?=&@+$'()*~"
_MAX_URL = 200  # characters: more than any address of a service for reports


def report_uri(text: str) -> str:
    """Return the URI of a mail address, `mailto:` or `https:` URL. Raise PublicationError."""
    if text.lower().startswith("https:"):
        return _web(text)
    if "://" in text or text.lower().startswith("http:"):
        raise PublicationError(
            f"reports go to a mail address or an https: URL, not to {quote(text)}"
        )
    local, at, domain = text.removeprefix("mailto:").rpartition("@")
    hop = parse_next_hop(domain)
    if not at or not _LOCAL_PART.match(local) or hop is None or hop.is_host or ":" in domain:
        raise PublicationError(
            f"{quote(text)} is no mail address for reports, such as tls-reports@example.com"
        )
    # In a URI it is percent-encoded already.
    safe = f"{_IN_MAILTO}%" if text.startswith("mailto:") else _IN_MAILTO
    return f"mailto:{percent_encoded(local, safe=safe)}@{hop.domain}"


def _web(text: str) -> str:
    try:
        place = urlsplit(text)
        host = place.hostname or ""
    except ValueError:
        host = ""
    if not host or len(text) > _MAX_URL or not text.isascii() or not text.isprintable():
        raise PublicationError(f"{quote(text)} is no https: URL")
    return percent_encoded(text, safe=_IN_URL)


def report_uris(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the URIs of several, each once. Raise PublicationError."""
    uris = tuple(dict.fromkeys(map(report_uri, texts)))
    if len(uris) > MAX_REPORT_URIS:
        raise PublicationError(f"reports can go to {MAX_REPORT_URIS} places, not to {len(uris)}")
    return uris


def report_record(uris: Iterable[str]) -> str:
    """Return the text of the record that has reports sent to these URIs."""
    return f"v=TLSRPTv1; rua={','.join(uris)}"


def read_report_uris(texts: Iterable[str]) -> tuple[str, ...]:
    """Return where reports go by the TXT records at `_smtp._tls`; nowhere unless one is valid."""
    try:
        return select_report_record(text.encode() for text in texts).uris
    except RecordError:
        return ()


def usable_uris(uris: Iterable[str]) -> tuple[str, ...]:
    """Return those of published URIs that a report can be sent to."""
    return tuple(uri for uri in uris if _is_usable(uri))


def _is_usable(uri: str) -> bool:
    try:
        return report_uri(uri).partition(":")[0] == uri.partition(":")[0].lower()
    except PublicationError:
        return False
