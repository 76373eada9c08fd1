"""Whether a head gives away which images it was trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.contracts import Samples
from mien.errors import MienError
from mien.metrics import Estimate, roc_area
from mien.systems.trust_faa.answers import Answers
from mien.systems.trust_faa.uncertainty import TINY
from mien.types import Doubles

DRAWS = 300  # of people, for the intervals
RATE = 0.01  # false positive rate


@dataclass(frozen=True, slots=True)
class Membership:
    """What the loss says about membership."""

    area: Estimate  # 0.5: nothing
    found: Estimate  # members above the loss that 1 % of the others stay below; 0.01: nothing


def member_rows(data: Samples, rows: NDArray[np.int64], names: str) -> NDArray[np.bool_]:
    """(N,) whether each image was in the training.

    Args:
        data: images from files.
        rows: of the samples.
        names: path of a text file, one image per line: its name, or the end of its path.

    Raises:
        MienError: the file cannot be read, or names no image of the data.
    """
    if not names:
        return np.zeros(len(rows), bool)
    try:
        listed = {line.strip() for line in Path(names).read_text("utf-8").splitlines()} - {""}
    except (OSError, UnicodeDecodeError) as error:
        raise MienError(f"The list of members {names} cannot be read ({error}).") from error
    found = np.array([_listed(data.pictures[row], listed) for row in rows], bool)
    if not found.any():
        raise MienError(f"The list of members {names} names no image of these data.")
    return found


def _listed(picture: object, names: set[str]) -> bool:
    if not isinstance(picture, Path):
        return False
    parts = picture.parts
    return any("/".join(parts[-k:]) in names for k in range(1, min(len(parts), 4) + 1))


def losses(answers: Answers) -> Doubles:
    """(N,) negative log-likelihood of the label, or the absolute error."""
    if not answers.classes:
        return answers.loss
    rows = np.arange(len(answers.truth))
    return np.asarray(-np.log(answers.output[rows, answers.truth.astype(np.int64)] + TINY))


def membership(members: Answers, others: Answers, seed: int) -> Membership:
    """Measure how well a low loss shows that an image was in the training.

    Source: Yeom et al., "Privacy risk in machine learning", CSF 2018; the true positive rate at a
    low false positive rate after Carlini et al., S&P 2022.
    """
    inside, outside = losses(members), losses(others)
    drawn = []
    rng = np.random.default_rng([24, 2, seed])
    for _ in range(DRAWS):
        drawn.append(
            _figures(inside[_draw(rng, members.people)], outside[_draw(rng, others.people)])
        )
    figures = _figures(inside, outside)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    people = len(set(members.people)) + len(set(others.people))
    count = len(inside) + len(outside)
    ends = [
        Estimate(value, float(a), float(b), count, people)
        for value, a, b in zip(figures, low, high, strict=True)
    ]
    return Membership(*ends)


def _draw(rng: np.random.Generator, people: NDArray[np.str_]) -> NDArray[np.int64]:
    """Rows of people that are drawn with repetition."""
    names, who = np.unique(people, return_inverse=True)
    count = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
    return np.repeat(np.arange(len(people)), count[who])


def _figures(inside: Doubles, outside: Doubles) -> tuple[float, float]:
    bar = np.quantile(outside, RATE)
    return float(roc_area(-inside, -outside)), float((inside < bar).mean())
