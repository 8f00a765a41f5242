"""From the evidence to a verdict: met, not met, or cannot be told from this evidence."""

from mtasts_resolver.evidence.controls.catalogue import CONTROLS, Control
from mtasts_resolver.evidence.controls.material import AGAINST, FOR, GAP, Material
from mtasts_resolver.evidence.report import ControlEvidence, ControlResult, ControlVerdict

_ISO = "iso-27001-"
_ISO_SPELLINGS = ("iso/iec-27001-", "iso/iec27001-", "iso27001-", _ISO)


def find_controls(text: str) -> tuple[Control, ...]:
    """Return the controls that `text` names, apart by commas; `all` for every one of them.

    `A.8.20` alone is of ISO/IEC 27001. Raise ValueError for what is none.
    """
    found: dict[str, Control] = {}
    by_id = {control.id.lower(): control for control in CONTROLS}
    for word in filter(None, (part.strip() for part in text.split(","))):
        if word.lower() == "all":
            found |= {control.id: control for control in CONTROLS}
            continue
        control = by_id.get(_spelled(word))
        if control is None:
            known = ", ".join(each.id for each in CONTROLS)
            raise ValueError(f"{word!a} is no control that is known here; there are {known}")
        found[control.id] = control
    if not found:
        raise ValueError("no control is named")
    return tuple(found.values())


def _spelled(word: str) -> str:
    name = word.lower().replace(" ", "-").replace(":2022", "")
    for spelling in _ISO_SPELLINGS:
        name = name.removeprefix(spelling)
    if name != word.lower().replace(" ", "-") or name.startswith("a."):
        return f"{_ISO}{name if name.startswith('a.') else f'a.{name}'}"
    return name


def judge_control(control: Control, material: Material) -> ControlResult:
    """Judge one control: what speaks against it decides, then what is missing."""
    evidence = tuple(piece for question in control.questions for piece in question(material))
    verdict, why = _verdict(evidence)
    return ControlResult(
        id=control.id,
        title=control.title,
        demands=control.demands,
        verdict=verdict,
        why=why,
        evidence=evidence,
        to_add=control.to_add,
    )


def _verdict(evidence: tuple[ControlEvidence, ...]) -> tuple[ControlVerdict, str]:
    against = [piece.text for piece in evidence if piece.speaks == AGAINST]
    if against:
        return ControlVerdict.NOT_MET, _first(against)
    gaps = [piece.text for piece in evidence if piece.speaks == GAP]
    if gaps:
        return ControlVerdict.UNKNOWN, _first(gaps)
    supporting = [piece.text for piece in evidence if piece.speaks == FOR]
    if not supporting:
        return ControlVerdict.UNKNOWN, "There is no evidence for it."
    return ControlVerdict.MET, (
        f"All that was asked of the evidence is so: {len(supporting)} pieces of it speak for it, "
        "and none against."
    )


def _first(texts: list[str]) -> str:
    rest = f" And {len(texts) - 1} more, below." if len(texts) > 1 else ""
    return f"{texts[0].removesuffix('.')}.{rest}"
