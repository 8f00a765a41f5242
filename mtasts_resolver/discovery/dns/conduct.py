"""How name servers have behaved of late: who is silent, and who cannot do EDNS."""

import time
from collections.abc import Callable, Sequence

from mtasts_resolver.base import logs
from mtasts_resolver.base.pace import Pace
from mtasts_resolver.config import NameServer

log = logs.get(__name__)

# One lost or slow answer says nothing; nobody but the server is to blame for three in a row, with
# none in between that it gave.
SILENT_IN_A_ROW = 3
# A silent server is asked last for so long; then one question goes to it first again, and waits for
# it in vain if it is still silent. A second a minute is what a dead server may cost.
SILENT_FOR = 60.0
# A server that cannot do EDNS is asked without it for so long, then found out anew. Two lost
# answers look the same. So DNSSEC's questions, which need EDNS, are asked with it all the same, but
# of such a server last: a probe a minute then ends the doubt.
WITHOUT_EDNS_FOR = 600.0
# That a server did EDNS speaks for so long against taking its silence for want of it. Then whatever
# is on the way, which changes seldom, may have changed.
WITH_EDNS_FOR = 600.0
MAX_REMEMBERED = 16  # servers; at most three are in force, and resolv.conf may change for ever
LARGE_PER_TURN = 1  # answers over TCP, of up to four milliseconds each, in one turn of the loop


class Conduct:
    """What is remembered of the name servers that a DnsClient asks."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._misses: dict[NameServer, int] = {}
        self._silent = _Doubts(SILENT_FOR)
        self._without_edns = _Doubts(WITHOUT_EDNS_FOR)
        self._with_edns: dict[NameServer, float] = {}
        self.large_answers = Pace(LARGE_PER_TURN)

    # -- silence -----------------------------------------------------------------------------------

    def by_preference(
        self, servers: Sequence[NameServer], *, only_edns: bool = False
    ) -> Sequence[NameServer]:
        """Return the servers in their order, but those last of which not much is to be hoped."""
        doubts = [self._silent, self._without_edns] if only_edns else [self._silent]
        if not any(doubts):
            return servers
        now = self.monotonic()
        last = {each for doubt in doubts for each in servers if doubt.holds(each, now)}
        return sorted(servers, key=last.__contains__)

    def answered(self, server: NameServer) -> None:
        if self._misses:
            self._misses.pop(server, None)
            if self._silent.end(server):
                log.info("name-server-answers-again", server=server)

    def missed(self, server: NameServer) -> None:
        """Note that another server has answered a question before `server`, which had time."""
        misses = self._misses[server] = self._misses.get(server, 0) + 1
        _forget_oldest(self._misses)
        if misses >= SILENT_IN_A_ROW and self._silent.begin(server, self.monotonic()):
            log.warning(
                "name-server-silent",
                server=server,
                effect="it is asked last, and first again now and then",
                action="repair it, or take it out of dns.servers or /etc/resolv.conf",
            )

    # -- EDNS --------------------------------------------------------------------------------------

    def lacks_edns(self, server: NameServer) -> bool:
        """Tell whether to ask without EDNS; now and then one question finds out anew."""
        return bool(self._without_edns) and self._without_edns.holds(server, self.monotonic())

    def did_edns(self, server: NameServer) -> None:
        self._with_edns[server] = self.monotonic() + WITH_EDNS_FOR
        _forget_oldest(self._with_edns)
        if self._without_edns and self._without_edns.end(server):
            log.info("name-server-does-edns", server=server)

    def may_lack_edns(self, server: NameServer) -> bool:
        """Tell whether a server that is silent may be so for want of EDNS."""
        return self._with_edns.get(server, 0.0) <= self.monotonic()

    def did_without_edns(self, server: NameServer) -> None:
        """Note that `server` has answered a question without EDNS, but not with it."""
        self._with_edns.pop(server, None)
        if self._without_edns.begin(server, self.monotonic()):
            log.warning(
                "name-server-without-edns",
                server=server,
                effect="it is asked without EDNS, and its word on DNSSEC does not count",
                action="if DANE is wanted, put a resolver into its place that validates DNSSEC",
            )


class _Doubts:
    """Servers that something is held against for a while; then one question finds out anew.

    If nothing better comes of that, it is held for another while.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[NameServer, float] = {}

    def __bool__(self) -> bool:
        return bool(self._until)

    def begin(self, server: NameServer, now: float) -> bool:
        """Hold it against `server`, unless it is; tell whether that is new.

        What is held ends in its time, however often it is confirmed meanwhile.
        """
        if server in self._until:
            return False
        self._until[server] = now + self._seconds
        _forget_oldest(self._until)
        return True

    def end(self, server: NameServer) -> bool:
        """Hold it against `server` no longer; tell whether that is new."""
        return self._until.pop(server, None) is not None

    def holds(self, server: NameServer, now: float) -> bool:
        """Tell whether it is held against `server`. When its time is over, once it is not."""
        until = self._until.get(server)
        if until is None or now < until:
            return until is not None
        self._until[server] = now + self._seconds
        return False


def _forget_oldest(remembered: dict[NameServer, float] | dict[NameServer, int]) -> None:
    while len(remembered) > MAX_REMEMBERED:
        del remembered[next(iter(remembered))]
