import numpy as np
import pytest
from scipy.stats import binom, binomtest

from mien.errors import TooFewTrialsError
from mien.metrics import bootstrap_weights, clopper_pearson, rule_of_three, wilson


def test_wilson_by_hand():
    # 1 of 10 with z = 1.96: centre (0.1 + 0.19207) / 1.38415, half width 0.19283.
    assert wilson(1, 10) == pytest.approx((0.0178762, 0.4041500), abs=1e-6)


def test_clopper_pearson_by_hand():
    # Nothing in ten trials: the upper end solves (1 - p)^10 = 0.025.
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1))
    assert clopper_pearson(10, 10) == pytest.approx((0.025**0.1, 1.0))


def test_both_agree_with_scipy_over_all_shares():
    for trials in (1, 2, 7, 30):
        for count in range(trials + 1):
            test = binomtest(count, trials)
            for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
                for confidence in (0.5, 0.95, 0.99):
                    theirs = test.proportion_ci(confidence, method)
                    ends = (theirs.low, theirs.high)
                    assert ours(count, trials, confidence) == pytest.approx(ends, abs=1e-12)


@pytest.mark.parametrize("truth", [0.03, 0.2, 0.5])
def test_clopper_pearson_covers_the_truth_at_least_as_often_as_it_says(truth):
    covers = [low <= truth <= high for low, high in (clopper_pearson(k, 40) for k in range(41))]
    assert binom.pmf(np.arange(41), 40, truth) @ np.array(covers) >= 0.95


def test_the_rule_of_three():
    assert rule_of_three(300) == 0.01
    assert rule_of_three(2) == 1.0
    assert clopper_pearson(0, 1000, 0.9)[1] == pytest.approx(rule_of_three(1000), rel=0.01)


def test_every_resample_draws_as_many_people_as_there_are():
    weights = bootstrap_weights(50, 400, seed=0)
    assert weights.shape == (400, 50)
    assert (weights.sum(1) == 50).all()
    assert weights.mean() == 1
    # A person is left out of a resample with probability (1 - 1/50)^50 = 0.364.
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 50) ** 50, abs=0.01)


def test_the_same_seed_gives_the_same_numbers():
    assert (bootstrap_weights(9, 5, seed=3) == bootstrap_weights(9, 5, seed=3)).all()
    assert (bootstrap_weights(9, 5, seed=3) != bootstrap_weights(9, 5, seed=4)).any()


def test_what_is_no_share_is_refused():
    for interval in (wilson, clopper_pearson):
        with pytest.raises(TooFewTrialsError, match="at least one trial"):
            interval(0, 0)
        with pytest.raises(ValueError, match="3 of 2"):
            interval(3, 2)
    with pytest.raises(TooFewTrialsError, match="at least one trial"):
        bootstrap_weights(0, 5, seed=0)
