"""What an administrator asks a running daemon: to see it, and to steer it.

`door.py` is the way in. Behind that of the control socket is the API (`api/`), behind that of
`http.address` what may be seen by whoever can reach it (`web/`). Both read through `views/`, which
make `values/` out of `sources.py`, the parts of the daemon. `client.py` is the other end.
"""
