"""`python -m mtasts_resolver.discoverer`: the process; the daemon starts it."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys

import uvloop

from mtasts_resolver import logs
from mtasts_resolver.discoverer.worker import serve


def main() -> None:
    """Serve the daemon at the other end of standard input."""
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        sys.exit("This is a part of the daemon, which starts it: mtasts-resolver serve")
    # The daemon is told to end by a signal, and then ends this; a signal to the whole group must
    # not come before, for look-ups in hand are still answered.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _let_others_go_first()
    logs.log_uncaught()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(socket.socket(fileno=os.dup(0))))


def _let_others_go_first() -> None:
    """Use a processor when nobody else wants it: answers from memory must not wait for this.

    Linux gives even the nicest process of the usual policy a few milliseconds at a time. The cgroup
    of a systemd unit or of a container has its share of the processors as before, and so this
    process cannot be starved by others' work.
    """
    with contextlib.suppress(OSError):  # forbidden, by a sandbox perhaps: it works all the same
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    main()
