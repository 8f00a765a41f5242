"""Finding out what a domain publishes: DNS and HTTPS, and every way in which they fail."""

import sys

# httpx imports its own command line where that can be imported, and with it click, rich and
# pygments: up to six megabytes that nobody here calls. None says that there is no such module.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
