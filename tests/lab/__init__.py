"""The lab: real Postfix, unbound, HTTPS and SMTP hosts in a network namespace of their own.

published.py   what a domain can publish, as types
internet.py    which domains there are, as a table; danehosts.py: those with TLSA records;
               checkhosts.py: those that `check` looks over; lookedover.py: what it finds
scenario.py, steady.py, dane.py, changes.py
               what happens to a mail, as tables; ends.py and steps.py are their words
namespace.py   the namespace, and how a command is run in it
stream.py      the output of a process, line by line, awaited
pki.py         certificates, good and bad
zones.py       the signed zones; unbound.py serves them
policyhosts.py, receivers.py, events.py, servers.py
               HTTPS and SMTP hosts, one process inside the namespace
hosts.py       the same, driven from outside
postfix.py     the sending Postfix and its log
debian13.py    a root of Debian 13 for its later Postfix and Python, made once and kept
booted.py      such a root, booted; freshhost.py: on the lab's internet, to be set up
tlsrpt.py      what is sent along for TLS reports
daemon.py      mtasts-resolver itself
lab.py         all of that together
administrator.py
               what pages of docs/ show of a terminal (sessions.py, terminal.py)
demo.py        a table of it, for people
"""
