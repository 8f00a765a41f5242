"""What `explain` prints: what Postfix gets now, what a fresh look finds, and how it was found."""

from dataclasses import dataclass
from typing import Any

import click

from mtasts_resolver.answers.explanation import Explanation
from mtasts_resolver.answers.words import override_decision
from mtasts_resolver.base.quoting import escaped
from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.cli.terminal import wrap
from mtasts_resolver.config import Config, show_duration
from mtasts_resolver.discovery.trace import Step
from mtasts_resolver.knowledge.lifetimes import MAX_ABSENCE, MAX_ID_CHECK
from mtasts_resolver.policy import Mode, NextHop
from mtasts_resolver.postfix.override import Override
from mtasts_resolver.postfix.reply import Reply, Status

_LABEL = 18  # columns of the longest label and two spaces
_STEP = 6  # columns of a step's result and two spaces

_MARKS = {"ok": ("ok", "green"), "none": ("none", "cyan"), "failed": ("FAIL", "red")}


@dataclass(frozen=True, slots=True)
class DaemonReply:
    """What the running daemon answers; or why it does not, as `error` says."""

    reply: Reply | None
    error: str = ""


def _result(step: Step) -> str:
    if step.absent:
        return "none"
    return "ok" if step.ok else "failed"


def why_different(explanation: Explanation, now: DaemonReply, config: Config) -> str:
    """Say why a fresh look finds other than what Postfix gets now; empty where it does not."""
    if now.reply is None or str(now.reply) == str(explanation.reply):
        return ""
    if explanation.would_be is not None or _is_overridden(explanation):
        return (
            "an override, or a map that only observes, is in one and not in the other: the"
            " configuration was changed and not reloaded, or the daemon uses another"
        )
    return _why_found_otherwise(now.reply, explanation, show_duration(config.refresh.interval))


def _why_found_otherwise(old: Reply, explanation: Explanation, refresh: str) -> str:
    finding = explanation.finding
    if old.status is Status.TEMP:
        return (
            "the daemon could not find it out, for the reason that it gives. It tries again within"
            " a minute, and so does Postfix later"
        )
    if _is_secure(old) and finding.policy is None:
        return (
            "the daemon has a policy that it fetched before. It applies until its max_age is over"
            f" (RFC 8461 §5.1), although there is {explanation.outcome}"
        )
    if _is_secure(old) and (_is_secure(explanation.reply) or _asks_for_nothing(explanation)):
        return (
            "the daemon has an older policy, or another configuration. It fetches a policy anew"
            " when its record has another id, which it looks at within"
            f" {show_duration(MAX_ID_CHECK)} of use, and every {refresh} in any case"
        )
    if _is_secure(explanation.reply):
        return (
            "the daemon did not find this policy when it looked, or found DANE. It looks for a"
            f" policy again within {show_duration(MAX_ABSENCE)} at most, for TLSA records within 1h"
        )
    return (
        "the daemon knows something else of the TLSA records. It looks again when their TTL is"
        " over, within 1h at most"
    )


def _is_overridden(explanation: Explanation) -> bool:
    return explanation.override is not None and explanation.override.reply is not None


def _is_secure(reply: Reply) -> bool:
    return reply.text.startswith("secure")


def _asks_for_nothing(explanation: Explanation) -> bool:
    policy = explanation.finding.policy
    return policy is not None and policy.mode is not Mode.ENFORCE


def as_text(explanation: Explanation, now: DaemonReply, why: str, columns: int | None) -> str:
    """Return the report: the outcome first, then each step that led to it."""
    lines = []
    for label, text in _outcome(explanation, now, why):
        first, rest = f"{label:{_LABEL}}", " " * _LABEL
        head, *more = wrap(escaped(text), columns, first=first, rest=rest)
        lines += [click.style(first, bold=True) + head.removeprefix(first), *more]
    for step in explanation.steps:
        lines += ["", *_step(step, columns)]
    return "\n".join(lines)


def _outcome(explanation: Explanation, now: DaemonReply, why: str) -> list[tuple[str, str]]:
    fresh = str(explanation.reply)
    if now.reply is None:
        current, look = f"nothing, and so it defers the mail: {now.error}", fresh
    else:
        current = str(now.reply)
        look = fresh if why else "finds the same"
    rows = [("Postfix gets now", current), ("a fresh look", look)]
    if why:
        rows.append(("why they differ", why))
    rows += [
        ("map", explanation.map_name),
        ("lookup key", explanation.key),
        ("policy domain", explanation.domain or "none: no policy can apply to this key"),
        *([("next hop", _hosts(explanation.hop))] if explanation.hop else []),
        ("MTA-STS", explanation.outcome),
    ]
    if explanation.hop is not None:
        rows += [
            ("DANE", f"{explanation.dane.status.value}: {explanation.dane.reason}"),
            ("decision", explanation.decision),
        ]
    if explanation.override is not None and not _is_overridden(explanation):
        rows.append(("override", override_decision(explanation.override)))
    if explanation.would_be is not None:
        rows.append(("observed only", f"it would be {explanation.would_be}"))
    return rows


def _hosts(hop: NextHop) -> str:
    """Say which hosts DANE is asked of, and at which port."""
    return f"{'the host' if hop.is_host else 'MX hosts of'} {hop.domain}, port {hop.port}"


def _step(step: Step, columns: int | None) -> list[str]:
    mark, color = _MARKS[_result(step)]
    first, rest = f"{mark:{_STEP}}", " " * _STEP
    name = escaped(step.name)
    head, *more = wrap(f"{name}  ({step.seconds:.3f} s)", columns, first=first, rest=rest)
    lines = [click.style(first, fg=color, bold=True) + head.removeprefix(first), *more]
    lines += wrap(escaped(step.outcome), columns, first=rest, rest=rest)
    for detail in step.details:
        lines += wrap(escaped(detail), columns, first=f"{rest}| ", rest=f"{rest}|   ")
    return lines


def _override(override: Override | None) -> dict[str, Any] | None:
    if override is None:
        return None
    return {
        "pattern": override.pattern,
        "action": override.action,
        "policy": override.text or None,
        "reason": override.reason,
        "until": None if override.until is None else timestamp(override.until),
        "origin": override.origin,
        "user": override.user or None,
    }


def as_dict(explanation: Explanation, now: DaemonReply, why: str) -> dict[str, Any]:
    policy = explanation.finding.policy
    return {
        "key": explanation.key,
        "domain": explanation.domain,
        "map": explanation.map_name,
        "steps": [
            {
                "name": step.name,
                "ok": step.ok,
                "result": _result(step),
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
        "override": _override(explanation.override),
        "would_be": None if explanation.would_be is None else str(explanation.would_be),
        "code": explanation.finding.code or None,
        "reply": {"status": explanation.reply.status, "text": explanation.reply.text},
        "daemon": None if now.reply is None else str(now.reply),
        "daemon_error": now.error or None,
        "difference": why or None,
    }
