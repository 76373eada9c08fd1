"""Robustness, explanations and leakage: changed pixels, and what the answers give away."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mien.metrics import Clusters, Estimate
from mien.synth.render.degrade import Kind, spoil
from mien.systems.trust_faa.answers import Answers, large
from mien.types import Doubles, Pixels

KINDS: tuple[Kind, ...] = ("dark", "motion", "defocus", "noise", "jpeg", "small", "hidden")
SEVERITIES = (0.2, 0.4, 0.6)
GRID = 7  # patches across and down, for explanations
FOLDS = 5
RIDGE = 1e-2
Ask = Callable[[Pixels], Doubles]  # (N, S, S, 3) -> (N, K)


def spoiled(chips: Pixels, seed: int) -> Iterator[tuple[str, float, Pixels]]:
    """Yield each kind and severity with the degraded chips."""
    for kind in KINDS:
        for severity in SEVERITIES:
            made = [spoil(chip, kind, severity, seed + k).image for k, chip in enumerate(chips)]
            yield kind, severity, np.stack(made)


def rise(before: Doubles, after: Doubles, people: NDArray[np.str_]) -> Estimate:
    """Mean rise of the error, with an interval by person."""
    return Clusters(people).mean(after - before)


def worst_rise(
    before: Doubles, after: Doubles, groups: NDArray[np.str_] | None
) -> tuple[str, float] | None:
    """The group whose error rises most; None without groups that are large enough."""
    if groups is None:
        return None
    names = large(groups)
    rises = {name: float((after - before)[groups == name].mean()) for name in names}
    if not rises:
        return None
    name = max(rises, key=lambda n: rises[n])
    return name, rises[name]


def deletion(
    ask: Ask,
    chips: Pixels,
    column: NDArray[np.int64],
    seed: int,
    maps: Doubles | None = None,
) -> Doubles:
    """(N,) how much earlier the answer falls if patches are removed in the order of their effect.

    Each patch of a grid is filled with the mean colour of the chip; patches are then removed one
    after the other, those first whose removal changed the answer most, and in random order.

    Args:
        ask: the head: chips to numbers.
        chips: (N, S, S, 3).
        column: (N,) the number of each answer that is explained.
        seed: of the random order.
        maps: (N, S, S) how much each pixel speaks for the answer; None: by occlusion.

    Returns:
        Area under the curve of the random order minus that of the explained order, as a share of
        the answer; above 0 the map is better than chance.

    Source: Petsiuk et al., "RISE", BMVC 2018, deletion; occlusion after Zeiler and Fergus, 2014.
    """
    gains = np.zeros(len(chips))
    for n, chip in enumerate(chips):
        mean = chip.reshape(-1, 3).mean(0)
        masks = patches(chip.shape[0])
        whole = float(ask(chip[None])[0, column[n]])
        if maps is None:
            single = np.stack([np.where(mask[..., None], mean, chip) for mask in masks])
            effect = np.abs(whole - ask(single.astype(np.uint8))[:, column[n]])
        else:
            effect = np.array([maps[n][mask].sum() for mask in masks])
        explained = np.argsort(-effect, kind="stable")
        lot = np.random.default_rng([seed, n]).permutation(len(masks))
        areas = [
            _area(ask, chip, masks[order], mean, column[n], whole) for order in (lot, explained)
        ]
        gains[n] = areas[0] - areas[1]
    return gains


def _area(
    ask: Ask, chip: Pixels, masks: NDArray[np.bool_], mean: Doubles, column: int, whole: float
) -> float:
    hidden = np.cumsum(masks, 0) > 0
    steps = np.stack([np.where(mask[..., None], mean, chip) for mask in hidden])
    kept = ask(steps.astype(np.uint8))[:, column]
    return float(np.mean(np.abs(kept)) / max(abs(whole), 1e-9))


def patches(side: int) -> NDArray[np.bool_]:
    """(49, side, side) the patches of the grid."""
    cell = np.minimum(np.arange(side) * GRID // side, GRID - 1)
    number = cell[:, None] * GRID + cell[None]
    return np.asarray(number == np.arange(GRID * GRID)[:, None, None])


def leakage(answers: Answers, column: str, seed: int) -> Estimate | None:
    """How well a linear probe reads the group off the answers, in people it was not fitted on.

    Returns:
        Balanced accuracy, chance is 1 / number of groups; None if fewer than two groups are large
        enough.
    """
    names = large(answers.groups[column])
    if len(names) < 2:
        return None
    kept = answers.rows(np.isin(answers.groups[column], names))
    label = np.searchsorted(sorted(names), kept.groups[column])
    x = np.hstack([kept.output, kept.output**2, np.ones((len(label), 1))])
    x[:, :-1] = (x[:, :-1] - x[:, :-1].mean(0)) / (x[:, :-1].std(0) + 1e-9)
    _, who = np.unique(kept.people, return_inverse=True)
    fold = np.random.default_rng([seed, 5]).permutation(who.max() + 1)[who] % FOLDS
    guess = np.zeros(len(label), np.int64)
    count = np.bincount(label)
    for k in range(FOLDS):
        train = fold != k
        weight = 1 / count[label[train]]
        target = np.eye(len(names))[label[train]]
        gram = (x[train] * weight[:, None]).T @ x[train] + RIDGE * np.eye(x.shape[1])
        coefficients = np.linalg.solve(gram, (x[train] * weight[:, None]).T @ target)
        guess[fold == k] = (x[fold == k] @ coefficients).argmax(1)
    weights = 1 / count[label]
    return Clusters(kept.people, weights=weights).share(guess == label)
