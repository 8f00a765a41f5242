"""The answer to the question that a report is about, in three sentences at most."""

from collections.abc import Iterator

from mtasts_resolver.evidence.report import EvidenceReport, Figure
from mtasts_resolver.report.words import number, percent, so_many


def answer(report: EvidenceReport) -> list[str]:
    """Return what a person should know who reads nothing else."""
    figures = {figure.key: figure for figure in report.figures}
    sent = list(_of_all(figures.get("outbound-encrypted"), "outgoing"))
    sentences = [
        *_of_enforced(figures.get("enforced-verified")),
        *(sent or _of_all(figures.get("inbound-encrypted"), "incoming")),
        *_of_what_is_missing(report),
    ]
    return sentences or ["Nothing was read that would tell."]


def _of_enforced(figure: Figure | None) -> Iterator[str]:
    if figure is None or not figure.denominator:
        return
    missing = figure.denominator - figure.numerator
    deliveries = so_many(figure.denominator, "delivery", "deliveries")
    outcome = f"{number(missing)} went out without it" if missing else "all had it"
    doubt = f"; of {number(figure.unknown)} more it is not known" if figure.unknown else ""
    yield f"Of {deliveries} to domains that demand protection, {outcome}{doubt}."


def _of_all(figure: Figure | None, way: str) -> Iterator[str]:
    if figure is None or not figure.denominator:
        return
    plain = figure.denominator - figure.numerator
    share = percent(figure.numerator, figure.denominator)
    rest = f"; {so_many(plain, 'delivery', 'deliveries')} could be read on the way" if plain else ""
    whole = f"the {way} mail of which it is known" if figure.unknown else f"all {way} mail"
    yield f"Of {whole}, {share} was encrypted{rest}."


def _of_what_is_missing(report: EvidenceReport) -> Iterator[str]:
    unknown = report.outbound.unknown + report.inbound.unknown
    deliveries = report.outbound.deliveries + report.inbound.deliveries
    if not deliveries:
        yield "It cannot be told: the logs that were read have no mail of this period."
    elif unknown or report.gaps:
        gaps = f"The logs have {so_many(len(report.gaps), 'gap')}" if report.gaps else ""
        doubt = f"of {number(unknown)} of {number(deliveries)} deliveries it cannot be told"
        yield f"{'; '.join(filter(None, (gaps, doubt if unknown else ''))).capitalize()}."
