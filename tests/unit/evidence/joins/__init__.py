"""Tests of joining lines to deliveries."""
