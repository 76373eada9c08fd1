"""F1 of several labels: by hand, unknown truths, and intervals over people."""

import numpy as np
import pytest

from mien.metrics.multilabel import f1_each, f1_intervals


def test_f1_by_hand_and_unknown_truths_are_left_out():
    truth = [[1, 0, 0], [1, np.nan, 0], [0, 1, 0]]
    guess = [[1, 1, 0], [0, 1, 0], [1, 1, 1]]
    # First: 1 right, 1 missed, 1 false. Second: 1 right, 1 false. Third never occurs.
    assert f1_each(guess, truth) == pytest.approx([2 / 4, 2 / 3, np.nan], nan_ok=True)
    assert f1_each(guess, truth, [2, 0, 1])[0] == pytest.approx(4 / 5)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must both be"):
        f1_each([[1, 0]], [[1]])


def test_intervals_count_people_not_cases():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, (40, 2)).astype(float)
    guess = random.random((40, 2)) < 0.3 + 0.4 * truth
    one = f1_intervals(guess, truth, [f"P{k}" for k in range(40)])
    ten = f1_intervals(np.tile(guess, (10, 1)), np.tile(truth, (10, 1)),
                       [f"P{k % 40}" for k in range(400)])  # fmt: skip
    assert np.allclose(one, ten)  # the same people ten times over know no more
    low, high = one
    assert (low <= [*f1_each(guess, truth), 1]).all()
    assert (high[:2] >= f1_each(guess, truth)).all()
