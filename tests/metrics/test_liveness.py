import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import apcer, bpcer, threshold_at_apcer


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
