"""What controls ask of the evidence, each a function that says at least one thing."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from mtasts_resolver.base.shares import share_of
from mtasts_resolver.doctor.well import NOT_LOOKED_AT
from mtasts_resolver.evidence.controls.material import (
    AGAINST,
    FOR,
    GAP,
    NOTE,
    HostSetting,
    Material,
    speaks,
)
from mtasts_resolver.evidence.report import (
    DOWNGRADES,
    ControlEvidence,
    DirectionCounts,
    EvidenceReport,
    Figure,
)
from mtasts_resolver.findings import Finding, Severity

# Of a figure, or of a period, so much may be unknown without leaving a verdict open. A log begins
# somewhere, and the deliveries of its first seconds cannot be joined; of a month it is seven hours.
MAX_UNKNOWN = 0.01
# Rows of one kind that are told of one by one; the tables of the report have them all.
MAX_TOLD = 10

# What `doctor` cannot see yet because the daemon has had nothing to do since its start.
_YET_TO_COME = frozenset({"HTTPS"})

_OUTDATED = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"})
# Parts of the names of ciphers that protect little or nothing (RFC 7465, RFC 7457, RFC 4949).
_WEAK_CIPHERS = ("RC4", "NULL", "EXP-", "DES-CBC", "MD5", "IDEA", "SEED", "RC2")


_WITHOUT_TLS: Mapping[str, str] = MappingProxyType(
    {
        "smtp_tls_security_level": "so mail goes out in plain text where no policy demands TLS",
        "smtpd_tls_security_level": "so those that send here are offered no TLS",
    }
)


def postfix_asks_for_policies(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether this host's Postfix applies the policies that other domains publish."""
    if material.host is None:
        yield speaks(GAP, f"Postfix's configuration: {material.host_problem}", "doctor")
        return
    yield from _settings(material, "smtp_tls_policy_maps")
    yield from _judged(
        material.host.sending,
        "doctor finds nothing wrong in how Postfix asks for policies and applies them",
        "doctor",
    )


def enforcing_domains_get_verified_mail(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether all mail to domains that demand it went out verified."""
    figure = material.figure("enforced-verified")
    if figure is None or not figure.denominator:
        unknown = figure.unknown if figure is not None else 0
        some = f", and of {unknown:,} it cannot be told" if unknown else ""
        yield speaks(
            GAP,
            f"No delivery to a domain that enforces verified TLS is in the logs{some}.",
            "enforced-verified",
        )
        return
    said = said_of(figure)
    if figure.numerator < figure.denominator:
        yield speaks(AGAINST, f"{said} The others went out unverified.", figure.key)
    else:
        yield speaks(FOR, said, figure.key)
    yield from _unknown_part(figure)


def own_domains_enforce(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether the organisation's own domains publish a policy in mode enforce."""
    if material.published_problem or not material.published:
        reason = material.published_problem or "none was looked at"
        yield speaks(GAP, f"What the organisation's own domains publish: {reason}", "check")
    for one in material.published:
        worst = [each for each in one.findings if each.severity is Severity.ERROR]
        if one.mode == "enforce" and not worst:
            yield speaks(FOR, f"{one.domain} publishes a policy in mode enforce.", "check")
        elif one.mode == "enforce":
            yield speaks(AGAINST, f"{one.domain}: {_told(worst)}", "check")
        elif any(each.code == "domain-takes-no-mail" for each in one.findings):
            yield speaks(NOTE, f"{one.domain} takes no mail.", "check")
        else:
            what = f"a policy in mode {one.mode}" if one.mode else "no policy that senders can use"
            yield speaks(
                AGAINST,
                f"{one.domain} publishes {what}: nothing keeps senders from plain text.",
                "check",
            )


def policies_are_retrieved(material: Material) -> Iterator[ControlEvidence]:
    """Tell how often other domains' policies could be fetched: their fault as often as ours."""
    figure = material.figure("policies-retrieved")
    if figure is not None and figure.denominator:
        yield speaks(NOTE, said_of(figure), figure.key)
    else:
        why = material.report.retrieval_problem or "nothing was fetched in the period"
        yield speaks(NOTE, f"Policy retrieval: {why}", "policies-retrieved")


def outgoing_tls_is_offered(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether outgoing connections use TLS wherever the other side has it (ISM-0572)."""
    if material.host is None:
        yield speaks(GAP, f"Postfix's configuration: {material.host_problem}", "doctor")
    else:
        yield from _levels(material, "smtp_tls_security_level")
    yield from _encrypted(material.report.outbound, material.figure("outbound-encrypted"))


def incoming_tls_is_offered(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether incoming connections may use TLS (ISM-0572)."""
    if material.host is None:
        yield speaks(GAP, f"Postfix's configuration: {material.host_problem}", "doctor")
    else:
        yield from _levels(material, "smtpd_tls_security_level")
        yield from _judged(
            material.host.receiving,
            "doctor finds nothing wrong in how Postfix offers TLS to those that send here",
            "doctor",
        )
    yield from _encrypted(material.report.inbound, material.figure("inbound-encrypted"))


def logs_are_complete(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether the logs cover the period."""
    report = material.report
    read = [one for one in report.inputs if one.kind in {"log", "journal"}]
    if not read or not any(one.lines for one in read):
        yield speaks(GAP, "No line of Postfix's log was read.", "inputs")
        return
    for one in read:
        if one.problem:
            yield speaks(GAP, f"{one.name}: {one.problem}", "inputs")
    yield from _left_out(report)
    yield from _of_other_hosts(material)
    missing = max(_silent_by_host(material).values(), default=0.0)
    lost = sum(gap.lines or 0 for gap in report.gaps)
    unsaid = any(gap.lines is None and gap.why == "dropped" for gap in report.gaps)
    if not report.gaps:
        yield speaks(FOR, f"The logs cover the period: {report.lines:,} lines, no hole.", "inputs")
        return
    total = material.seconds
    share = missing / total if total else 1.0
    bounded = share <= MAX_UNKNOWN and lost <= MAX_UNKNOWN * report.lines and not unsaid
    yield speaks(
        NOTE if bounded else GAP,
        f"The logs have {_times(len(report.gaps), 'hole')}: {share:.1%} of the period at the host "
        f"that misses most, and {lost:,} lines that are known to be lost.",
        "gaps",
    )


def _left_out(report: EvidenceReport) -> Iterator[ControlEvidence]:
    """Say what the logs have, and the figures have not."""
    if report.domains:
        named = ", ".join(report.domains[:MAX_TOLD])
        yield speaks(GAP, f"Of {named} alone: other mail was not looked at (--domain).", "inputs")
    if report.undated:
        text = f"{_times(report.undated, 'event')} without a time: of which period is not known."
        yield speaks(GAP, text, "inputs")
    if report.lines_unknown:
        much = report.lines_unknown > MAX_UNKNOWN * report.lines
        text = (
            f"Of {report.lines_unknown:,} of {report.lines:,} lines it is not known what they say."
        )
        yield speaks(GAP if much else NOTE, text, "unknown-lines")


def _of_other_hosts(material: Material) -> Iterator[ControlEvidence]:
    """Say of which hosts there are logs, and nobody looked how they are set up."""
    if material.host is None:
        return
    looked_at = {_short(name) for name in (material.report.host, *material.host.names)}
    hosts = [host for host in material.report.hosts if host]
    others = [host for host in hosts if _short(host) not in looked_at]
    if others:
        named = ", ".join(others[:MAX_TOLD])
        text = f"What was looked at is set up on {material.report.host}, and not on {named}."
        yield speaks(NOTE if len(others) < len(hosts) else GAP, text, "doctor")
        yield from _rest(len(others), "doctor")


def _short(host: str) -> str:
    """Return the first label of a host's name, as some logs have it."""
    return host.lower().partition(".")[0]


def nobody_strips_protection(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether there are signs of a downgrade: somebody has to look at each."""
    found = material.report.downgrades
    counted = [counts for _, counts in _directions(material)]
    known = sum(counts.encrypted + counts.plain for counts in counted)
    unknown = sum(counts.unknown for counts in counted)
    if not known:
        yield speaks(GAP, "No delivery that could show a downgrade is in the logs.", "downgrades")
    elif unknown > MAX_UNKNOWN * (known + unknown):
        text = f"Of {unknown:,} of {known + unknown:,} deliveries it is not known if TLS was lost."
        yield speaks(GAP, text, "downgrades")
    elif not found:
        yield speaks(FOR, "There is no sign of a downgrade in the logs.", "downgrades")
    for one in found[:MAX_TOLD]:
        sign = f"{one.about}, {DOWNGRADES.get(one.kind, one.kind)} since {one.at[:10]}"
        yield speaks(GAP, f"A possible downgrade has to be explained: {sign}.", "downgrades")
    yield from _rest(len(found), "downgrades")


def plain_text_is_known(material: Material) -> Iterator[ControlEvidence]:
    """Tell what went in plain text: whether that was allowed the organisation's rules say."""
    rows = material.report.unencrypted
    for inbound, counts in ((False, material.report.outbound), (True, material.report.inbound)):
        where = "came in" if inbound else "went out"
        if counts.plain:
            hosts = len({row.domain for row in rows if row.inbound is inbound})
            yield speaks(
                NOTE,
                f"{_times(counts.plain, 'message')} {where} in plain text, "
                f"{'from' if inbound else 'to'} {_times(hosts, 'domain')} of the table.",
                "unencrypted",
            )
        elif counts.deliveries and not counts.unknown:
            yield speaks(FOR, f"No message {where} in plain text.", "unencrypted")


def cryptography_is_sound(material: Material) -> Iterator[ControlEvidence]:
    """Ask which versions of TLS and ciphers were used, and which are allowed."""
    if material.host is None:
        yield speaks(GAP, f"Postfix's configuration: {material.host_problem}", "doctor")
    else:
        yield from _judged(
            [
                each
                for each in (*material.host.sending, *material.host.receiving)
                if each.code in _CRYPTOGRAPHY
            ],
            "doctor finds nothing wrong in the versions of TLS and the ciphers that are set",
            "doctor",
            at_least=Severity.WARNING,
        )
    seen = False
    for where, counts in _directions(material):
        if not counts.encrypted:
            continue
        seen = True
        old = sum(row.count for row in counts.versions if row.name in _OUTDATED)
        weak = sum(row.count for row in counts.ciphers if _is_weak(row.name))
        used = (
            f"{where}: {old:,} of {counts.encrypted:,} encrypted messages used TLS before 1.2, "
            f"{weak:,} a weak cipher, {counts.post_quantum:,} a post-quantum key exchange."
        )
        yield speaks(NOTE if old or weak else FOR, used, "ciphers")
    if not seen:
        yield speaks(GAP, "No encrypted delivery is in the logs.", "ciphers")


def certificates_are_kept(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether the organisation's own certificates are valid, and will be."""
    if material.host is None and not material.published:
        yield speaks(GAP, f"Certificates: {material.host_problem}", "doctor")
        return
    findings = list(material.host.receiving) if material.host is not None else []
    findings += [each for one in material.published for each in one.findings]
    about = [each for each in findings if "certificate" in each.code or _is_unseen(each)]
    yield from _judged(
        about, "Certificates are valid, and none ends soon", "doctor", at_least=Severity.WARNING
    )


def set_up_is_sound(material: Material) -> Iterator[ControlEvidence]:
    """Ask whether what mail stands on is set as it should be."""
    if material.host is None:
        yield speaks(GAP, f"This host: {material.host_problem}", "doctor")
        return
    yield from _judged(
        material.host.surroundings,
        "doctor finds nothing wrong with clock, resolver and files of this host",
        "doctor",
    )


def failures_are_known(material: Material) -> Iterator[ControlEvidence]:
    """Tell what TLS held, and what others report of us."""
    figure = material.figure("enforcement-failures")
    if figure is not None and figure.denominator:
        yield speaks(NOTE, said_of(figure), figure.key)
    reports = material.report.tls_reports
    if reports is None:
        yield speaks(NOTE, "No TLS report of others (RFC 8460) was read.", "tls-reports")
    else:
        yield speaks(
            NOTE,
            f"{_times(reports.reports, 'TLS report')} of others: {reports.failed:,} of "
            f"{reports.failed + reports.successful:,} sessions with us failed.",
            "tls-reports",
        )


_CRYPTOGRAPHY = frozenset(
    {
        "outdated-tls-for-policies",
        "no-tls-version-left",
        "tls-versions-unknown",
        "plain-text-instead-of-tls-1.2",
        "weak-ciphers",
        "inbound-weak-ciphers",
        "submission-old-protocols",
        "fingerprint-digest-weak",
    }
)
"""The findings of `doctor` that are about versions of TLS, and ciphers."""


def said_of(figure: Figure) -> str:
    """Say a figure in a sentence."""
    share = share_of(figure.numerator, figure.denominator)
    return f"{figure.title}: {figure.numerator:,} of {figure.denominator:,} ({share})."


def _unknown_part(figure: Figure) -> Iterator[ControlEvidence]:
    if figure.unknown:
        much = figure.unknown > MAX_UNKNOWN * (figure.denominator + figure.unknown)
        yield speaks(
            GAP if much else NOTE,
            f"Of {figure.unknown:,} more the logs do not tell it.",
            figure.key,
        )


def _encrypted(counts: DirectionCounts, figure: Figure | None) -> Iterator[ControlEvidence]:
    if figure is None or not figure.denominator:
        yield speaks(GAP, "No delivery of which it can be told is in the logs.", "inputs")
    elif not counts.encrypted:
        yield speaks(AGAINST, f"{said_of(figure)} TLS seems never to be used.", figure.key)
    else:
        yield speaks(FOR, said_of(figure), figure.key)
    if figure is not None:
        yield from _unknown_part(figure)


def _settings(material: Material, name: str) -> Iterator[ControlEvidence]:
    for one in _of(material, name):
        yield speaks(NOTE, f"{one.owner}: {name} = {one.value or '(empty)'}", "doctor")


def _levels(material: Material, name: str) -> Iterator[ControlEvidence]:
    """Say which security levels are set: `none` means that TLS is not used."""
    found = list(_of(material, name))
    if not found:
        yield speaks(GAP, f"{name}: no instance of Postfix could be read.", "doctor")
    for one in found:
        # A service of its own may lead to a filter on this host.
        off = NOTE if one.service else AGAINST
        how = off if one.value in {"", "none"} else FOR
        means = f", {_WITHOUT_TLS[name]}" if how is AGAINST else ""
        yield speaks(how, f"{one.owner}: {name} = {one.value or '(empty)'}{means}", "doctor")


def _of(material: Material, name: str) -> Iterator[HostSetting]:
    if material.host is not None:
        yield from (one for one in material.host.settings if one.name == name)


def _judged(
    findings: Iterable[Finding],
    well: str,
    source: str,
    *,
    at_least: Severity = Severity.ERROR,
) -> Iterator[ControlEvidence]:
    """Say what was found that is as bad as `at_least`; milder findings beside it."""
    all_of_them = list(findings)
    bad = [each for each in all_of_them if each.severity.rank >= at_least.rank]
    for each in bad[:MAX_TOLD]:
        yield speaks(AGAINST, f"{each.about}: {each.found} ({each.code})", source)
    yield from _rest(len(bad), source)
    missed = [each for each in all_of_them if _is_unseen(each)]
    for each in missed[:MAX_TOLD]:
        yield speaks(GAP, f"{each.about}: {each.found}", source)
    if not bad and not missed:
        yield speaks(FOR, f"{well}.", source)
    mild = [each for each in all_of_them if each.severity is Severity.WARNING and each not in bad]
    for each in mild[:MAX_TOLD]:
        yield speaks(NOTE, f"{each.about}: {each.found} ({each.code})", source)


def _is_unseen(finding: Finding) -> bool:
    """Tell whether something could not be looked at, so that nothing is known of it."""
    return finding.code == NOT_LOOKED_AT.code and finding.about not in _YET_TO_COME


def _rest(count: int, source: str) -> Iterator[ControlEvidence]:
    if count > MAX_TOLD:
        yield speaks(NOTE, f"And {count - MAX_TOLD:,} more.", source)


def _told(findings: Iterable[Finding]) -> str:
    return "; ".join(f"{each.about}: {each.found} ({each.code})" for each in findings)


def _silent_by_host(material: Material) -> dict[str, float]:
    silent: dict[str, float] = {}
    for gap in material.report.gaps:
        silent[gap.host] = silent.get(gap.host, 0.0) + gap.seconds
    return silent


def _directions(material: Material) -> Iterator[tuple[str, DirectionCounts]]:
    yield "Outgoing", material.report.outbound
    yield "Incoming", material.report.inbound


def _is_weak(cipher: str) -> bool:
    return any(part in cipher for part in _WEAK_CIPHERS)


def _times(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
