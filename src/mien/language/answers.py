"""Answers with a schema: one repair, refusals counted, nothing guessed, raw text kept."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mien.errors import LanguageError
from mien.language.clients import Respond
from mien.types import Pixels

Outcome = Literal["valid", "repaired", "invalid", "refused"]
# Key -> its words, or (low, high) of a number, or [words] for a list of words.
Schema = Mapping[str, Sequence[str] | tuple[float, float] | list[Sequence[str]]]
# Answers of models that decline; searched at the beginning only.
REFUSALS = re.compile(
    r"\s*(i'?m sorry|i am sorry|sorry|i can(no|')t|i cannot|i'm (not able|unable)|i am (not able|"
    r"unable)|as an ai|i won'?t)",
    re.I,
)
REPAIR = (
    "Your answer was not valid: {fault}. Answer again with one JSON object and nothing else, with "
    "the keys and values that were asked for.\n\n{prompt}"
)


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer."""

    outcome: Outcome
    values: Mapping[str, Any] | None  # None: invalid or refused
    raw: tuple[str, ...]  # what the model wrote, each try
    fault: str = ""  # why it is invalid


def check_schema(schema: Schema) -> None:
    """Refuse a schema that cannot be meant.

    Raises:
        LanguageError: it is empty, or a key has neither words nor a rising range.
    """
    if not schema:
        raise LanguageError("A schema needs at least one key.")
    for key, kind in schema.items():
        words = kind[0] if isinstance(kind, list) and len(kind) == 1 else kind
        if _is_range(kind):
            continue
        if isinstance(words, str) or not words or not all(isinstance(w, str) for w in words):
            raise LanguageError(
                f"'{key}' of the schema must have words, one list of words, or (low, high)."
            )


def ask(respond: Respond, image: Pixels | None, prompt: str, schema: Schema) -> Answered:
    """Ask for one JSON object; ask once more if it does not fit.

    Args:
        respond: the model.
        image: (H, W, 3), or None.
        prompt: says which keys and values are wanted.
        schema: what is checked.

    Returns:
        The values, or why there are none. A refusal is not repaired: asking again would press.
    """
    check_schema(schema)
    raw: list[str] = []
    fault, text = "", prompt
    outcomes: tuple[Outcome, Outcome] = ("valid", "repaired")
    for outcome in outcomes:
        answer = respond(image, text)
        if not isinstance(answer, str):
            raise LanguageError(
                f"The model answered with {type(answer).__name__}; text is expected."
            )
        raw.append(answer)
        if REFUSALS.match(answer):
            return Answered("refused", None, tuple(raw))
        values, fault = _read(answer, schema)
        if values is not None:
            return Answered(outcome, values, tuple(raw))
        text = REPAIR.format(fault=fault, prompt=prompt)
    return Answered("invalid", None, tuple(raw), fault)


def _read(answer: str, schema: Schema) -> tuple[dict[str, Any] | None, str]:
    """The values of the first JSON object of a text, and the fault if there are none."""
    start = answer.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(answer[max(start, 0) :])
    except ValueError:
        return None, "it has no JSON object"
    if not isinstance(found, dict):
        return None, "it has no JSON object"
    values = {}
    for key, kind in schema.items():
        if key not in found:
            return None, f"the key '{key}' is missing"
        fault = _fault(found[key], kind)
        if fault:
            return None, f"'{key}' {fault}"
        values[key] = found[key]
    return values, ""


def _fault(value: Any, kind: Any) -> str:
    if _is_range(kind):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        inside = number and kind[0] <= value <= kind[1]  # NaN is not inside
        return "" if inside else f"must be a number from {kind[0]:g} to {kind[1]:g}"
    if isinstance(kind, list):
        fits = isinstance(value, list) and all(word in kind[0] for word in value)
        return "" if fits else f"must be a list of: {', '.join(kind[0])}"
    return "" if isinstance(value, str) and value in kind else f"must be one of: {', '.join(kind)}"


def _is_range(kind: Any) -> bool:
    numbers = isinstance(kind, tuple) and len(kind) == 2
    return numbers and all(isinstance(n, int | float) for n in kind) and kind[0] < kind[1]
