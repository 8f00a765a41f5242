"""Policies from policy hosts; the head of fetch.py tells the whole way of a fetch."""
