"""Logs as lines in the order of time, and what there is to say of the logs themselves.

What is named becomes files (`named.py`), or the journal; each is a source (`source.py`) that is
looked at first, and read when its time has come: unpacked (`packed.py`), split (`splitting.py`),
its lines made values by `maillog`. `merging.py` puts the lines of all in order, each once
(`copies.py`, `repeats.py`). `logs.py` is the face.
"""
