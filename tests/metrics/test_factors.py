import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from mien.errors import TooFewTrialsError
from mien.metrics.factors import (
    direction,
    eta_squared,
    kendall,
    pareto,
    permutation_p,
    share_between,
    silhouette,
)


def test_shares_by_hand():
    # 2 x 2 with two replicates: a explains 16 of 26, b 4, a x b 4, what is left 2.
    a, b = np.repeat([0, 1], 4), np.tile([0, 0, 1, 1], 2)
    y = 2 * a * math.sqrt(2) + math.sqrt(2) * b
    y = y + np.where(a == b, 1, -1) * math.sqrt(0.5) + np.tile([0.5, -0.5], 4)
    found = eta_squared(y, {"a": a, "b": b})
    assert found == pytest.approx({"a": 16 / 26, "b": 4 / 26, "a x b": 4 / 26, "residual": 2 / 26})
    assert sum(found.values()) == pytest.approx(1)


def test_main_effects_in_a_full_crossing_are_shares_between_labels():
    random = np.random.default_rng(0)
    table = random.normal(size=(12, 5)) + np.repeat([0, 1, 2], 4)[:, None]
    model = np.repeat([0, 1, 2], 4)
    found = eta_squared(
        table.ravel(), {"model": np.repeat(model, 5), "data": np.tile(np.arange(5), 12)}
    )
    assert found["model"] == pytest.approx(share_between(table, model, 0))
    assert found["data"] == pytest.approx(share_between(table, np.arange(5), 1))


def test_nothing_that_varies_has_no_shares():
    assert all(math.isnan(v) for v in eta_squared([1, 1, 1, 1], {"a": [0, 0, 1, 1]}).values())
    with pytest.raises(TooFewTrialsError, match="two finite"):
        eta_squared([np.nan, 1], {"a": [0, 1]})


def test_permutations_are_never_impossible_and_fair():
    assert permutation_p(10.0, lambda r: float(r.random()), 99, 0) == 0.01
    random = np.random.default_rng(0)
    small = sum(
        permutation_p(random.normal(), lambda r: float(r.normal()), 99, k) <= 0.05
        for k in range(400)
    )
    assert small <= 32  # 5 % of 400, and some room


def test_kendall_against_scipy_with_ties():
    random = np.random.default_rng(0)
    for _ in range(300):
        x, y = random.integers(0, 5, (2, 9))
        theirs = kendalltau(x, y).statistic
        assert kendall(x, y) == pytest.approx(theirs, nan_ok=True)


def test_the_front_by_brute_force():
    random = np.random.default_rng(0)
    for _ in range(300):
        gain, cost = random.integers(0, 6, (2, 10))
        front = pareto(gain, cost)
        for i in range(10):
            beaten = any(
                gain[j] >= gain[i] and cost[j] <= cost[i]
                and (gain[j] > gain[i] or cost[j] < cost[i])
                for j in range(10)
            )  # fmt: skip
            assert front[i] == (not beaten)


def test_a_silhouette_by_hand():
    # On a line: 0 and 1 against 10 and 11. For 0: inner 1, outer 10.5.
    points = np.array([[0.0], [1], [10], [11]])
    expected = np.mean([1 - 1 / 10.5, 1 - 1 / 9.5, 1 - 1 / 9.5, 1 - 1 / 10.5])
    assert silhouette(points, [0, 0, 1, 1]) == pytest.approx(expected)
    with pytest.raises(TooFewTrialsError, match="two labels"):
        silhouette(points, [0, 0, 0, 1])


def test_a_probe_finds_the_direction_that_was_planted():
    random = np.random.default_rng(0)
    label = random.random(400) < 0.5
    points = random.normal(size=(400, 6))
    points[:, 2] += 4 * label
    unit, offset = direction(points, label)
    assert abs(unit[2]) > 0.95
    assert ((points @ unit > offset) == label).mean() > 0.95
    with pytest.raises(TooFewTrialsError, match="both labels"):
        direction(points, np.ones(400, bool))
