"""Where reports on TLS go: the TXT record at `_smtp._tls.<domain>` (RFC 8460 §3)."""

import re
from collections.abc import Iterable
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.policy import parse_next_hop
from mtasts_resolver.published.publication.policyfile import PublicationError

MAX_REPORT_URIS = 8
"""Each gets every report of every sender, every day."""

# RFC 8460 §3:
#
#   tlsrpt-record  = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
#   field-delim    = *WSP ";" *WSP
#   tlsrpt-version = %s"v=TLSRPTv1"
#   tlsrpt-rua     = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
#   tlsrpt-uri     = URI
#
# with "!", "," and ";" in a URI percent-encoded. What RFC 6068 §2 lets stand in the address of a
# mailto: besides is few enough to name.
_BEGINNING = re.compile(r"v=TLSRPTv1[ \t]*;")
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


def report_record(uris: Iterable[str]) -> str:
    """Return the text of the record that has reports sent to these URIs."""
    uris = tuple(dict.fromkeys(uris))
    if len(uris) > MAX_REPORT_URIS:
        raise PublicationError(f"reports can go to {MAX_REPORT_URIS} places, not to {len(uris)}")
    return f"v=TLSRPTv1; rua={','.join(uris)}"


def read_report_uris(texts: Iterable[str]) -> tuple[str, ...]:
    """Return where reports go by the TXT records at `_smtp._tls`; nowhere unless it is one."""
    records = [text for text in texts if _BEGINNING.match(text)]
    if len(records) != 1:
        return ()
    fields = (field.strip(" \t") for field in records[0].split(";")[1:])
    named = next((field for field in fields if field.startswith("rua=")), "rua=")
    uris = (uri.strip(" \t") for uri in named.removeprefix("rua=").split(","))
    return tuple(filter(None, uris))


def usable_uris(uris: Iterable[str]) -> tuple[str, ...]:
    """Return those of published URIs that a report can be sent to."""
    return tuple(uri for uri in uris if _is_usable(uri))


def _is_usable(uri: str) -> bool:
    try:
        return report_uri(uri).partition(":")[0] == uri.partition(":")[0].lower()
    except PublicationError:
        return False
