"""Where in the face an answer comes from: one patch after another is greyed.

Chips are aligned, so the mean over faces is a map of the canonical face. The shipped network is
convolutional: it has no attention that could be rolled out, so occlusion is the only map.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mien.systems.age_fahr.head import SIDE
from mien.types import Doubles, Floats, OnStep, Pixels

PATCH = 16  # px
GRID = SIDE // PATCH  # patches across
GREY = 128
RIDGE = 30.0  # of heads that are fitted to vectors of unit variance


def greyed(chips: Pixels) -> NDArray[np.uint8]:
    """(N, 49, 112, 112, 3): each chip with each of 7 x 7 patches grey, row by row."""
    out = np.repeat(chips[:, None], GRID * GRID, axis=1)
    for k in range(GRID * GRID):
        top, left = PATCH * (k // GRID), PATCH * (k % GRID)
        out[:, k, top : top + PATCH, left : left + PATCH] = GREY
    return out


def occluded(
    ask: Callable[[Pixels], Mapping[str, Floats | Doubles]],
    chips: Pixels,
    on_step: OnStep | None = None,
) -> dict[str, Doubles]:
    """What a model answers for each chip as it is, and with each patch grey.

    Args:
        ask: (N, 112, 112, 3) chips to arrays of N rows by name.
        chips: (N, 112, 112, 3).
        on_step: called after each chip.

    Returns:
        By name: (N, 50, ...), as it is first.
    """
    rows: dict[str, list[Doubles]] = {}
    for number in range(len(chips)):
        one = chips[number : number + 1]
        for name, values in ask(np.concatenate([one, greyed(one)[0]])).items():
            rows.setdefault(name, []).append(np.asarray(values, np.float64))
        if on_step:
            on_step("saliency", number + 1, len(chips))
    return {name: np.stack(each) for name, each in rows.items()}


def map_of(answers: Doubles) -> Doubles:
    """(49,) mean absolute change of (N, 50) answers by each grey patch."""
    return np.asarray(np.abs(answers[:, 1:] - answers[:, :1]).mean(0))


def linear_head(vectors: Doubles, target: Doubles) -> Callable[[Doubles], Doubles]:
    """A ridge regression from (N, D) vectors to (N,) targets; it takes (..., D)."""
    middle, spread = vectors.mean(0), vectors.std(0) + 1e-9
    inputs = (vectors - middle) / spread
    square = inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1])
    weights = np.linalg.solve(square, inputs.T @ (target - target.mean()))
    return lambda given: np.asarray(((given - middle) / spread) @ weights)
