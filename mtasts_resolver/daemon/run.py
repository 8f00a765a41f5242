"""The daemon: startup, main loop, shutdown."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from msgspec import Struct

from mtasts_resolver import __version__
from mtasts_resolver.base import logs
from mtasts_resolver.base.clock import Clock, SystemClock
from mtasts_resolver.base.counters import Counters
from mtasts_resolver.base.lateimport import import_beside
from mtasts_resolver.base.privileges import (
    PrivilegeError,
    can_start_python,
    drop_privileges,
    import_now,
)
from mtasts_resolver.base.recent import RecentTrouble
from mtasts_resolver.config import (
    Config,
    ConfigError,
    Loaded,
    changes,
    load_file,
)
from mtasts_resolver.control import door
from mtasts_resolver.control.answering import AnsweringParts, InForce
from mtasts_resolver.control.door import Door
from mtasts_resolver.control.sockets import doors
from mtasts_resolver.daemon.assembly import assemble
from mtasts_resolver.daemon.last_config import KeptFile
from mtasts_resolver.daemon.status import status_line
from mtasts_resolver.daemon.systemd import ActivatedSocket, Notifier
from mtasts_resolver.knowledge.events import DaemonChanged, DnssecChanged, PoliciesLoaded
from mtasts_resolver.server.listeners import (
    Listener,
    ListenError,
    adopt_socket,
    open_listeners,
)
from mtasts_resolver.store.errors import HeldError, StoreError
from mtasts_resolver.store.files import check_free
from mtasts_resolver.store.fitness import check_fit
from mtasts_resolver.worker.supervisor import Supervisor

if TYPE_CHECKING:  # else all that watches were imported before the first answer
    from mtasts_resolver.daemon.parts import Parts

log = logs.get(__name__)

# What is imported behind the first answers. It has a function `watch`.
PARTS = "mtasts_resolver.daemon.parts"
# Seconds that those who wait since before the start have to be answered in before that import,
# beside which each turn of the loop takes longer. The discoverer takes five times as long to start.
FIRST_ANSWERS = 0.05
DRAIN_TIMEOUT = 10.0  # seconds that look-ups in hand get to be answered at shutdown
STATUS_INTERVAL = 30.0  # seconds between two updates of the line that `systemctl status` shows
RESTART_PAUSE = 300.0  # seconds before background work begins again after a bug ended it
# In this process 4,096 connections, the store and the listeners. In the other, which has this limit
# from here, 768 discoveries of policies with up to 8 sockets each, and 768 of DANE with up to 10.
OPEN_FILES = 16_384


class StartError(Exception):
    """The daemon cannot start as configured; the text says what to change."""


class TemporaryStartError(StartError):
    """It cannot start now: an address is in use, which may pass without a change."""


class Given(Struct, frozen=True):
    """What the process was given, besides a configuration."""

    find_config: Callable[[], Path | None]
    """Returns the file to be read at SIGHUP, None for the defaults."""
    environ: Mapping[str, str]
    sockets: Sequence[ActivatedSocket]
    """Passed by the service manager. They stay open, for another run may need them."""
    kept: KeptFile | None
    """Where to keep the configuration that is in force."""


def run(given: Given, loaded: Loaded, *, unproven: bool = False, faulty: bool = False) -> None:
    """Serve with a configuration until SIGTERM or SIGINT. Raise StartError.

    `unproven` tells that it may not work where another one would: nobody is answered before it is
    known to. `faulty` tells that it is this other one, and not the one of the file.
    """
    daemon = Daemon(given, loaded, unproven=unproven, faulty=faulty)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(daemon.run())


class Daemon:
    """One run of the daemon, from its configuration to its end."""

    def __init__(self, given: Given, loaded: Loaded, *, unproven: bool, faulty: bool) -> None:
        self._given = given
        config, self._text, self._source = loaded
        self._unproven = unproven
        self._uid = os.geteuid()
        self._clock: Clock = SystemClock()
        file = given.kept.path if faulty and given.kept else given.find_config()
        self._in_force = InForce(config, file, self._clock.wall(), faulty)
        self._trouble = RecentTrouble()
        self._counters = Counters()
        self._notifier = Notifier(given.environ, os.getpid())
        self._stop = asyncio.Event()
        self._news = asyncio.Event()  # for the status line
        self._doors: list[Door] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def _config(self) -> Config:
        return self._in_force.config

    async def run(self) -> None:
        """Start, work until told to stop, and end in good order."""
        asyncio.get_running_loop().set_exception_handler(logs.log_loop_error)
        with self._trouble.listening():
            parts = await self._startup()
            try:
                await self._stop.wait()
            finally:
                await self._shutdown(parts)

    # -- startup -----------------------------------------------------------------------------

    async def _startup(self) -> "Parts":
        log.info("starting", version=__version__, config=self._in_force.file or "defaults")
        _raise_open_files_limit()
        listeners = await self._open_listeners()
        self._open_doors()
        discoverer = Supervisor(self._config, self._clock, self._counters)
        try:
            # Before privileges are dropped: the user need not be able to read Python.
            if not (can_start_again := self._can_start_again()):
                import_now((PARTS, *door.LATE_IMPORTS))
            discoverer.start(spare=not can_start_again)
            answering = await self._assemble(listeners, discoverer)
        except BaseException:
            for listener in listeners:
                listener.close()
            self._close_doors()
            await discoverer.close()
            raise
        parts: AnsweringParts = answering
        try:
            self._begin(answering)
            if self._unproven:
                await discoverer.ready()
            await answering.server.start()
            for listener in listeners:
                log.info("listening", protocol=listener.protocol, address=listener.name)
            parts = await self._watch(answering)
            await discoverer.ready()
        except BaseException as error:
            await self._close(parts)
            if isinstance(error, ConfigError):
                raise StartError("; ".join(map(str, self._source.locate(error.faults)))) from None
            raise
        self._notifier.ready()
        log.info("ready")
        parts.past.history.open()  # now that it delays nothing
        self._keep(self._text)
        gc.freeze()  # what was made so far stays: to look for garbage in it takes milliseconds
        return parts

    def _begin(self, answering: AnsweringParts) -> None:
        """Heed signals, and begin what the first answers need in the background."""
        answering.events.publish(DaemonChanged("started", f"version {__version__}"))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload, answering)
        self._keep_on("discoverer", answering.discoverer.run)
        if self._notifier.watchdog_interval is not None:
            feeding = self._feed_watchdog(self._notifier.watchdog_interval)
            self._tasks.append(asyncio.create_task(feeding, name="watchdog"))

    async def _watch(self, answering: AnsweringParts) -> "Parts":
        """Behind the first answers begin all that watches, and what else goes on."""
        await asyncio.sleep(FIRST_ANSWERS)
        (module,) = await import_beside(PARTS)
        parts: Parts = module.watch(answering, [one.way_in for one in self._doors])
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload, parts)
        for name, work in parts.background().items():
            self._keep_on(name, work)
        for way_in in self._doors:
            self._keep_on("door", partial(way_in.run, parts))
        self._keep_on("status", partial(self._keep_status, parts))
        return parts

    def _keep_on(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._keep_running(work), name=name))

    def _keep(self, text: bytes) -> None:
        """Keep the text of the configuration that is in force, without waiting for the disk."""
        kept = self._given.kept
        # What root's successor wrote, root would not read: it could be led by it.
        if kept is not None and os.geteuid() == self._uid:
            kept.write_behind(text)

    async def _open_listeners(self) -> list[Listener]:
        """Open what is configured; where systemd passes sockets, they take its place."""
        if self._given.sockets:
            return [_adopt(activated) for activated in self._given.sockets]
        try:
            listeners = await open_listeners(self._config.listen)
        except ListenError as error:
            raise TemporaryStartError(str(error)) from None
        if not listeners:
            raise StartError("nothing to listen on: `listen` is empty and systemd passed no socket")
        return listeners

    def _open_doors(self) -> None:
        path = self._config.control.path(self._given.environ, uid=self._uid)
        self._doors = doors(self._config, path)
        for way_in in self._doors:
            way_in.open()

    def _close_doors(self) -> None:
        for way_in in self._doors:
            way_in.close()

    def _can_start_again(self) -> bool:
        """Tell whether a discoverer can be started later on, without root. Raise StartError."""
        try:
            return can_start_python(self._config.user)
        except PrivilegeError as error:
            raise StartError(str(error)) from None

    async def _assemble(self, listeners: list[Listener], discoverer: Supervisor) -> AnsweringParts:
        """Give up root, put the parts together, and open the store. Raise StartError."""
        config = self._config
        path = config.store.path(self._given.environ, uid=os.geteuid())
        try:
            check_free(path)  # first: what is wrong with a live daemon's files is not to be mended
            if self._unproven:
                # Without its store it would start, too, and know none of the policies.
                drop_privileges(config.user, path, check_fit)
            else:
                drop_privileges(config.user, path)
            answering = assemble(
                path,
                listeners,
                discoverer,
                clock=self._clock,
                counters=self._counters,
                in_force=self._in_force,
                trouble=self._trouble,
            )
            for news in (PoliciesLoaded, DnssecChanged):
                answering.events.listen(news, lambda _: self._news.set())
            # 200,000 policies, of which each look for garbage would take 20 milliseconds.
            answering.events.listen(PoliciesLoaded, lambda _: gc.freeze())
            answering.overrides.load()
            await answering.store.open()
        except HeldError as error:
            raise TemporaryStartError(str(error)) from None
        except (PrivilegeError, StoreError) as error:
            raise StartError(str(error)) from None
        return answering

    # -- main loop ---------------------------------------------------------------------------

    async def _keep_running(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run what works for ever, and begin again where a bug has ended it."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  answers must go on while this is mended
                log.bug("internal-error", error, during="background work")
            else:
                return
            await self._clock.sleep(RESTART_PAUSE)

    async def _feed_watchdog(self, interval: float) -> None:
        """Tell systemd that the event loop turns: where it does not, neither does this.

        Both count by CLOCK_MONOTONIC, as the event loop does.
        """
        while True:
            self._notifier.watchdog()
            await asyncio.sleep(interval)

    async def _keep_status(self, parts: "Parts") -> None:
        """Tell the status at the start and from time to time; at once when something begins."""
        while True:
            self._news.clear()
            self._notifier.status(self._status(parts))
            parts.flush_logs()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_INTERVAL):
                    await self._news.wait()

    def _status(self, answering: AnsweringParts) -> str:
        faulty = "the configuration file is FAULTY, an older one is in force; "
        return (faulty if self._in_force.faulty else "") + status_line(answering)

    def _reload(self, answering: AnsweringParts) -> None:
        """Read the configuration again; where it is not valid, the old one stays in force."""
        self._notifier.reloading()
        try:
            new, text, _ = load_file(self._given.find_config())
        except ConfigError as error:
            self._in_force.faulty = True
            for fault in map(str, error.faults):
                log.error("configuration-rejected", reason=fault, action="the old one is in force")
        else:
            found = changes(self._config, new)
            in_force = self._in_force
            in_force.config, in_force.restart = found.in_force, found.restart
            in_force.file, in_force.loaded_at = self._given.find_config(), self._clock.wall()
            in_force.faulty = False
            logs.setup_logging(self._config.log.level, self._config.log.format)
            answering.reconfigure(self._config)
            log.info("configuration-reloaded", applied=found.applied)
            if found.applied:
                keys = ", ".join(found.applied)
                answering.events.publish(DaemonChanged("configuration-reloaded", keys))
            if found.restart:
                log.warning("restart-needed", keys=found.restart)
            else:
                self._keep(text)
        self._notifier.status(self._status(answering))
        self._notifier.ready()

    # -- shutdown ----------------------------------------------------------------------------

    async def _shutdown(self, parts: "Parts") -> None:
        """Stop accepting, answer what is in hand, flush the store: each for a bounded time."""
        self._notifier.stopping()
        log.info("stopping")
        parts.events.publish(DaemonChanged("stopped"))
        await self._close(parts)
        log.info("stopped", lookups=parts.service.tallies.total(), **self._counters.as_dict())

    async def _close(self, answering: AnsweringParts) -> None:
        answering.server.stop_accepting()
        for task in self._tasks:
            task.cancel()
        await answering.server.drain(DRAIN_TIMEOUT)
        await answering.server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close_doors()
        await answering.close()


def _adopt(activated: ActivatedSocket) -> Listener:
    return adopt_socket(activated.protocol, activated.sock.dup())


def _raise_open_files_limit() -> None:
    """Raise the limit of open files to what the connection limit needs, as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < OPEN_FILES:
        log.warning("open-files-limit-low", limit=wanted, wanted=OPEN_FILES)
