"""How sessions ended: the summary of a policy, and the details of what failed (RFC 8460 §4.3)."""

from collections.abc import Iterator, Sequence

from mtasts_resolver.tlsrpt.about import a_label
from mtasts_resolver.tlsrpt.fields import Fields, Oddities
from mtasts_resolver.tlsrpt.kinds import result_type
from mtasts_resolver.tlsrpt.limits import MAX_FAILURES
from mtasts_resolver.tlsrpt.values import ReportedFailure

_SUCCESSFUL, _FAILED = "total-successful-session-count", "total-failure-session-count"
_SHOWN = 40  # characters of a value that is named: enough to recognise it


def read_failures(policy: Fields, odd: Oddities) -> Iterator[ReportedFailure]:
    """Yield the failures that are counted, each as the report has it."""
    found = policy.objects("failure-details")
    if len(found) > MAX_FAILURES:
        odd(f"failure-details has more than {MAX_FAILURES:,} items: what is beyond is not read")
    for members in found[:MAX_FAILURES]:
        fields = Fields(members, odd)
        sessions = fields.sessions("failed-session-count")
        if sessions is None and "failed-session-count" not in fields:
            odd("failed-session-count is missing")
        word = fields.text("result-type", needed=True)
        yield ReportedFailure(
            result_type=_result_type(word, odd),
            mx=_mx(fields.text("receiving-mx-hostname")),
            sending_ip=fields.text("sending-mta-ip"),
            receiving_ip=fields.text("receiving-ip"),
            sessions=sessions or 0,
            reason=fields.text("failure-reason-code") or fields.text("additional-information"),
        )


def _result_type(word: str, odd: Oddities) -> str:
    known = result_type(word)
    if known is None and word:
        odd(f"result-type is none of RFC 8460: {word[:_SHOWN]!a}")
    elif known is not None and known != word:
        odd(f"result-type {known} is written {word[:_SHOWN]!a}")
    return known or word


def _mx(name: str) -> str:
    """Return a host's name in one spelling; what is none stays, for it may tell a person much."""
    return a_label(name) or name


def session_totals(
    policy: Fields, failures: Sequence[ReportedFailure], odd: Oddities
) -> tuple[int, int]:
    """Return how many sessions were well, and how many failed.

    The summary counts sessions. A detail counts those with one kind of failure, and a session may
    have several (RFC 8460 §4.4). So the summary is what is counted, wherever it has a number.
    """
    summary = policy.within("summary") if "summary" in policy else policy
    counts = {}
    for name in (_SUCCESSFUL, _FAILED):
        counts[name] = summary.sessions(name)
        if name not in summary:
            odd(f"{name} is missing")
    detailed = sum(failure.sessions for failure in failures)
    largest = max((failure.sessions for failure in failures), default=0)
    failed = counts[_FAILED]
    if failed is None:
        failed = detailed
    elif not failed and detailed:
        odd("failure-details counts sessions, and the summary none: they are counted")
        failed = detailed
    elif largest > failed:
        odd("one of failure-details counts more sessions than the summary")
    elif failed and not failures:
        odd("sessions failed, and failure-details does not say how")
    elif detailed > failed:
        odd("failure-details adds up to more sessions than the summary")
    elif detailed < failed:
        odd("failure-details counts fewer sessions than the summary")
    return counts[_SUCCESSFUL] or 0, failed
