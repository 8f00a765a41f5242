"""What would end a start, or hamper the daemon, found out without a start: for `config check`.

Each thing is decided by the code that decides it at the start. An error is what must be changed for
the daemon to start with the configuration. A warning is what may pass without a change of it, such
as an address that is in use; what only the daemon's user can tell, whom nobody knows here; and what
holds under systemd alone.
"""

from mtasts_resolver.daemon.preflight.look import look_into
from mtasts_resolver.daemon.preflight.report import Report

__all__ = ["Report", "look_into"]
