"""Tests of what serves the ways in, with clients that mean no good."""
