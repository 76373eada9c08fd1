import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import apcer, bpcer, roc_area, threshold_at_apcer


def test_by_hand():
    assert apcer([0.1, 0.5, 0.9], 0.5).tolist() == [False, False, True]  # a tie is an attack
    assert bpcer([0.1, 0.5, 0.9], 0.5).tolist() == [True, True, False]


def test_the_worst_species_sets_the_threshold():
    attacks = {"print": np.linspace(0, 0.4, 20), "mask": np.linspace(0, 0.8, 20)}
    bar = threshold_at_apcer(attacks, 0.05)
    assert apcer(attacks["mask"], bar).mean() == 0.05
    assert apcer(attacks["print"], bar).mean() == 0.0


def test_brute_force_with_ties():
    random = np.random.default_rng(0)
    for _ in range(1000):
        attacks = {s: random.integers(0, 8, random.integers(10, 30)) / 8 for s in "abc"}
        rate = random.uniform(0.1, 1)
        bars = [-np.inf, *(x for v in attacks.values() for x in v)]
        fit = [b for b in bars if all(np.mean(v > b) <= rate + 1e-9 for v in attacks.values())]
        assert threshold_at_apcer(attacks, rate) == min(fit)


def test_too_few_or_none_are_refused():
    with pytest.raises(TooFewTrialsError, match="'mask' has 3"):
        threshold_at_apcer({"mask": [0.1, 0.2, 0.3]}, 0.05)
    with pytest.raises(TooFewTrialsError, match="no attacks"):
        threshold_at_apcer({}, 0.05)
    with pytest.raises(TooFewTrialsError, match="no bona fide"):
        bpcer([], 0.5)
    with pytest.raises(MienError, match="non-response"):
        apcer([0.5, np.nan], 0.5)


def test_the_area_counts_ordered_pairs_and_half_of_the_ties():
    # 3 x 2 pairs: 0.9 and 0.6 are above both attacks or tie once; 0.2 is below one.
    assert roc_area([0.9, 0.6, 0.2], [0.6, 0.1]) == pytest.approx((2 + 1.5 + 1) / 6)
    assert roc_area([1, 2], [0, 0.5]) == 1
    assert roc_area([0.5], [0.5]) == 0.5
    random = np.random.default_rng(0)
    a, b = random.integers(0, 5, 40), random.integers(0, 5, 30)
    brute = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
    assert roc_area(a, b) == pytest.approx(brute)
    with pytest.raises(TooFewTrialsError):
        roc_area([], [0.5])
