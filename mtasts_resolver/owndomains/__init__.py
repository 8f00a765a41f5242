"""Domains of one's own: what they publish is looked over again and again, and changes are told.

    keeping.py   what the daemon has of it from the start on: next to nothing, until there are some
    checking.py  when each is checked; what is remembered of it
    lastcheck.py the last check of a domain, and what of it has been told
    facts.py     what of a check is compared with the one before: records, document, certificates
    news.py      from one check to the next: what has changed, what is newly wrong
    events.py    what is published of it, for the log, the history and whoever else listens
    notes.py     the log and the history, which listen
    notify.py    the administrator's own program, which is run with what is new; program.py runs it

An error of a domain's is news when two checks in a row have found it: what failed once may have
been the network between here and there.
"""
