"""`python -m mtasts_resolver.worker [idle]`: the process; the daemon starts it.

With `idle` it uses a processor when nobody else wants it, as soon as it is ready.
"""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import uvloop

from mtasts_resolver import __version__
from mtasts_resolver.base import logs
from mtasts_resolver.worker.child import work
from mtasts_resolver.worker.confinement import confine, refuse_io_uring
from mtasts_resolver.worker.process import STARTED_BY

# Of 1,000: what the kernel thinks of a process that uses half of the memory that there is.
OOM_SCORE_ADJ = 500


def main() -> None:
    """Serve the daemon at the other end of standard input."""
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        sys.exit("This is a part of the daemon, which starts it: mtasts-resolver serve")
    if (daemon := os.environ.get(STARTED_BY, __version__)) != __version__:
        sys.exit(f"{__version__} is installed, but the daemon is {daemon}: restart the daemon")
    # The daemon is told to end by a signal, and then ends this; a signal to the whole group must
    # not come before, for look-ups in hand are still answered.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _be_killed_first()
    logs.log_uncaught()
    refuse_io_uring()
    when_ready = _let_others_go_first if sys.argv[1:] == ["idle"] else _stay_as_it_is
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(socket.socket(fileno=os.dup(0)), confine, when_ready))


def _let_others_go_first() -> None:
    """Use a processor when nobody else wants it: answers from memory must not wait for this.

    Linux gives even the nicest process of the usual policy a few milliseconds at a time. The cgroup
    of a systemd unit or of a container has its share of the processors as before. Where others in
    the same cgroup never rest, the daemon notices, and starts a process that stays as it is.
    """
    with contextlib.suppress(OSError):  # forbidden, by a sandbox perhaps: it works all the same
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _stay_as_it_is() -> None:
    """Keep the policy of whoever started this."""


def _be_killed_first() -> None:
    """Where memory runs out, have the kernel end this process and not the one that answers."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJ), encoding="ascii")


if __name__ == "__main__":
    main()
