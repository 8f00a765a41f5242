"""What is wrong with what a domain publishes, as the strictest sender would see it.

Values in, values out: nothing is asked, and nothing raised. Each module has one subject, with the
kinds of its findings beside what finds them.
"""

from collections.abc import Iterator

from mtasts_resolver.findings import Finding, Severity, by_urgency
from mtasts_resolver.published.judge.before import SeenBefore
from mtasts_resolver.published.judge.changes import TESTING_FOR_LONG, judge_changes
from mtasts_resolver.published.judge.dane import judge_dane
from mtasts_resolver.published.judge.meant import read
from mtasts_resolver.published.judge.mxhosts import judge_mx_hosts
from mtasts_resolver.published.judge.mxrecords import judge_mx_records
from mtasts_resolver.published.judge.policydocument import TESTING, judge_policy_document
from mtasts_resolver.published.judge.policyhost import judge_policy_host
from mtasts_resolver.published.judge.policyrecord import judge_policy_record
from mtasts_resolver.published.judge.reportrecord import judge_report_record
from mtasts_resolver.published.observed import Observed

# Twenty hosts, each with a dozen defects, have fewer: nobody reads more.
MAX_FINDINGS = 300

__all__ = ["MAX_FINDINGS", "SeenBefore", "judge"]


def judge(observed: Observed, before: SeenBefore | None = None) -> tuple[Finding, ...]:
    """Return what is wrong, or could be better, the worst first; at most MAX_FINDINGS.

    `before` is what was known of the policy earlier, where anything was.
    """
    return tuple(by_urgency(_findings(observed, before))[:MAX_FINDINGS])


def _findings(observed: Observed, before: SeenBefore | None) -> Iterator[Finding]:
    meant = read(observed)
    changes = [] if before is None else list(judge_changes(observed, meant, before))
    yield from judge_policy_record(observed, meant)
    yield from judge_policy_host(observed, meant)
    if meant.attempted:
        told = [*judge_policy_document(observed), *changes]
        for_long = any(finding.code == TESTING_FOR_LONG.code for finding in told)
        yield from (each for each in told if each.code != TESTING.code or not for_long)
    mail = [
        *judge_mx_records(observed, meant),
        *judge_mx_hosts(observed, meant),
        *judge_dane(observed),
    ]
    yield from mail
    held = any(finding.severity is Severity.ERROR for finding in mail)
    yield from judge_report_record(observed, meant, held=held)
