"""MTA-STS without I/O: values in, values out (RFC 8461)."""
