import math

import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import area, discard_curve


def test_by_hand():
    # Two of four wrong, the worst two in quality are one of each: away with them leaves 1 of 2.
    curve = discard_curve([1, 0, 1, 0], [0.1, 0.2, 0.3, 0.4], most=0.75, steps=4)
    assert curve.share.tolist() == [0, 0.25, 0.5, 0.75]
    assert curve.error == pytest.approx([1 / 2, 1 / 3, 1 / 2, 0])
    assert curve.oracle == pytest.approx([1 / 2, 1 / 3, 0, 0])
    assert curve.random == 0.5


def test_the_oracle_gains_all_a_coin_nothing_and_the_reverse_harms():
    wrong = np.arange(1000) < 50
    assert area(discard_curve(wrong, ~wrong * 1.0)) == pytest.approx(1.0)
    assert area(discard_curve(wrong, np.zeros(1000))) == pytest.approx(0.0, abs=1e-12)
    assert area(discard_curve(wrong, wrong * 1.0)) < 0


def test_without_errors_nothing_can_be_gained():
    assert math.isnan(area(discard_curve([0, 0, 0], [1, 2, 3])))


def test_ties_leave_in_random_order_as_the_mean_of_many_shuffles_shows():
    random = np.random.default_rng(0)
    for _ in range(15):
        wrong = random.random(20) < 0.3
        quality = random.integers(0, 4, 20).astype(float)
        curve = discard_curve(wrong, quality, most=0.5, steps=11)
        shuffled = []
        for _ in range(500):
            order = np.lexsort([random.random(20), quality])
            shuffled.append([wrong[order[round(20 * s) :]].mean() for s in curve.share])
        assert curve.error == pytest.approx(np.mean(shuffled, 0), abs=0.04)


def test_what_has_no_quality_is_refused():
    with pytest.raises(MienError, match="1 comparisons have no quality"):
        discard_curve([1, 0], [0.5, np.nan])
    with pytest.raises(TooFewTrialsError, match="two comparisons"):
        discard_curve([1], [0.5])
