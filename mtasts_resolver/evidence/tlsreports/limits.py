"""How much is read of what may have been sent by anybody, and kept of it."""

from mtasts_resolver.tlsrpt import MAX_REPORT_BYTES

MAX_MAIL_BYTES = 24 * 1024 * 1024
"""Of a mail as it lies there: more than twice what servers take (message_size_limit: 10 MB)."""
MAX_MAIL_LINES = 500_000
"""A mail of that size in base64 has 330,000. Each line of a header costs more than its bytes."""
MAX_PARTS = 1_000
"""Of a mail: lines that may begin one. With a report there are three."""
MAX_FORWARDED = 20
"""Mails within each other. The parser goes into each, and looks for the end of all at once."""
MAX_HEADER = 2_000
"""Characters of a line of a header that is looked at. Those that matter here have below 200."""
MAX_PACKINGS = 3
"""Within each other. Some pack a report twice; a zip file may hold packed reports."""
MAX_ZIP_BYTES = 8 * 1024 * 1024
"""Of a zip file, packed: its table of contents is read as a whole, and may name 180,000 files."""
MAX_MEMBERS = 2_000
"""Files in a zip file that are read: a month's, of thirty senders for two domains."""
MAX_UNPACKED_ATTACHMENT = 2 * MAX_REPORT_BYTES
"""All that is unpacked of one attachment, of which a report is the whole. A second of work."""
MAX_UNPACKED_FILE = 4 * 1024**3
"""All that is unpacked of a file that was named: a large mailbox, never held as a whole."""
MAX_FILES = 1_000_000
"""In a directory: reports of a hundred domains, by thirty senders, of a year."""

MAX_REPORTS = 200_000
"""That are counted. Each is remembered until the end, so that none counts twice."""
MAX_OUTCOMES = 500_000
"""Rows in all reports together, 200 bytes each; an ordinary report has one or two."""
MAX_ROWS = 10_000
"""In the result. What is beyond is in one row for what failed, and one for what did not."""
MAX_WORDINGS = 500
"""Different things that are said of what is unread, or odd. What is beyond is counted."""
