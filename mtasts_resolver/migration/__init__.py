"""What the files of other policy servers say, and what becomes of it here.

    their configuration   theirfile.py, by the rules of a program   stsresolver.py, tlspol.py
        becomes ours      takeover.py, ourfile.py
    their cache           sqlitecache.py, gobcache.py with gob.py   entries
        becomes policies  theirpolicies.py, which believes none of it
    main.cf               maincf.py                                 the line that changes

All of their files are hostile: bounded, and read strictly. Nothing here changes anything, nor asks
the clock.
"""
