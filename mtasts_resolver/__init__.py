"""MTA-STS (RFC 8461) for Postfix: a policy server for smtp_tls_policy_maps."""

__version__ = "0.1.0"
