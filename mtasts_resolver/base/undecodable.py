"""What msgspec raises for bytes that it cannot decode."""

from msgspec import MsgspecError

UNDECODABLE = (MsgspecError, ValueError, RecursionError)
"""MsgspecError is no ValueError before msgspec 0.22, and Debian 13 has 0.19."""
