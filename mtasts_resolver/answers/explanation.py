"""One discovery from scratch, with every step and its outcome, for an administrator to read."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mtasts_resolver.answers.service import NOT_ASKED, reply_for
from mtasts_resolver.answers.words import decision, in_words, override_decision
from mtasts_resolver.base.clock import SystemClock
from mtasts_resolver.base.events import Events
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.dns.client import DnsClient
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError
from mtasts_resolver.discovery.mx import mx_hosts, why_no_mail
from mtasts_resolver.discovery.trace import Step, Trace
from mtasts_resolver.knowledge.dnssec import DnssecProbe
from mtasts_resolver.policy import (
    Dane,
    DaneFinding,
    NextHop,
    Policy,
    StsFinding,
    matches,
    parse_next_hop,
)
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.postfix.reply import NOT_FOUND, Reply
from mtasts_resolver.worker.direct import DirectDiscoverer

MAX_MX_SHOWN = 20  # more MX hosts than a domain has for a reason
NO_FIT = "fits no mx of the policy"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found out about one lookup key, and how."""

    key: str
    map_name: str
    hop: NextHop | None
    """None where no policy can apply to the key."""
    steps: list[Step]
    finding: StsFinding
    dane: DaneFinding
    outcome: str
    """The finding of MTA-STS in words."""
    decision: str
    """Which of an override, DANE and MTA-STS decides, and why."""
    reply: Reply
    """What Postfix would get if nothing were cached."""
    override: Override | None = None
    """The one that counts for the key."""
    would_be: Reply | None = None
    """What the reply would be if the map did not only observe."""

    @property
    def domain(self) -> str | None:
        """The policy domain."""
        return None if self.hop is None else self.hop.domain


async def explain_key(
    key: str,
    config: Config,
    map_name: str,
    on_step: Callable[[str], None],
    override: Override | None = None,
) -> Explanation:
    """Discover the policy for the lookup `key` afresh, as the daemon with `config` would.

    `on_step` is called with the name of each step as it begins; `override` is the one that counts
    for the key. What is published is looked for although it decides.

    Raise ConfigError where what the configuration names is no use, and ShortageError where this
    host lacks what it takes.
    """
    hop = parse_next_hop(key)
    if hop is None:
        finding = StsFinding(None, "no policy can apply to this key (RFC 8461 §3.4)", "no-domain")
        return Explanation(
            key, map_name, None, [], finding, DaneFinding(Dane.OFF), finding.reason, "", NOT_FOUND
        )
    options = config.map_options(map_name)
    trace = Trace(begin=on_step)
    discoverer = DirectDiscoverer.configured(config, trace)
    finding = await _discover_policy(hop, discoverer, trace)
    dane = NOT_ASKED.finding
    if options.dane:
        dane = await _discover_dane(hop, discoverer, config, trace)
    due = reply_for(hop.domain, finding, dane, options, config)
    why = decision(dane, finding, options)
    if override is not None and override.reply is not None:
        due, why = override.reply, override_decision(override)
    observes = config.observes(options) and (override is None or override.action != "live")
    return Explanation(
        key=key,
        map_name=map_name,
        hop=hop,
        steps=trace.steps,
        finding=finding,
        dane=dane,
        outcome=in_words(finding),
        decision=why,
        reply=NOT_FOUND if observes else due,
        override=override,
        would_be=due if observes else None,
    )


async def _discover_policy(hop: NextHop, discoverer: DirectDiscoverer, trace: Trace) -> StsFinding:
    try:
        await discoverer.record(hop.domain)
        policy = await discoverer.policy(hop.domain)
    except DiscoveryError as error:
        return StsFinding(None, str(error), error.code, known=not isinstance(error, DnsError))
    await _compare_hosts(hop, policy, discoverer.dns, trace)
    return StsFinding(policy)


async def _discover_dane(
    hop: NextHop, discoverer: DirectDiscoverer, config: Config, trace: Trace
) -> DaneFinding:
    dnssec = DnssecProbe(discoverer, config.dns.dnssec, SystemClock(), Events())
    with trace.step("DNSSEC") as step:
        await dnssec.probe()
        step.ok, step.outcome = bool(dnssec.validates), dnssec.state
        step.absent = dnssec.validates is False
    if dnssec.validates:
        return (await discoverer.dane(str(hop))).finding
    status = Dane.UNKNOWN if dnssec.validates is None else Dane.OFF
    return DaneFinding(status, dnssec.state)


async def _compare_hosts(hop: NextHop, policy: Policy, dns: DnsClient, trace: Trace) -> None:
    """Show which MX hosts fit the policy, or whether the smart host does (RFC 8461 §4.1).

    The daemon does not ask for them: Postfix compares the names when it delivers.
    """
    if hop.is_host:
        fit = _fit(hop.domain, policy)
        trace.steps.append(Step(f"host {hop.domain}", ok=fit != NO_FIT, outcome=fit))
        return
    # What failed is what the step shows.
    with suppress(DnsError), trace.step(f"MX {hop.domain}") as step:
        answer = await dns.query(hop.domain, "MX")
        if (reason := why_no_mail(answer)) is not None:
            step.absent, step.outcome = True, reason
            return
        hosts = mx_hosts(answer)
        fits = {host: _fit(host, policy) for host in hosts[:MAX_MX_SHOWN]}
        misfits = sum(fit == NO_FIT for fit in fits.values())
        step.ok = not misfits
        step.outcome = f"MX hosts: {len(hosts)}, outside the policy: {misfits}"
        step.details = tuple(f"{host}: {fit}" for host, fit in fits.items())


def _fit(host: str, policy: Policy) -> str:
    return next((f"fits {mx}" for mx in policy.mx if matches(host, mx)), NO_FIT)
