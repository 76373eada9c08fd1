"""Small changes of pixels that are chosen against a head: with its gradient, or by its answers."""

from collections.abc import Callable

import numpy as np

from mien.systems.trust_faa.answers import Answers
from mien.types import Doubles, Pixels

LEVELS = 2  # of 255, by which each value of a pixel may change
SHARE = 0.3  # of the chip that the first square covers; it shrinks with the steps
Ask = Callable[[Pixels], Doubles]  # (N, S, S, 3) -> (N, K)
Gradient = Callable[[Pixels, Doubles], Doubles]  # chips, (N, K) weights -> (N, S, S, 3)


def cost(answers: Answers) -> Doubles:
    """(N,) what an attack raises: minus the margin of the true class, or the absolute error."""
    if not answers.classes:
        return answers.loss
    rows = np.arange(len(answers.truth))
    right = answers.truth.astype(np.int64)
    others = answers.output.copy()
    others[rows, right] = -np.inf
    return np.asarray(others.max(1) - answers.output[rows, right])


def with_output(some: Answers, output: Doubles) -> Answers:
    """The same images with other answers."""
    return Answers(some.classes, output, some.truth, some.people, some.groups)


def random_change(chips: Pixels, seed: int) -> Pixels:
    """Change each value by 2 levels up or down at random: what is not chosen against a head."""
    lot = np.random.default_rng([24, seed]).choice([-LEVELS, LEVELS], chips.shape)
    return np.asarray(np.clip(chips.astype(int) + lot, 0, 255), np.uint8)


def by_answers(ask: Ask, some: Answers, chips: Pixels, steps: int, seed: int) -> Pixels:
    """Attack by answers alone: squares of 2 levels that are kept if they raise the error.

    Args:
        ask: the head.
        some: its answers to the chips, with the labels.
        chips: (N, S, S, 3).
        steps: queries per image.
        seed: of places, sizes and signs.

    Returns:
        (N, S, S, 3), each value within 2 levels of the chip's.

    Source: Andriushchenko et al., "Square Attack", ECCV 2020, for the maximum norm.
    """
    rng = np.random.default_rng([24, 1, seed])
    whole, side = chips.astype(int), chips.shape[1]
    # Vertical stripes to begin with, as in the source.
    sign = rng.choice([-LEVELS, LEVELS], (len(chips), 1, side, 3))
    best: Pixels = np.asarray(np.clip(whole + sign, 0, 255), np.uint8)
    level = cost(with_output(some, ask(best)))
    for step in range(steps - 1):
        size = max(1, round(side * np.sqrt(SHARE * 0.5 ** (8 * step / steps))))
        tried = best.copy()
        for n, one in enumerate(tried):
            top, left = rng.integers(0, side - size + 1, 2)
            part = (slice(top, top + size), slice(left, left + size))
            change = rng.choice([-LEVELS, LEVELS], 3)
            one[part] = np.clip(whole[n][part] + change, 0, 255)
        after = cost(with_output(some, ask(tried)))
        better = after > level  # NaN, an answer that is missing, is no success
        best[better], level = tried[better], np.where(better, after, level)
    return best


def by_gradient(
    gradient: Gradient, ask: Ask, some: Answers, chips: Pixels, steps: int = 10
) -> Pixels:
    """Attack along the sign of the gradient: projected gradient descent in the maximum norm.

    Args:
        gradient: of the weighted sum of the answers, by pixel level.
        ask: the head.
        some: its answers to the chips, with the labels.
        chips: (N, S, S, 3).
        steps: of half a level.

    Returns:
        (N, S, S, 3), each value within 2 levels of the chip's.

    Source: Madry et al., ICLR 2018.
    """
    moved = chips.astype(np.float64)
    for _ in range(steps):
        now = np.rint(moved).astype(np.uint8)
        slope = gradient(now, _weights(with_output(some, ask(now))))
        moved = np.clip(moved + 0.5 * np.sign(slope), chips - float(LEVELS), chips + float(LEVELS))
        moved = np.clip(moved, 0, 255)
    return np.asarray(np.rint(moved), np.uint8)


def _weights(answers: Answers) -> Doubles:
    """(N, K) how the cost changes with each answer."""
    if not answers.classes:
        return np.asarray(np.sign(answers.output - np.asarray(answers.truth)[:, None]))
    rows, right = np.arange(len(answers.truth)), answers.truth.astype(np.int64)
    others = answers.output.copy()
    others[rows, right] = -np.inf
    found = np.zeros(answers.output.shape)
    found[rows, others.argmax(1)] += 1
    found[rows, right] -= 1
    return found


def integrated_gradients(
    gradient: Gradient, chips: Pixels, weights: Doubles, steps: int = 50
) -> Doubles:
    """Return maps (N, S, S): gradients along the way from the mean colour to each chip.

    Args:
        gradient: see `by_gradient`.
        chips: (N, S, S, 3).
        weights: (N, K) the answers that are explained.
        steps: on the way.

    Source: Sundararajan et al., ICML 2017; the baseline is the mean colour of the chip.
    """
    base = np.broadcast_to(chips.mean((1, 2), keepdims=True), chips.shape)
    way = chips - base
    total = np.zeros(chips.shape)
    for step in range(steps):
        point = base + (step + 0.5) / steps * way
        total += gradient(np.rint(point).astype(np.uint8), weights)
    return np.asarray((total / steps * way).sum(-1))
