"""From facts to the tables and figures of a report: what was counted, and what it says.

`Account` is fed with facts; everything else here is one of its tables, or what two of them say
together. Memory is bounded, whatever comes: what has no row of its own is in `(others)`, and all
totals are exact.
"""

from mtasts_resolver.evidence.accounts.account import Account

__all__ = ["Account"]
