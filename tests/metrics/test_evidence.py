import math

import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import (
    PavLlr,
    calibration_error,
    cllr,
    cross_entropy,
    doubt_before,
    least_cllr,
    reliability,
)


def test_least_cllr_by_hand():
    assert least_cllr([0.8, 0.9], [0.1, 0.2]) == pytest.approx(0.0)  # fully apart
    assert least_cllr([0.5], [0.5]) == 1.0  # says nothing
    # 0.2 is half and half, 0.1 and 0.9 are sure: half of the pairs of each kind lose one bit.
    assert least_cllr([0.2, 0.9], [0.1, 0.2]) == pytest.approx(0.5)


def test_no_rising_map_of_the_scores_does_better_than_the_least():
    random = np.random.default_rng(0)
    for _ in range(300):
        same = random.integers(0, 7, random.integers(1, 15)) + 1.0
        different = random.integers(0, 7, random.integers(1, 15)) + 0.0
        least = least_cllr(same, different)
        steps = np.cumsum(np.abs(random.normal(size=9))) - 4
        assert 0 <= least <= 1 + 1e-12
        for k in (0.1, 0.5, 1.0, 2.0):
            rising = k * steps
            stated = cllr(rising[same.astype(int)], rising[different.astype(int)])
            assert stated >= least - 1e-12


def test_isotonic_ratios_never_fall_and_are_never_infinite():
    random = np.random.default_rng(1)
    model = PavLlr(random.normal(2, 1, 200), random.normal(0, 1, 400))
    ratios = model(np.linspace(-9, 9, 500))
    assert (np.diff(ratios) >= 0).all()
    assert np.isfinite(ratios).all()
    # Two normal distributions of one width: the ratio is 2x - 2, natural logarithm.
    middle = np.linspace(0, 2, 21)
    assert np.abs(PavLlr(random.normal(2, 1, 40_000), random.normal(0, 1, 40_000))(middle)
                  - (2 * middle - 2)).mean() < 0.2  # fmt: skip


def test_cross_entropy_is_cllr_at_even_odds_and_the_prior_alone_without_evidence():
    random = np.random.default_rng(2)
    same, different = random.normal(1, 1, 50), random.normal(-1, 1, 80)
    assert cross_entropy(same, different, 0.0)[0] == pytest.approx(cllr(same, different))
    assert doubt_before([0.0])[0] == pytest.approx(1.0)
    p = 1 / (1 + math.exp(2))
    entropy = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    assert doubt_before([-2.0])[0] == pytest.approx(entropy)
    honest = cross_entropy(same, different, [-2.0, 2.0])
    assert (honest < doubt_before([-2.0, 2.0])).all()
    assert (cross_entropy(5 * different, 5 * same, [0.0]) > 1).all()  # the wrong way round


def test_reliability_by_hand_and_in_line_with_the_calibration_error():
    stated, came, weight = reliability([0.1, 0.2, 0.9], [False, True, True], bins=2)
    assert stated == pytest.approx([0.15, 0.9])
    assert came == pytest.approx([0.5, 1.0])
    assert weight.tolist() == [2, 1]
    random = np.random.default_rng(3)
    for _ in range(200):
        p, y = random.integers(0, 21, 40) / 20, random.random(40) < 0.5
        stated, came, weight = reliability(p, y, bins=15)
        error = np.abs(stated - came) @ weight / weight.sum()
        assert calibration_error(p, y) == pytest.approx(error)


def test_bad_input_is_refused():
    with pytest.raises(TooFewTrialsError, match="add the missing kind"):
        PavLlr([0.5], [])
    with pytest.raises(MienError, match="leave out failed"):
        PavLlr([0.5, np.nan], [0.1])
    with pytest.raises(MienError, match=r"\[0, 1\]"):
        reliability([1.2], [True])
