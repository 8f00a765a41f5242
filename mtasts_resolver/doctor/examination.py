"""This host looked over as a whole: all is looked at first, and then judged, subject by subject."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.config import parse_address
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.discovery.tls.authorities import trusting_context
from mtasts_resolver.doctor.certificates import Roots
from mtasts_resolver.doctor.configuration import judge_reading
from mtasts_resolver.doctor.daemon import SeenDaemon, judge_daemon
from mtasts_resolver.doctor.daemonlook import DaemonPlace, look_at_daemon
from mtasts_resolver.doctor.host import SeenSystem, judge_system
from mtasts_resolver.doctor.hostlook import DNS_PATIENCE, look_at_system
from mtasts_resolver.doctor.inbound import SeenInbound, judge_inbound
from mtasts_resolver.doctor.inboundlook import look_at_inbound
from mtasts_resolver.doctor.installations import (
    SeenProgram,
    judge_programs,
    look_for_programs,
)
from mtasts_resolver.doctor.instance import PostfixInstance, PostfixReading
from mtasts_resolver.doctor.looking import look_around
from mtasts_resolver.doctor.mailsystem import SeenMaster, judge_master, look_at_master
from mtasts_resolver.doctor.outbound import judge_outbound
from mtasts_resolver.doctor.outbound.nexthops import NamedHop
from mtasts_resolver.doctor.reading import read_postfix
from mtasts_resolver.doctor.smarthosts import policy_finder
from mtasts_resolver.doctor.surroundings import LookupPlace, OurLookups, Surroundings
from mtasts_resolver.doctor.trial import SeenTrial, judge_trial, try_domain
from mtasts_resolver.doctor.units import judge_unit_files, judge_units, look_at_units
from mtasts_resolver.doctor.well import well
from mtasts_resolver.findings import Finding

Tell = Callable[[str], None]

DAEMON, POSTFIX, HOST = "daemon", "Postfix", "host"
SENDING, RECEIVING = "Postfix, sending", "Postfix, receiving"
"""The names of the parts."""


class ExaminedPart(Struct, frozen=True):
    """What was found of one subject."""

    name: str
    findings: tuple[Finding, ...]


class Examination(Struct, frozen=True):
    """All that was found."""

    sections: tuple[ExaminedPart, ...]
    instances: tuple[PostfixInstance, ...] = ()
    """Of Postfix, that were looked at."""
    blind: bool = False
    """Neither Postfix nor the daemon could be looked at."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of all sections, in their order."""
        return tuple(finding for section in self.sections for finding in section.findings)


class SeenOutbound(Struct, frozen=True):
    """One instance's side that sends, and what it names on this host."""

    instance: PostfixInstance
    around: Surroundings
    hops: tuple[NamedHop, ...]


class SeenAll(Struct, frozen=True, kw_only=True):
    """All that was looked at."""

    postfix: PostfixReading
    masters: tuple[SeenMaster, ...]
    daemon: SeenDaemon
    system: SeenSystem
    inbound: tuple[SeenInbound, ...]
    outbound: tuple[SeenOutbound, ...]
    trial: SeenTrial | None
    programs: tuple[SeenProgram, ...] = ()


def examine(
    place: DaemonPlace,
    postfix_config: Path | None,
    environ: Mapping[str, str],
    uid: int,
    *,
    trial: str | None = None,
    offline: bool = False,
    tell: Tell = lambda _words: None,
) -> Examination:
    """Look at this host, and judge what was seen. It is for a process of one thread.

    The policy of a domain `trial` is fetched besides; `offline` nobody is asked but this host, and
    no resolver. `tell` hears what is looked at next.
    """
    tell("Postfix's configuration")
    postfix = read_postfix(postfix_config, environ=environ, uid=uid)
    masters = tuple(map(look_at_master, postfix.instances))
    tell("the daemon")
    units = look_at_units(environ, uid)
    daemon = look_at_daemon(place, postfix.instances, units, environ, uid)
    tell("the resolver, and port 25")
    system, inbound = asyncio.run(_look_around(place, masters, offline=offline))
    tell("what Postfix's configuration names")
    ours = _our_lookups(place, daemon, system)
    finder = None if offline else policy_finder(place.config)
    outbound = [SeenOutbound(one, *look_around(one, ours, finder)) for one in postfix.instances]
    if trial is not None:
        tell(f"the policy of {escaped(trial)}")
    seen = SeenAll(
        postfix=postfix,
        masters=masters,
        daemon=daemon,
        system=system,
        inbound=inbound,
        outbound=tuple(outbound),
        trial=None if trial is None else asyncio.run(try_domain(trial, place.config)),
        programs=look_for_programs(),
    )
    return judge_all(seen)


def judge_all(seen: SeenAll) -> Examination:
    """Judge what was seen."""
    units = seen.daemon.units
    daemon = [*judge_unit_files(units), *judge_daemon(seen.daemon), *judge_units(units)]
    daemon += judge_programs(seen.programs)
    if seen.trial is not None:
        daemon += judge_trial(seen.trial)
    postfix = [finding for one in seen.masters for finding in judge_master(one)]
    postfix += judge_reading(seen.postfix)
    sending: list[Finding] = []
    for one in seen.outbound:
        found = list(judge_outbound(one.instance, one.around, one.hops))
        sending += found or [well(one.instance.label or "smtp(8)", "is set as it should be")]
    receiving = [finding for one in seen.inbound for finding in judge_inbound(one)]
    parts = (
        ExaminedPart(DAEMON, tuple(daemon)),
        ExaminedPart(POSTFIX, tuple(postfix)),
        ExaminedPart(SENDING, tuple(sending)),
        ExaminedPart(RECEIVING, tuple(receiving)),
        ExaminedPart(HOST, tuple(judge_system(seen.system))),
    )
    blind = not seen.postfix.instances and seen.daemon.reach == "denied"
    return Examination(parts, seen.postfix.instances, blind)


def _our_lookups(place: DaemonPlace, daemon: SeenDaemon, system: SeenSystem) -> OurLookups:
    """Return where the daemon is asked: as it is configured, and as systemd has it listen."""
    status = daemon.status
    if status is None:  # then it will ask the resolver that was just asked
        resolver = system.resolver
        return OurLookups.configured(
            place.config,
            validates=None if resolver is None or resolver.failure else resolver.authenticated,
        )
    listening = []
    for one in status.listening:
        with suppress(ValueError):  # an abstract socket of systemd's, which Postfix cannot ask
            listening.append(LookupPlace(one.protocol, parse_address(one.address)))
    validates = {"validated": True, "not-validated": False, "off": False}.get(status.dane.dnssec)
    return OurLookups.configured(place.config, listening, validates=validates)


async def _look_around(
    place: DaemonPlace, masters: Iterable[SeenMaster], *, offline: bool
) -> tuple[SeenSystem, tuple[SeenInbound, ...]]:
    """Look at what takes its time, for others are asked."""
    store, instances = place.config.store.path({}, uid=0), [one.instance for one in masters]
    system = await look_at_system(place.config, place.file, store, instances, offline=offline)
    roots, dns = _roots(), None if offline else DnsClient((), timeout=DNS_PATIENCE)
    inbound = [
        await look_at_inbound(
            one.instance, roots, dns, running=one.pid is not None or bool(one.unseen)
        )
        for one in masters
    ]
    return system, tuple(inbound)


def _roots() -> Roots:
    """Return whom this host trusts; nobody where it has no trust store, of which others tell."""
    try:
        return Roots(trusting_context(None))
    except (ValueError, ShortageError):
        return Roots(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
