"""A vision-language model as a head of an audit: fixed prompt, checked answers, nothing guessed."""

import json
from pathlib import Path

import numpy as np

from mien.audit.subjects import head_of
from mien.contracts import Subject
from mien.language import Respond, Schema, ask
from mien.types import Pixels

EXPRESSIONS = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)
SIDE = 336  # px of the images that are shown
PROMPT_VERSION = "affect-1"
PROMPT = (
    "Look at the face in the picture. Answer with one JSON object and nothing else: "
    '{"expression": one of ' + ", ".join(f'"{word}"' for word in EXPRESSIONS) + ', "valence": a '
    'number from -1 (unpleasant) to 1 (pleasant), "arousal": a number from -1 (calm) to 1 '
    "(excited)}."
)
SCHEMA: Schema = {"expression": EXPRESSIONS, "valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)}


def vlm_of(respond: Respond, *, name: str = "vlm", raw: Path | None = None) -> Subject:
    """Return a subject of a vision-language model: 1 for the expression it names, 0 for others.

    Args:
        respond: the model, such as mien.language.ServerClient, or a function of the user.
        name: of the model, for the findings.
        raw: file to which each answer is appended as it was given, with its outcome.

    A refusal, or an answer that is not valid after one repair, is a reading without values, which
    an audit counts as missing.
    """

    def read(chips: Pixels) -> list[dict[str, float]]:
        return [_one(respond, chip, raw) for chip in chips]

    return head_of(read, task="expression", unit="probability", name=name, size=SIDE)


def _one(respond: Respond, chip: Pixels, raw: Path | None) -> dict[str, float]:
    answered = ask(respond, np.ascontiguousarray(chip), PROMPT, SCHEMA)
    if raw is not None:
        line = {"prompt": PROMPT_VERSION, "outcome": answered.outcome, "raw": answered.raw,
                "fault": answered.fault}  # fmt: skip
        with raw.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    if answered.values is None:
        return {}
    return {word: float(word == answered.values["expression"]) for word in EXPRESSIONS}
