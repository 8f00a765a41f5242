"""TLS reports that others have sent (RFC 8460), from wherever they lie to figures.

`reading.py` finds them in files, mailboxes, directories and mails, packed or not; what each says is
`tlsrpt`'s to tell; `folding.py` counts each once. A report counts sessions, not mails: many mails
may go through one, and one mail may take several.
"""

from mtasts_resolver.evidence.tlsreports.folding import OTHERS, UNSPECIFIED, ReportFolding
from mtasts_resolver.evidence.tlsreports.reading import ReportPlace, read_tls_reports

__all__ = ["OTHERS", "UNSPECIFIED", "ReportFolding", "ReportPlace", "read_tls_reports"]
