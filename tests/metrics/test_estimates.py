import math

import numpy as np
import pytest
from scipy.stats import norm, t

from mien.errors import TooFewTrialsError
from mien.metrics import Clusters, wilson


def test_with_one_trial_a_person_the_variance_is_the_textbook_one():
    x = np.array([1.0, 2.0, 4.0, 9.0])
    found = Clusters([0, 1, 2, 3]).mean(x)
    half = t.ppf(0.975, 3) * x.std(ddof=1) / 2
    assert (found.value, found.low, found.high) == pytest.approx((4, 4 - half, 4 + half))


def test_trials_of_one_person_count_as_one():
    # Every trial written three times: the same interval, since no person was added.
    x = np.array([0.1, 0.5, 0.2, 0.9, 0.4])
    one = Clusters(np.arange(5)).mean(x)
    three = Clusters(np.repeat(np.arange(5), 3)).mean(np.repeat(x, 3))
    assert (three.low, three.high) == pytest.approx((one.low, one.high))
    assert three.people == 5
    assert three.trials == 15


def test_variance_of_comparisons_against_brute_force_over_all_pairs_of_trials():
    # Two trials are related if they touch a person in common: sum over all such pairs.
    random = np.random.default_rng(0)
    for _ in range(200):
        people, trials = int(random.integers(4, 9)), int(random.integers(6, 30))
        a, b = random.integers(0, people, (2, trials))
        weights, x = random.uniform(0.5, 2, trials), random.random(trials)
        part = weights * (x - np.average(x, weights=weights)) / weights.sum()
        related = [
            part[i] * part[j]
            for i in range(trials)
            for j in range(trials)
            if {a[i], b[i]} & {a[j], b[j]}
        ]
        n = np.unique(np.r_[a, b]).size
        expected = sum(related) * n / (n - 1)
        found = Clusters(a, b, weights).variance(x)
        if expected > 1e-12:
            assert found == pytest.approx(expected)
        else:
            assert found > 0


def test_people_may_be_names_and_numbers_may_have_gaps():
    x = [True, False, False, True]
    named = Clusters(["a", "b", "c", "d"], ["b", "c", "d", "a"]).share(x)
    gapped = Clusters([5, 90, 7, 8], [90, 7, 8, 5]).share(x)
    assert (named.low, named.high) == (gapped.low, gapped.high)


def test_where_nothing_happened_the_rule_of_three_counts_people():
    found = Clusters(np.repeat(np.arange(100), 5)).share(np.zeros(500, bool))
    assert (found.value, found.low, found.high) == (0, 0, 0.03)
    full = Clusters(np.arange(60)).share(np.ones(60, bool))
    assert (full.value, full.low, full.high) == (1, 0.95, 1)


def test_independent_trials_give_nearly_wilsons_interval():
    x = np.arange(400) < 40
    found = Clusters(np.arange(400)).share(x)
    assert (found.low, found.high) == pytest.approx(wilson(40, 400), abs=1e-3)


def test_a_share_that_is_the_same_for_everybody_counts_its_trials():
    # Each of 20 people is wrong in one of two trials: nothing varies between people.
    found = Clusters(np.repeat(np.arange(20), 2)).share(np.tile([0, 1], 20))
    assert found.value == 0.5
    low, high = wilson(20, 40)
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)


def test_two_people_give_a_value_and_say_why_there_is_no_interval():
    found = Clusters([0, 0, 1]).share([True, False, False])
    assert found.value == pytest.approx(1 / 3)
    assert math.isnan(found.low)
    assert "2 people" in found.reason


def test_no_trials_are_refused():
    with pytest.raises(TooFewTrialsError, match="0 first"):
        Clusters([])


@pytest.mark.parametrize(
    ("people", "each", "rate", "shared"),
    [(50, 3, 0.1, 0.5), (100, 3, 0.05, 0.5), (200, 6, 0.02, 0.5), (100, 3, 0.3, 0.0)],
)
def test_nominal_95_percent_covers_93_to_97_percent_of_one_persons_comparisons(
    people, each, rate, shared
):
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(people), each)
    clusters, covered = Clusters(who), 0
    for _ in range(1000):
        noise = math.sqrt(shared) * random.normal(size=people)[who]
        noise += math.sqrt(1 - shared) * random.normal(size=who.size)
        found = clusters.share(noise > norm.isf(rate))
        covered += found.low <= rate <= found.high
    assert 930 <= covered <= 970


@pytest.mark.slow
@pytest.mark.parametrize(
    ("people", "rate", "shared"), [(60, 0.05, 0.0), (100, 0.01, 0.1), (200, 0.001, 0.1)]
)
def test_nominal_95_percent_covers_93_to_97_percent_of_comparisons_of_two(people, rate, shared):
    random = np.random.default_rng(0)
    i, j = np.triu_indices(people, 1)
    clusters, covered = Clusters(i, j), 0
    for _ in range(500):
        alike = random.normal(size=people)
        noise = math.sqrt(shared / 2) * (alike[i] + alike[j])
        noise += math.sqrt(1 - shared) * random.normal(size=i.size)
        found = clusters.share(noise > norm.isf(rate))
        covered += found.low <= rate <= found.high
    assert 465 <= covered <= 485
