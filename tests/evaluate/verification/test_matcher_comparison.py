import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.verification.matcher_comparison import compare
from mien.evaluate.verification.trial_set import Compared
from mien.metrics import Trials


def matchers(random, worse=0.0, people=60, each=3):
    """Two matchers on the same comparisons; the second is worse by so much."""
    i, j = np.triu_indices(people, 1)
    g = np.repeat(np.arange(people), each)
    same = np.arange(g.size + i.size) < g.size
    first, second = np.r_[g, i], np.r_[g, j]
    own = random.normal(size=people)
    shared = np.r_[0.5 * own[g], np.zeros(i.size)] + 0.7 * random.normal(size=same.size)
    sides = []
    for drop in (0.0, worse):
        noise = 0.6 * random.normal(size=same.size)
        likeness = np.where(same, 3.0 - drop, 0.0) + shared + noise
        trials = Trials(likeness, same, first, second)
        sides.append(Compared(trials, tuple(map(str, range(people)))))
    return sides


def gap(sides, seed=0, resamples=200):
    found = compare(*sides, ("a", "b"), fmr=0.05, data="x", resamples=resamples, seed=seed)
    return found.headline[0].value, found.lead


def test_a_worse_matcher_is_found():
    random = np.random.default_rng(0)
    for _ in range(5):
        value, lead = gap(matchers(random, worse=1.0))
        assert value.high < 0
        assert "a misses fewer" in lead


def test_two_equal_matchers_are_told_apart_at_most_one_time_in_twenty():
    random, apart = np.random.default_rng(1), 0
    for _ in range(100):
        value, _ = gap(matchers(random), resamples=200)
        apart += value.low > 0 or value.high < 0
    assert apart <= 5


def test_a_matcher_against_itself_is_exactly_equal():
    one, _ = matchers(np.random.default_rng(2))
    value, lead = gap((one, one))
    assert (value.value, value.low, value.high) == (0, 0, 0)
    assert "no difference is shown by these data" in lead


def test_other_comparisons_and_too_few_are_refused():
    random = np.random.default_rng(3)
    one, _ = matchers(random)
    other, _ = matchers(random, people=50)
    with pytest.raises(MienError, match="same comparisons in the same order"):
        gap((one, other))
    with pytest.raises(TooFewTrialsError, match="needs 300,000"):
        compare(one, one, ("a", "b"), fmr=1e-4, data="x")
