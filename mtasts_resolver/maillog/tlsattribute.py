"""`tls=` of a delivery (Postfix 3.11 and later; smtp_log_tls_feature_status).

    tls = [ "!" ] level [ "?" ] [ ":" level ] [ "/" requiretls ]

`!` says that it was not reached, `?` that nothing came of the question (no connection, or one that
was there before), and what stands behind the colon what it was in truth.
"""

import re
from functools import lru_cache

from mtasts_resolver.maillog.events import TlsAttribute

_ATTRIBUTE = re.compile(
    r"(?P<failed>!)?(?P<level>[a-z][a-z-]*)(?P<weaker>\?)?(?::(?P<used>[a-z][a-z-]*))?"
    r"(?:/(?P<requiretls>\S+))?\Z"
)

# Different ones that are remembered: there are some dozens.
MAX_ATTRIBUTES = 256


@lru_cache(maxsize=MAX_ATTRIBUTES)
def tls_attribute(text: str) -> TlsAttribute:
    """Return what `text` says; with no level, if it is of a form that is not known."""
    found = _ATTRIBUTE.match(text)
    if found is None:
        return TlsAttribute(text, "")
    return TlsAttribute(
        text,
        found["level"],
        found["failed"] is not None,
        found["weaker"] is not None,
        found["used"] or "",
        found["requiretls"] or "",
    )
