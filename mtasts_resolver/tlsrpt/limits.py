"""How much of a report is read. Senders of honest ones stay far below."""

MAX_REPORT_BYTES = 16 * 1024 * 1024
"""Unpacked. One failure takes 250 bytes: this is 60,000 of them."""
MAX_NESTING = 16
"""Objects and lists within each other. RFC 8460 §4.4 has six, and a list of reports one more."""
MAX_VALUES = 500_000
"""Members and items in one document: they, and not its bytes, are what memory is taken for."""
MAX_DOCUMENTS = 10_000
"""Reports behind each other in one text: of thirty domains, and as many senders, for ten days."""
MAX_POLICIES = 1_000
"""Of one report. It is about one domain; with DANE it may have one for each MX host."""
MAX_FAILURES = 10_000
"""Of one report: its failures by kind, MX host, and the sender's and receiver's addresses."""
MAX_POLICY_TEXT = 65_536
"""Characters of a policy: more than that has no MTA-STS policy (RFC 8461 §3.3)."""
MAX_STRINGS = 100
"""Lines of one policy, and its mx patterns."""
MAX_WORDS = 300
"""Characters of a name, an id, a reason. A domain has at most 253."""
MAX_ODDITIES = 50
"""Different ones of one report that are named."""
MAX_SESSIONS = 10**10
"""Of one report. All of the world's mail is 4 * 10**11 messages a day."""
