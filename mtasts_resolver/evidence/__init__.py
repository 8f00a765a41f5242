"""How mail was really protected: what logs, TLS reports, the daemon and this host show of it.

`inputs` has lines of logs in the order of time; `joins` finds the TLS session that each delivery
went through (`deliveries.py`); `accounts` counts them (`report.py`); `told.py` knows what Postfix
was told of a next hop, and when; `controls` says what all of it shows of each control.
"""
