"""The discoverer's side: doing what the daemon asks, until the daemon is gone."""

import asyncio
import gc
import math
import os
import socket
import time
from collections.abc import Callable
from functools import partial

import msgspec

from mtasts_resolver.base import logs
from mtasts_resolver.base.overload import TOO_BUSY
from mtasts_resolver.base.privileges import PrivilegeError, become, import_now
from mtasts_resolver.config import Config, ConfigError, Fault
from mtasts_resolver.discovery.errors import (
    BodyError,
    ConnectError,
    DiscoveryError,
    DnsAnswerError,
    DnsServerError,
    DnsTimeoutError,
    FetchTimeoutError,
    PolicyHostError,
    ShortageError,
)
from mtasts_resolver.discovery.findings import FoundDane, FoundSts, Probe
from mtasts_resolver.policy import Policy
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.worker import messages
from mtasts_resolver.worker.channel import Channel
from mtasts_resolver.worker.direct import DirectDiscoverer
from mtasts_resolver.worker.lag import Lag
from mtasts_resolver.worker.messages import (
    Ask,
    Configure,
    Found,
    Misconfigured,
    Overloaded,
    Ping,
    Pong,
    Ready,
    Unusable,
)
from mtasts_resolver.worker.metering import MOST_OF_ALL, Cost, FairScheduler, charged

log = logs.get(__name__)

# What libraries import at the first use of something that every fetch uses.
FETCH_IMPORTS = (
    "anyio._backends._asyncio",
    "anyio._core._synchronization",
    "sniffio",
    # dnspython has a module for each type of records; these are the types that are read here.
    *(f"dns.rdtypes.ANY.{rdtype}" for rdtype in ("CNAME", "MX", "OPT", "SOA", "TLSA", "TXT")),
    *(f"dns.rdtypes.IN.{rdtype}" for rdtype in ("A", "AAAA")),
)
# What discovery/tls/certificates.py imports, in a thread, at the first certificate that is
# rejected: it takes 8 MB and as long as all the rest.
LATE_IMPORTS = (
    "cryptography.exceptions",
    *(f"cryptography.hazmat.primitives.asymmetric.{kind}" for kind in ("ec", "padding", "rsa")),
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509",
    # What it takes to look at all that a domain publishes, which most never ask for.
    "mtasts_resolver.published.observe",
)

# Discoveries that begin together go through the same steps together, and the processor has the code
# of a step in its caches: begun one in a turn, each costs half as much again.
ASKED_AT_ONCE = 64

SHORTAGE_LOGGED = 60.0  # seconds between two lines: every discovery meets with the same shortage

# Seconds until a configuration that could not be used is tried again; to read a trust store takes
# tens of milliseconds.
RETRY = 30.0


async def work(
    end: socket.socket, when_configured: Callable[[], None], when_ready: Callable[[], None]
) -> None:
    """Do what comes through `end` of the channel; return when the other end is gone.

    `when_configured` is called before anything is asked, root having been given up; `when_ready` as
    soon as questions can be answered, and the daemon knows.
    """
    asyncio.get_running_loop().set_exception_handler(logs.log_loop_error)
    worker = Child(end, when_configured, when_ready)
    lag = asyncio.create_task(worker.lag.watch(), name="lag")
    await worker.ended.wait()
    lag.cancel()
    await worker.close()


class Child:
    """Answers questions, many at once."""

    def __init__(
        self,
        end: socket.socket,
        when_configured: Callable[[], None],
        when_ready: Callable[[], None],
    ) -> None:
        self._when_configured = when_configured
        self._when_ready = when_ready
        self.ended = asyncio.Event()
        self.lag = Lag()
        self._scheduler = FairScheduler(asyncio.get_running_loop())
        self._channel = Channel(end, self._received, self.ended.set, at_once=ASKED_AT_ONCE)
        self._discoverer: DirectDiscoverer | None = None
        self._config = Config()
        self._refused: Config | None = None
        self._retry_at = 0.0
        self._fault = Fault("it has not been looked at yet")
        self._tasks: set[asyncio.Task[None]] = set()
        self._shortage_logged_at = -math.inf

    async def close(self) -> None:
        """End what is still under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _received(self, data: memoryview) -> None:
        match messages.decode_for_discoverer(data):
            case Ask() as ask:
                most = MOST_OF_ALL if ask.question == "published" else None
                task = self._scheduler.start(partial(self._answer, ask), most)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Ping():
                self._say(Pong())
                if self._refused is not None and time.monotonic() >= self._retry_at:
                    self._configure(self._refused)  # what it names may have been mended
            case Configure(config):
                logs.setup_logging(config.log.level, config.log.format)
                if self._discoverer is None:
                    self._configure(config)

    def _configure(self, config: Config) -> None:
        try:
            discoverer = DirectDiscoverer.configured(config)
            if config.user is not None and os.geteuid() == 0:
                _import_now(FETCH_IMPORTS + LATE_IMPORTS)
                become(config.user)
        except (ConfigError, PrivilegeError, ShortageError) as error:
            self._refused = config
            self._retry_at = time.monotonic() + RETRY
            self._fault = error.faults[0] if isinstance(error, ConfigError) else Fault(str(error))
            self._say(Unusable(self._fault))
        else:
            self._refused = None
            self._discoverer = discoverer  # as root it asks nobody
            self._config = config
            self._when_configured()
            self._say(Ready())
            self._when_ready()
            _import_now(
                FETCH_IMPORTS
            )  # the start need not wait for it, and no question pays for it
            gc.freeze()  # what was imported stays: to look for garbage in it takes milliseconds

    async def _answer(self, ask: Ask, cost: Cost) -> None:
        late = self.lag.seconds
        answer: messages.ToDaemon
        try:
            if self._discoverer is None:
                answer = Misconfigured(ask.number, str(self._fault))
            else:
                with charged(DnsAnswerError, f"reading DNS for {ask.about}"):
                    found = await _find(self._discoverer, ask)
                if isinstance(found, Observed) and self._may_have_missed(found, late, cost):
                    answer = Overloaded(ask.number, TOO_BUSY)
                else:
                    answer = Found(ask.number, msgspec.Raw(messages.encode(found)))
        except DiscoveryError as error:
            # What it took itself is no lateness of ours.
            if self.lag.matters(since=late + cost.seconds, of=self._patience(error)):
                answer = Overloaded(ask.number, TOO_BUSY)
            else:
                answer = messages.failed(ask.number, error)
        except ShortageError as error:
            self._log_shortage(error)
            answer = Overloaded(ask.number, str(error))
        except Exception as error:  # noqa: BLE001  one domain must not end the others' discovery
            log.bug("internal-error", error, domain=ask.about, during=f"discovery: {ask.question}")
            answer = Overloaded(ask.number, "an internal error, which the log shows")
        try:
            self._say(answer)
        except ValueError as error:
            log.error(
                "result-too-long",
                domain=ask.about,
                reason=str(error),
                action="raise the limit net.core.wmem_max of this host",
            )
            self._say(Overloaded(ask.number, "the result is too long for this host's sockets"))

    def _log_shortage(self, error: ShortageError) -> None:
        now = time.monotonic()
        if now - self._shortage_logged_at >= SHORTAGE_LOGGED:
            self._shortage_logged_at = now
            log.error(
                "discovery-impossible",
                reason=str(error),
                action="look-ups of new domains are deferred until it is mended",
            )

    def _may_have_missed(self, observed: Observed, late: float, cost: Cost) -> bool:
        """Tell whether what could not be seen may be there, and we were late to look."""
        patience = self._config.dns.timeout
        failed = any(observed.failures())
        return failed and self.lag.matters(since=late + cost.seconds, of=patience)

    def _patience(self, error: DiscoveryError) -> float:
        """Return the seconds after which `error` comes; for ever where no lateness leads to it.

        A policy host that is kept waiting gives up, and closes the connection. Of several name
        servers one may have said that it fails, and the others have run out of time.
        """
        match error:
            case DnsTimeoutError() | DnsServerError() | PolicyHostError():
                return self._config.dns.timeout
            case FetchTimeoutError() | ConnectError() | BodyError():
                return self._config.https.timeout
        return math.inf

    def _say(self, message: messages.ToDaemon) -> None:
        self._channel.send(messages.encode(message))


def _import_now(modules: tuple[str, ...]) -> None:
    """Import `modules`.

    A question is measured, and on a slow processor all that would take a good part of what it may
    cost. What cannot be imported fails again where it is used, which then is a failure of ours.
    """
    try:
        import_now(modules)
    except Exception as error:  # noqa: BLE001  whatever a module does when it is imported
        log.bug("internal-error", error, during="the discoverer's start")


_Findings = FoundSts | Policy | FoundDane | Probe | Observed


async def _find(discoverer: DirectDiscoverer, ask: Ask) -> _Findings:
    """Find out what is asked for. Raise DiscoveryError or ShortageError."""
    found: _Findings
    match ask.question:
        case "sts":
            found = await discoverer.sts(ask.about, ask.known_ids)
        case "policy":
            found = await discoverer.policy(ask.about)
        case "dane":
            dane = await discoverer.dane(ask.about)
            finding = dane.finding._replace(hosts=())  # nobody looks at them
            found = dane._replace(finding=finding)
        case "hosts":
            found = await discoverer.hosts(ask.about)
        case "probe":
            found = await discoverer.probe()
        case "published":
            found = await discoverer.published(ask.about, smtp=ask.smtp)
    return found
