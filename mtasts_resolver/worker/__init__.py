"""Discovery in a process of its own, so that answers from memory never wait for it.

    daemon                                    the worker; "the discoverer" to administrators
    Supervisor ── WorkerProcess ── Channel ═══ Channel ── Child ── DirectDiscoverer
                        messages.py, in MessagePack

What is read from DNS and from policy hosts is parsed over there. The daemon gets plain values, and
needs none of the libraries. Both ends are a `Discoverer`: `explain` asks a DirectDiscoverer itself.
"""
