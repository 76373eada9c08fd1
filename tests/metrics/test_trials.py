import numpy as np
import pytest
from scipy.stats import norm

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Trials, equal_error_rate, fmr, fnmr, threshold_at_fmr


def made(random, people=100, each=3, apart=3.0, shared=0.2):
    """Everybody against everybody once, and `each` comparisons of each person."""
    i, j = np.triu_indices(people, 1)
    g = np.repeat(np.arange(people), each)
    alike, own = random.normal(size=people), random.normal(size=people)
    impostors = np.sqrt(0.05) * (alike[i] + alike[j]) / np.sqrt(2)
    impostors += np.sqrt(0.95) * random.normal(size=i.size)
    genuine = apart + np.sqrt(shared) * own[g] + np.sqrt(1 - shared) * random.normal(size=g.size)
    return Trials(
        np.r_[genuine, impostors],
        np.arange(g.size + i.size) < g.size,
        np.r_[g, i],
        np.r_[g, j],
    )


def test_the_values_are_those_of_the_plain_functions_and_failures_are_misses():
    trials = made(np.random.default_rng(0))
    failed = np.zeros(trials.same.shape, bool)
    failed[[0, 1, 400]] = True  # two of one person, one of two
    broken = Trials(
        np.where(failed, np.nan, trials.similarity),
        trials.same,
        trials.first,
        trials.second,
        failed,
    )
    assert broken.misses == 2
    assert broken.impostors.size == trials.impostors.size - 1
    bar = threshold_at_fmr(broken.impostors, 0.01)
    assert broken.fnmr_at(0.01).value == fnmr(broken.genuine, bar, failed=2)
    assert broken.fnmr(bar).value == fnmr(broken.genuine, bar, failed=2)
    assert broken.fmr(bar).value == fmr(broken.impostors, bar)
    assert broken.equal_error().value == equal_error_rate(broken.genuine, broken.impostors, 2)
    for found in (broken.fnmr_at(0.01), broken.fmr(bar), broken.equal_error()):
        assert found.low < found.value < found.high


def test_nominal_95_percent_covers_the_rate_at_a_threshold_set_on_the_same_trials():
    # Both the misses and the threshold vary: impostors N(0, 1), one person N(3, 1).
    random, reps, rate = np.random.default_rng(1), 400, 0.01
    truth, equal = norm.cdf(norm.isf(rate) - 3.0), norm.sf(1.5)
    inside = np.zeros(2)
    for _ in range(reps):
        trials = made(random, people=120)
        for number, (found, true) in enumerate(
            ((trials.fnmr_at(rate), truth), (trials.equal_error(), equal))
        ):
            inside[number] += found.low <= true <= found.high
    assert (inside >= 0.93 * reps).all()
    assert (inside <= 0.975 * reps).all()


def test_a_rate_needs_thirty_false_matches_behind_it():
    trials = made(np.random.default_rng(0), people=50)
    with pytest.raises(TooFewTrialsError, match=r"ask for 0\.024 or more"):
        trials.fnmr_at(0.001)


def test_what_shows_no_rate_is_refused_with_what_to_bring():
    one = Trials(np.ones(3), np.ones(3, bool), np.zeros(3, int), np.zeros(3, int))
    with pytest.raises(TooFewTrialsError, match=r"1 person.*add images of other people"):
        one.require()
    alike = Trials(np.ones(2), np.ones(2, bool), np.arange(2), np.arange(2))
    with pytest.raises(TooFewTrialsError, match=r"zero impostors.*add pairs"):
        alike.require()
    apart = Trials(np.ones(2), np.zeros(2, bool), np.arange(2), np.arange(2) + 1)
    with pytest.raises(TooFewTrialsError, match="second images"):
        apart.require()


def test_a_similarity_that_is_no_number_must_be_marked_as_failed():
    columns = (np.array([True, False]), np.array([0, 0]), np.array([0, 1]))
    with pytest.raises(MienError, match=r"1 comparisons .*row 2.* marked as failed"):
        Trials(np.array([0.5, np.nan]), *columns)
    Trials(np.array([0.5, np.nan]), *columns, np.array([False, True]))


def test_labels_that_contradict_the_people_are_refused():
    with pytest.raises(MienError, match="Row 1 marks"):
        Trials(np.ones(1), np.ones(1, bool), np.array([0]), np.array([1]))
    with pytest.raises(MienError, match="equally long"):
        Trials(np.ones(2), np.ones(1, bool), np.array([0]), np.array([1]))
