"""Logs of real Postfix, and beside each what truly happened while it was written.

`python -m tests.lab.recording DIRECTORY` makes them anew, in the lab.
"""
