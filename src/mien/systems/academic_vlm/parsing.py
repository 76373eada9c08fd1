"""Prompts under version control, and what a reply to them says."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from mien.language.answers import REFUSALS

Template = Literal["names", "defined", "steps"]
LEAST_MASS = 0.05  # of the probability that labels need together; else the model declines
OWN = Path(__file__).with_name("prompts.json")
NEGATION = r"\b(?:not|no|neither|nor|never|isn'?t|without|hardly|rather than|instead of)\b"


@dataclass(frozen=True, slots=True)
class Prompts:
    """The content of prompts.json."""

    version: str
    labels: Mapping[str, str]  # label -> what is visible
    synonyms: Mapping[str, Sequence[str]]
    templates: Mapping[str, str]
    form: str
    example: str  # sent with the face of an example
    after: str  # sent before the question, if there are examples
    again: str


@lru_cache(maxsize=1)
def prompts() -> Prompts:
    """The shipped prompts."""
    return Prompts(**json.loads(OWN.read_text("utf-8")))


LABELS = tuple(prompts().labels)


def prompt(template: Template, order: Sequence[str] = LABELS, *, word: bool = False) -> str:
    """The text that a model gets, with the labels in an order; `word` asks for one word only."""
    known = prompts()
    names = ", ".join(f'"{name}"' for name in order)
    defined = "; ".join(f"{name} ({known.labels[name]})" for name in order)
    task = known.templates[template].format(names=names, defined=defined)
    return f"{task} {again(order) if word else known.form.format(names=names)}"


def after(text: str) -> str:
    """The text of a question that comes after examples."""
    return f"{prompts().after} {text}"


def again(order: Sequence[str] = LABELS) -> str:
    """The text of the second and last try."""
    return prompts().again.format(names=", ".join(order))


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reply says."""

    label: str | None  # None: refused or unparsed
    kind: Literal["json", "word", "weighed", "refused", "unparsed"]
    confidence: float | None = None  # as the model states it: not calibrated
    evidence: tuple[str, ...] = ()
    weights: Mapping[str, float] | None = None  # label -> share, of token probabilities

    @property
    def shares(self) -> dict[str, float]:
        """Label -> share, with the sum 1; {}: no label."""
        if self.weights:
            return dict(self.weights)
        return {label: float(label == self.label) for label in LABELS} if self.label else {}


def parse(reply: str) -> Parsed:
    """Read a label off a reply: JSON, else the only label word that is not negated."""
    found = _object(reply)
    if found is not None:
        label = _word(str(found.get("expression", "")))
        if label:
            return Parsed(label, "json", _share(found.get("confidence")), _texts(found))
    if REFUSALS.match(reply):
        return Parsed(None, "refused")
    label = _word(reply)
    return Parsed(label, "word") if label else Parsed(None, "unparsed")


def weighed(tokens: Mapping[str, float]) -> Parsed:
    """Shares of the labels by the first token of a one-word answer.

    A token counts for the only label that begins with it, in small letters and without spaces.

    Args:
        tokens: token -> natural logarithm of its probability.
    """
    mass = dict.fromkeys(LABELS, 0.0)
    for token, weight in tokens.items():
        start = token.strip(" \"'\u2581\u0120").lower()
        fits = [label for label in LABELS if start and label.startswith(start)]
        if len(fits) == 1 and weight <= 0:
            mass[fits[0]] += math.exp(weight)
    whole = sum(mass.values())
    if whole < LEAST_MASS:
        return Parsed(None, "unparsed")
    shares = {label: value / whole for label, value in mass.items()}
    best = max(shares, key=shares.__getitem__)
    return Parsed(best, "weighed", shares[best], weights=shares)


def _object(reply: str) -> dict[str, Any] | None:
    """The first JSON object with an expression in a text."""
    start = reply.find("{")
    while start >= 0:
        try:
            found, _ = json.JSONDecoder().raw_decode(reply[start:])
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and "expression" in found:
            return found
        start = reply.find("{", start + 1)
    return None


def _word(text: str) -> str | None:
    """The one label that a text names; None if it names none or several."""
    plain = re.sub(rf"{NEGATION}(?:\s+\w+){{0,2}}?\s+(?:{_any()})\b", " ", text, flags=re.I)
    named = {label for label, words in _words().items()
             if re.search(rf"\b(?:{'|'.join(map(re.escape, words))})\b", plain, re.I)}  # fmt: skip
    return named.pop() if len(named) == 1 else None


@lru_cache(maxsize=1)
def _words() -> dict[str, tuple[str, ...]]:
    return {label: (label, *prompts().synonyms[label]) for label in LABELS}


def _any() -> str:
    return "|".join(re.escape(word) for words in _words().values() for word in words)


def _share(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value <= 1 else None


def _texts(found: Mapping[str, Any]) -> tuple[str, ...]:
    given = found.get("evidence")
    return tuple(str(one) for one in given) if isinstance(given, list) else ()
