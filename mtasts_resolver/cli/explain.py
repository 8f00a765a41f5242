"""`mtasts-resolver explain`: discover a policy afresh, and show every step."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click

from mtasts_resolver import logs
from mtasts_resolver.cli import exit_codes
from mtasts_resolver.cli.client import DaemonUnreachableError, ask
from mtasts_resolver.cli.options import (
    config_errors,
    config_option,
    json_option,
    map_option,
    read_config,
)
from mtasts_resolver.cli.query import show, socketmap_address
from mtasts_resolver.config import Config
from mtasts_resolver.discovery.errors import ShortageError
from mtasts_resolver.explanation import Explanation, explain_key
from mtasts_resolver.policy import NextHop
from mtasts_resolver.reply import Status


@click.command()
@click.argument("domain")
@map_option
@config_option
@json_option
def explain(domain: str, map_name: str, config_file: Path | None, *, as_json: bool) -> None:
    """Discover the policy of DOMAIN afresh, and show every step and its outcome.

    Nothing is read from the daemon's cache, and nothing is written to it. Exit codes: 0 where a
    policy was found or DANE applies, 1 where neither is so, 75 where the name servers failed.
    """
    config = read_config(config_file)
    logs.setup_logging("error", "text")  # what else would be logged is among the steps
    with config_errors():
        try:
            explanation = asyncio.run(explain_key(domain, config, map_name))
        except ShortageError as error:
            click.echo(f"nothing can be found out about {domain} now: {error}", err=True)
            sys.exit(exit_codes.TEMPORARY)
    cached = _ask_daemon(config, map_name, domain)
    if as_json:
        click.echo(json.dumps(_as_dict(explanation, cached), indent=2))
    else:
        click.echo(_as_text(explanation, cached))
    sys.exit(_exit_code(explanation))


def _ask_daemon(config: Config, map_name: str, key: str) -> str | None:
    """Return what the running daemon answers, or None where none can be asked."""
    try:
        return show(ask(socketmap_address(config), map_name, key))
    except (DaemonUnreachableError, click.UsageError):
        return None


def _exit_code(explanation: Explanation) -> int:
    if explanation.reply.status is Status.TEMP or not explanation.finding.known:
        return exit_codes.TEMPORARY
    found = explanation.finding.policy is not None or explanation.reply.status is Status.OK
    return 0 if found else exit_codes.NEGATIVE


def _as_text(explanation: Explanation, cached: str | None) -> str:
    lines = [f"lookup key     {explanation.key}"]
    lines.append(f"policy domain  {explanation.domain or 'none: no policy can apply to this key'}")
    if explanation.hop is not None:
        lines.append(f"next hop       {_hosts(explanation.hop)}")
    for step in explanation.steps:
        mark = "ok  " if step.ok else "FAIL"
        lines += ["", f"{mark}  {step.name}  ({step.seconds:.3f} s)", f"      {step.outcome}"]
        lines += [f"      | {detail}" for detail in step.details]
    lines += ["", f"MTA-STS        {explanation.outcome}"]
    if explanation.domain is not None:
        lines.append(f"DANE           {explanation.dane.status.value}: {explanation.dane.reason}")
        lines.append(f"decision       {explanation.decision}")
    lines.append(f"Postfix gets   {show(explanation.reply)}  (map {explanation.map_name})")
    if cached is None:
        lines.append("the daemon     could not be asked for what it has cached")
    else:
        lines.append(f"the daemon     answers {cached}")
    return "\n".join(lines)


def _hosts(hop: NextHop) -> str:
    """Say which hosts DANE is asked of, and at which port."""
    return f"{'the host' if hop.is_host else 'MX hosts of'} {hop.domain}, port {hop.port}"


def _as_dict(explanation: Explanation, cached: str | None) -> dict[str, Any]:
    policy = explanation.finding.policy
    return {
        "key": explanation.key,
        "domain": explanation.domain,
        "map": explanation.map_name,
        "steps": [
            {
                "name": step.name,
                "ok": step.ok,
                "seconds": round(step.seconds, 6),
                "outcome": step.outcome,
                "details": list(step.details),
            }
            for step in explanation.steps
        ],
        "policy": None
        if policy is None
        else {
            "mode": policy.mode,
            "max_age": policy.max_age,
            "mx": list(policy.mx),
            "left_out": list(policy.left_out),
        },
        "outcome": explanation.outcome,
        "dane": {
            "next_hop": None if explanation.hop is None else str(explanation.hop),
            "status": explanation.dane.status.value,
            "reason": explanation.dane.reason,
            "hosts": [
                {"name": host.name, "outcome": host.outcome.value, "detail": host.detail}
                for host in explanation.dane.hosts
            ],
        },
        "decision": explanation.decision,
        "code": explanation.finding.code or None,
        "reply": {"status": explanation.reply.status, "text": explanation.reply.text},
        "daemon": cached,
    }
