"""Answers to questions about a micro-expression, each with the measurements it rests on.

No language model takes part: a question is assigned to a template, and the template is filled with
measured values. What fits no template is `unsupported`; what was not measured is `unmeasured`.
Source of the templates and words: MEGC 2025, arXiv:2506.15298, question answering task.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mien.behaviour.regions import RegionMotion
from mien.types import Reading

Outcome = Literal["answered", "unsupported", "unmeasured"]
NAMES = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser",
    6: "cheek raiser", 7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser",
    12: "lip corner puller", 14: "dimpler", 15: "lip corner depressor",
    16: "lower lip depressor", 17: "chin raiser", 20: "lip stretcher", 23: "lip tightener",
    24: "lip pressor", 25: "lips part", 26: "jaw drop",
}  # fmt: skip
COARSE = ("negative", "positive", "surprise")
# The one fine class that the vocabulary has for these two.
ONLY = {"positive": "happiness", "surprise": "surprise"}
# Of negative expressions: the first rule all of whose units are shown. Source: Friesen and Ekman,
# "EMFACS-7", 1983, reduced to the units that are coded in micro-expressions.
RULES = (
    ("disgust", {9}), ("disgust", {10}), ("fear", {20}), ("fear", {1, 2, 4}), ("sadness", {1, 4}),
    ("sadness", {15}), ("anger", {4, 7}), ("anger", {23}), ("anger", {24}),
)  # fmt: skip
# s from onset to apex; of 179 coded clips of CASME II and SAMM none takes longer than 0.44 s.
LONGEST = 0.5
MOVED, NAMED = 0.3, 6  # px of the least motion (DIS errs by 0.1 to 0.2); regions in an answer
LIMIT = "classes of laboratory films, not what a person feels, thinks or hides"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The measurements of one clip that answers rest on."""

    coarse: Mapping[str, float] = field(default_factory=dict)  # probability by class; {}: none
    units: Mapping[int, bool] = field(default_factory=dict)  # measured units: whether shown
    sides: Mapping[int, str] = field(default_factory=dict)  # of shown units: "left" or "right"
    span: tuple[float, float] | None = None  # seconds, onset to apex
    models: tuple[str, ...] = ()  # cards
    notes: tuple[str, ...] = ()  # warnings, and why something was not measured
    # Seconds of onset, apex and offset of each candidate; None: not searched for.
    events: tuple[tuple[float, float, float], ...] | None = None
    regions: tuple[RegionMotion, ...] | None = None  # most motion first; None: not measured

    @property
    def shown(self) -> list[int]:
        """The units that are shown, by number."""
        return sorted(unit for unit, yes in self.units.items() if yes)

    @property
    def best(self) -> str:
        """The most probable coarse class; "" if it was not measured."""
        return max(self.coarse, key=lambda word: self.coarse[word]) if self.coarse else ""

    @property
    def fine(self) -> str:
        """The fine class that follows from coarse class and units by rule; "" if none does."""
        if self.best != "negative":
            return ONLY.get(self.best, "")
        shown = set(self.shown)
        return next((word for word, needed in RULES if needed <= shown), "")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    question: str
    template: str  # "": none fits
    outcome: Outcome
    answer: str  # the outcome, unless it is "answered"
    why: str  # the measurements it rests on, or why there is no answer


def evidence_of(readings: list[Reading], thresholds: Mapping[str, float] | None = None) -> Evidence:
    """Collect what answers need from the readings of a head for micro-expressions.

    Args:
        readings: with the values negative, positive and surprise (probabilities), and with values
            AU1, AU2 ... Other readings are ignored.
        thresholds: by unit, such as AU1: value from which it is shown; default: 0.5.

    Returns:
        The evidence; without measurements and with a note if the movement takes more than 0.5 s
        from onset to apex, because then it is talk or a large expression.
    """
    shown_from = thresholds or {}
    coarse: dict[str, float] = {}
    units: dict[int, bool] = {}
    notes: list[str] = []
    span = None
    for reading in readings:
        notes += [reading.text] if reading.text else []
        if set(COARSE) <= reading.values.keys():
            coarse = {word: reading.values[word] for word in COARSE}
            span = reading.span
        for name, value in reading.values.items():
            if found := re.fullmatch(r"AU(\d+)", name):
                units[int(found[1])] = value >= shown_from.get(name, 0.5)
    models = tuple(dict.fromkeys(reading.model for reading in readings))
    if span is not None and span[1] - span[0] > LONGEST:
        notes.append(
            f"the movement takes {span[1] - span[0]:.2f} s to its apex, so it is no "
            f"micro-expression (at most {LONGEST} s)"
        )
        coarse, units = {}, {}
    return Evidence(coarse, units, {}, span, models, tuple(dict.fromkeys(notes)))


def reply(question: str, evidence: Evidence) -> Reply:
    """Answer one question, in the words of the challenge."""
    template = template_of(question)
    if not template:
        return Reply(question, "", "unsupported", "unsupported", "the question fits no template")
    answer, why = _WRITERS[template](question, evidence)
    if not answer:
        reasons = "; ".join([why, *evidence.notes])
        return Reply(question, template, "unmeasured", "unmeasured", reasons)
    return Reply(question, template, "answered", answer, why)


def template_of(question: str) -> str:
    """The template that a question belongs to; "" if none."""
    text = " ".join(question.lower().replace("-", " ").split())
    if spotting := _spotting(text):
        return spotting
    if re.fullmatch(
        r"(which|what) (face )?(regions?|parts?)( of the face)? (moves?|moved) ?\??", text
    ):
        return "regions"
    fine, coarse, unit = "fine grained" in text, "coarse" in text, "action unit" in text
    if re.search(r"\banaly[sz]e\b.*\bmicro expression", text) or (unit and fine and coarse):
        return "all"
    if unit and re.search(r"\bleft or (the )?right\b", text):
        return "side"
    if unit and re.match(r"(is|are) (the )?action units?\b", text):
        return "shown"
    if unit and re.match(r"(what|which) (is|are|action units?)\b", text):
        return "units"
    if fine != coarse and not unit and "expression" in text and re.match(r"(what|which)\b", text):
        return "fine" if fine else "coarse"
    return ""


def searches(question: str) -> bool:
    """Whether the answer needs a search of the film for micro-expressions."""
    return template_of(question) in ("present", "count", "when")


def needs(question: str) -> Literal["head", "search", "regions"]:
    """What must be measured to answer."""
    if searches(question):
        return "search"
    return "regions" if template_of(question) == "regions" else "head"


def _spotting(text: str) -> str:
    """The template of a question about where in a film micro-expressions are; "" if none."""
    if re.fullmatch(r"(is|are) there (an?y? )?micro expressions?( in [a-z ]*)? ?\??", text):
        return "present"
    if re.match(r"how many micro expressions\b", text):
        return "count"
    asked = r"when (is|are|does|do) (the |a )?micro expressions?\b"
    frames = r"what (is|are) the onset\b.* micro expressions?\b"
    return "when" if re.match(asked, text) or re.match(frames, text) else ""


def unit_in(question: str) -> int | None:
    """The action unit that a question names by number or by name; None if it isn't one."""
    text = " ".join(question.lower().replace("-", " ").split())
    if found := re.search(r"\b(?:au|action unit) ?(\d+)\b", text):
        return int(found[1])
    # The longest name first: "lip tightener" isn't part of another, but new names may be.
    for unit, name in sorted(NAMES.items(), key=lambda pair: -len(pair[1])):
        if re.search(rf"\b{name}\b", text):
            return unit
    return None


def _coarse(question: str, evidence: Evidence) -> tuple[str, str]:
    if not evidence.best:
        return "", "the coarse class was not measured"
    return evidence.best, f"probability {evidence.coarse[evidence.best]:.2f}{_when(evidence)}"


def _fine(question: str, evidence: Evidence) -> tuple[str, str]:
    if not evidence.best:
        return "", "the coarse class was not measured"
    if not evidence.fine:
        return "", f"no rule gives a fine class of {evidence.best} from {_listed(evidence)}"
    return evidence.fine, f"by rule from {evidence.best} and {_listed(evidence)}; not measured"


def _units(question: str, evidence: Evidence) -> tuple[str, str]:
    if not evidence.units:
        return "", "action units were not measured"
    names = ", ".join(NAMES.get(unit, f"AU{unit}") for unit in evidence.shown)
    measured = ", ".join(f"AU{unit}" for unit in sorted(evidence.units))
    return names or "none", f"of {measured}, which are all that is measured{_when(evidence)}"


def _shown(question: str, evidence: Evidence) -> tuple[str, str]:
    unit = unit_in(question)
    if unit is None:
        return "", "the question names no known action unit"
    if unit not in evidence.units:
        return "", f"AU{unit} is not measured"
    return ("yes" if evidence.units[unit] else "no"), f"AU{unit}{_when(evidence)}"


def _side(question: str, evidence: Evidence) -> tuple[str, str]:
    unit = unit_in(question)
    if unit is None:
        return "", "the question names no known action unit"
    return evidence.sides.get(unit, ""), f"the side of AU{unit} is not measured"


def _all(question: str, evidence: Evidence) -> tuple[str, str]:
    parts = [writer(question, evidence) for writer in (_units, _fine, _coarse)]
    if not all(answer for answer, _ in parts):
        return "", "; ".join(why for answer, why in parts if not answer)
    (units, about_units), (fine, about_fine), (coarse, about_coarse) = parts
    return (
        f"The action unit(s) present is/are: {units}. Therefore, the fine-grained expression "
        f"class is {fine}, and the coarse expression class is {coarse}.",
        f"{about_units}; fine class {about_fine}; coarse class: {about_coarse}",
    )


def _present(question: str, evidence: Evidence) -> tuple[str, str]:
    count, why = _count(question, evidence)
    return (("yes" if int(count) else "no") if count else ""), why


def _count(question: str, evidence: Evidence) -> tuple[str, str]:
    if evidence.events is None:
        return "", "the film was not searched for micro-expressions"
    why = "candidates by short local movement, blinks and speech included"
    return str(len(evidence.events)), "; ".join([why, *evidence.notes])


def _times(question: str, evidence: Evidence) -> tuple[str, str]:
    count, why = _count(question, evidence)
    if not evidence.events:
        return ("no candidate" if count else ""), why
    each = (f"onset {a:.2f} s, apex {b:.2f} s, offset {c:.2f} s" for a, b, c in evidence.events)
    return "; ".join(each), why


def _regions(question: str, evidence: Evidence) -> tuple[str, str]:
    if evidence.regions is None:
        return "", "the regions of the face were not measured"
    moved = [one for one in evidence.regions if one.mean >= MOVED][:NAMED]
    each = [f"{one.region} ({one.direction}, {one.mean:.2f} px)" for one in moved]
    why = f"optical flow on a face of 192 px without the head; below {MOVED} px counts as still"
    return "; ".join(each) or "none", "; ".join([f"{why}{_when(evidence)}", *evidence.notes])


def _listed(evidence: Evidence) -> str:
    return ", ".join(f"AU{unit}" for unit in evidence.shown) or "no action unit"


def _when(evidence: Evidence) -> str:
    if evidence.span is None:
        return ""
    return f", {evidence.span[0]:.2f} to {evidence.span[1]:.2f} s"


_WRITERS: Mapping[str, Callable[[str, Evidence], tuple[str, str]]] = {
    "coarse": _coarse, "fine": _fine, "units": _units, "shown": _shown, "side": _side, "all": _all,
    "present": _present, "count": _count, "when": _times, "regions": _regions,
}  # fmt: skip
