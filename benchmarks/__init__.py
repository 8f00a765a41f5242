"""What the daemon costs, measured beside others: `make bench`, or `python -m benchmarks`.

epoll_server.c, load.c   the limit, and the load generator; compiled on the spot by build.py
world.py, hosts.py       a network namespace with DNS and policy hosts for any number of domains
servers.py               this daemon, postfix-mta-sts-resolver, the limit, and any other
load.py, procfs.py       what a run of the load tells, and what the kernel tells of a process
hot.py ... growth.py     one section each
fair.py, forgetful.py    this daemon, but for one thing that is measured
page.py, plot.py         docs/performance.md and its picture
run.py                   the command
"""
