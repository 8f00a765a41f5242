"""What was found, and what decides, in words for an administrator."""

from mtasts_resolver.base.timestamps import timestamp
from mtasts_resolver.config import MapOptions
from mtasts_resolver.policy import Dane, DaneFinding, Mode, StsFinding, is_enforced
from mtasts_resolver.postfix.override import Override


def decision(dane: DaneFinding, sts: StsFinding, options: MapOptions) -> str:
    """Say which of DANE and MTA-STS decides (RFC 8461 §2), and why."""
    enforced = sts.policy is not None and is_enforced(
        sts.policy, enforce_testing=options.testing == "enforce"
    )
    match dane.status:
        case Dane.REQUIRED:
            words = "DANE decides: every host that can be used can be verified with it"
        case Dane.UNKNOWN if enforced:
            words = "nothing can be decided: DANE may apply, and MTA-STS must not override it"
        case Dane.UNKNOWN if options.dane == "only":
            words = "nothing can be decided: it may be that DANE can verify every host"
        case Dane.PARTIAL if enforced:
            words = "MTA-STS decides: DANE could not verify every host, the policy can"
        case Dane.PARTIAL if options.dane == "only":
            words = "main.cf decides: DANE could not verify every host, as dane: only asks"
        case Dane.PARTIAL | Dane.UNKNOWN:
            words = "DANE decides, host by host, as far as there are TLSA records"
        case _ if enforced:
            words = "MTA-STS decides: DANE does not apply"
        case _:
            words = "neither DANE nor MTA-STS applies: main.cf decides"
    return words


def override_decision(override: Override) -> str:
    """Say that an override decides, and which."""
    does = override.text or override.action
    ends = "" if override.until is None else f", until {timestamp(override.until)}"
    whose = f"added by {override.user}" if override.user else f"from the {override.origin}"
    return f"an override decides: {override.pattern}: {does}{ends} ({override.reason}; {whose})"


def in_words(finding: StsFinding) -> str:
    policy = finding.policy
    if policy is None:
        prefix = "" if finding.known else "the name servers failed: "
        return f"no policy: {prefix}{finding.reason}"
    if policy.mode is Mode.NONE:
        return "policy in mode none: deliver as though there were none (RFC 8461 §5)"
    words = f"policy in mode {policy.mode} for {', '.join(policy.mx)}; max_age {policy.max_age} s"
    if policy.left_out:
        words += f"; left out, as no MX host can have such a name: {', '.join(policy.left_out)}"
    return words
