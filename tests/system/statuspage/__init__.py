"""The status page of a real daemon, in a real browser."""
