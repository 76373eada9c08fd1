"""Questions of MEGC about a clip, answered as `mien ask` does, and scored as the challenge does."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.behaviour.questions import COARSE, NAMES, Evidence, reply
from mien.metrics import confusion
from mien.metrics.wording import bleu1, rouge1
from mien.systems.micro_mol.head import CLASSES, UNITS

FINE = ("happiness", "surprise", "fear", "disgust", "anger", "sadness")
COARSE_ASKED = "What is the coarse expression class?"
FINE_ASKED = "What is the fine-grained expression class?"
UNITS_ASKED = "What is/are the action unit(s)?"
SHOWN_ASKED = "Is the action unit {} shown on the face?"
NUMBERS = tuple(int(unit[2:]) for unit in UNITS)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question about one clip, with the expected answer."""

    clip: int
    question: str
    answer: str


def evidence(coarse: Sequence[float] | NDArray[np.float64], shown: Sequence[bool]) -> Evidence:
    """Scores of the three classes, the highest is named, and which of the nine units are shown."""
    return Evidence(
        dict(zip(CLASSES, map(float, coarse), strict=True)),
        dict(zip(NUMBERS, map(bool, shown), strict=True)),
    )


def questions(clip: int, truth: Evidence, fine: str, *, coded: bool) -> list[Asked]:
    """What is asked about a clip: its classes and, where somebody coded them, its units.

    Args:
        clip: row.
        truth: the coded class and units.
        fine: the coded fine class; one that is not in FINE is not asked for.
        coded: whether the units were coded.
    """
    found = [Asked(clip, COARSE_ASKED, truth.best)]
    if fine in FINE:
        found.append(Asked(clip, FINE_ASKED, fine))
    if coded:
        asked = [UNITS_ASKED, *(SHOWN_ASKED.format(NAMES[unit]) for unit in NUMBERS)]
        found += [Asked(clip, one, reply(one, truth).answer) for one in asked]
    return found


def answered(asked: Sequence[Asked], known: Mapping[int, Evidence]) -> list[str]:
    """The answers of `mien ask` from the evidence of each clip."""
    return [reply(one.question, known[one.clip]).answer for one in asked]


def commonest(asked: Sequence[Asked], learnt: Sequence[Asked]) -> list[str]:
    """The baseline that sees no clip: the commonest answer to the same question in training."""
    counts: dict[str, Counter[str]] = {}
    for one in learnt:
        counts.setdefault(one.question, Counter())[one.answer] += 1
    return [counts[one.question].most_common(1)[0][0] for one in asked]


def scores(asked: Sequence[Asked], answers: Sequence[str]) -> dict[str, float]:
    """The six scores of the challenge and their mean, each in [0, 1], higher is better."""
    found: dict[str, float] = {}
    for name, question, classes in (
        ("coarse", COARSE_ASKED, COARSE), ("fine", FINE_ASKED, FINE),
    ):  # fmt: skip
        pairs = [(one.answer, given) for one, given in zip(asked, answers, strict=True)
                 if one.question == question]  # fmt: skip
        given = [word if word in classes else "other" for _, word in pairs]
        table = confusion([truth for truth, _ in pairs], given, (*classes, "other"))
        there = table.sum(1) > 0
        right, rows, columns = (x[there] for x in (table.diagonal(), table.sum(1), table.sum(0)))
        found[f"{name} UF1"] = float((2 * right / (rows + columns)).mean())
        found[f"{name} UAR"] = float((right / rows).mean())
    texts = [(one.answer, given) for one, given in zip(asked, answers, strict=True)]
    found["BLEU-1"] = float(np.mean([bleu1(*pair) for pair in texts]))
    found["ROUGE-1"] = float(np.mean([rouge1(*pair) for pair in texts]))
    return found | {"mean": float(np.mean(list(found.values())))}
