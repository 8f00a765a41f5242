"""One discovery from scratch, with every step and its outcome, for an administrator to read."""

import time
from dataclasses import dataclass

from dns.rdtypes.ANY.MX import MX

from mtasts_resolver.assembly import dns_client, policy_fetcher
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.dns import DnsClient, Status
from mtasts_resolver.discovery.errors import DiscoveryError, DnsError
from mtasts_resolver.discovery.record import lookup_record
from mtasts_resolver.discovery.trace import Step, Trace
from mtasts_resolver.lookup import reply_for
from mtasts_resolver.policy import Mode, Policy, StsFinding, matches, policy_domain
from mtasts_resolver.reply import NOT_FOUND, Reply

MAX_MX_SHOWN = 20  # more MX hosts than a domain has for a reason


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found out about one lookup key, and how."""

    key: str
    map_name: str
    domain: str | None
    """The policy domain; None where no policy can apply to the key."""
    steps: list[Step]
    finding: StsFinding
    outcome: str
    """The finding in words."""
    reply: Reply
    """What Postfix would get if nothing were cached."""


async def explain_key(key: str, config: Config, map_name: str) -> Explanation:
    """Discover the policy for the lookup `key` afresh, as the daemon with `config` would.

    Raise ConfigError where what the configuration names is no use.
    """
    domain = policy_domain(key)
    if domain is None:
        finding = StsFinding(None, "no policy can apply to this key (RFC 8461 §3.4)", "no-domain")
        return Explanation(key, map_name, None, [], finding, finding.reason, NOT_FOUND)
    trace = Trace()
    finding = await _discover(domain, config, trace)
    return Explanation(
        key=key,
        map_name=map_name,
        domain=domain,
        steps=trace.steps,
        finding=finding,
        outcome=_in_words(finding),
        reply=reply_for(finding, config.map_options(map_name), config),
    )


async def _discover(domain: str, config: Config, trace: Trace) -> StsFinding:
    dns = dns_client(config)
    fetcher = policy_fetcher(dns, config)
    try:
        await lookup_record(dns, domain, trace)
        fetched = await fetcher.fetch_policy(domain, trace)
    except DiscoveryError as error:
        return StsFinding(None, str(error), error.code, known=not isinstance(error, DnsError))
    finally:
        await fetcher.aclose()
    await _compare_mx_hosts(domain, fetched.policy, dns, trace)
    return StsFinding(fetched.policy)


async def _compare_mx_hosts(domain: str, policy: Policy, dns: DnsClient, trace: Trace) -> None:
    """Show which of the domain's MX hosts fit the policy (RFC 8461 §4.1).

    The daemon does not ask for them: Postfix compares the names when it delivers.
    """
    begun = time.monotonic()
    question = f"MX {domain}"
    try:
        answer = await dns.query(domain, "MX")
    except DnsError as error:
        seconds = time.monotonic() - begun
        trace.record(question, ok=False, seconds=seconds, outcome=str(error))
        return
    seconds = time.monotonic() - begun
    hosts = [
        record.exchange.to_text(omit_final_dot=True).lower()
        for record in answer.records
        if isinstance(record, MX)
    ]
    if answer.status is not Status.FOUND:
        hosts = [domain]  # RFC 5321 §5.1: the domain itself is the implicit MX host
    details = []
    for host in hosts[:MAX_MX_SHOWN]:
        pattern = next((mx for mx in policy.mx if matches(host, mx)), None)
        details.append(f"{host}: " + (f"fits {pattern}" if pattern else "fits no mx of the policy"))
    misfits = sum("fits no mx" in detail for detail in details)
    outcome = f"{len(hosts)} MX hosts, {misfits} outside the policy"
    trace.record(question, ok=not misfits, seconds=seconds, outcome=outcome, details=tuple(details))


def _in_words(finding: StsFinding) -> str:
    policy = finding.policy
    if policy is None:
        prefix = "" if finding.known else "the name servers failed: "
        return f"no policy: {prefix}{finding.reason}"
    if policy.mode is Mode.NONE:
        return "policy in mode none: deliver as though there were none (RFC 8461 §5)"
    return f"policy in mode {policy.mode} for {', '.join(policy.mx)}; max_age {policy.max_age} s"
