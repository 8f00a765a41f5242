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

# Whoever shares the machine goes first: the mail itself, and answers from memory. Beside somebody
# who never rests this leaves 3% of a processor, which is ten new domains a second; Linux gives a
# process of nice 10 a tenth of it, in pieces so long that one answer in a hundred waits for them.
NICENESS = 15


def main() -> None:
    """Serve the daemon at the other end of standard input."""
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        sys.exit("This is a part of the daemon, which starts it: mtasts-resolver serve")
    # The daemon is told to end by a signal, and then ends this; a signal to the whole group must
    # not come before, for look-ups in hand are still answered.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # forbidden, by a sandbox perhaps: it works all the same
        os.nice(NICENESS)
    logs.log_uncaught()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(socket.socket(fileno=os.dup(0))))


if __name__ == "__main__":
    main()
