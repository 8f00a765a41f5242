"""MTA-STS (RFC 8461) for Postfix: a policy server for smtp_tls_policy_maps."""

import sys

__version__ = "0.1.0"

# httpx imports its own command line where that can be imported, and with it click, rich and
# pygments: up to six megabytes that nobody here calls, and the time of whoever waits for a command.
# None says that there is no such module.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
