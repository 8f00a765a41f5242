"""From what lines say to deliveries, each with the TLS session that it went through.

Lines about TLS name no message. What joins them is the process: smtp(8) handles one delivery at a
time, smtpd(8) one client, and each logs in the order in which things are done.

| what is known | where |
|---|---|
| in which order a process logs, and so what belongs together | `outgoing.py`, `incoming.py` |
| since when a host's log has no hole, and which services log TLS at all | `logs.py` |
| what a delivery's own `tls=` says | `tlsword.py` |
| why TLS held a delivery, as lines before it tell | `causes.py` |
| what was counted already | `duplicates.py` |
| which lines go where; facts | `joiner.py`, `outbound.py`, `inbound.py` |
"""
