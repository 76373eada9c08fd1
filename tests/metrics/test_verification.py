import numpy as np
import pytest

from mien.errors import TooFewTrialsError
from mien.metrics import equal_error_rate, fmr, fnmr, fold_accuracy, tar_at_far, threshold_at_fmr

SAME = [0.9, 0.8, 0.6, 0.3]
DIFFERENT = [0.7, 0.5, 0.4, 0.2, 0.1]


@pytest.mark.parametrize(
    ("threshold", "matches", "misses"),
    [(0.45, 0.4, 0.25), (0.0, 1.0, 0.0), (0.95, 0.0, 1.0), (0.5, 0.2, 0.25), (0.6, 0.2, 0.5)],
)
def test_both_rates_by_hand(threshold, matches, misses):
    # 0.5 rejects the stranger at 0.5, 0.6 the same person at 0.6: a tie is rejected.
    assert fmr(DIFFERENT, threshold) == matches
    assert fnmr(SAME, threshold) == misses


def test_a_failure_stays_in_the_denominator_as_an_error():
    assert fnmr(SAME, 0.45, failed=1) == 2 / 5
    assert fnmr([], 0.45, failed=3) == 1.0
    assert tar_at_far(SAME, DIFFERENT, 0.2, failed=1) == pytest.approx(3 / 5)


@pytest.mark.parametrize(("far", "tar"), [(0.2, 0.75), (0.4, 0.75), (0.6, 1.0), (1.0, 1.0)])
def test_accepted_at_a_false_accept_rate_by_hand(far, tar):
    # far 0.2: one of five impostors may pass, so the bar is 0.5; 0.3 is under it.
    # far 0.6: three may pass, the bar falls to 0.2, and everyone is let in.
    assert tar_at_far(SAME, DIFFERENT, far) == tar


@pytest.mark.parametrize(
    ("rate", "threshold"), [(0.2, 0.5), (0.39, 0.5), (0.4, 0.4), (0.8, 0.1), (1.0, -np.inf)]
)
def test_the_threshold_of_a_rate_is_the_best_impostor_who_must_not_pass(rate, threshold):
    assert threshold_at_fmr(DIFFERENT, rate) == threshold


def test_a_tie_with_the_bar_is_rejected():
    assert tar_at_far([0.5, 0.9], [0.5, 0.5], far=0.5) == 0.5


def test_refuses_a_rate_that_the_data_cannot_show():
    with pytest.raises(TooFewTrialsError, match="needs 1000 different-person pairs, got 5"):
        tar_at_far(SAME, DIFFERENT, far=1e-3)


def test_refuses_to_make_a_rate_of_nothing():
    for rate in (lambda: fmr([], 0.5), lambda: fnmr([], 0.5), lambda: equal_error_rate([], [0.1])):
        with pytest.raises(TooFewTrialsError, match="add some"):
            rate()


def test_refuses_nan_with_what_to_do():
    with pytest.raises(ValueError, match=r"1 of 2 similarities .* count them as `failed`"):
        fnmr([0.5, np.nan], 0.2)
    with pytest.raises(ValueError, match="different-person"):
        threshold_at_fmr([0.5, np.nan], 0.5)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1])
def test_refuses_a_rate_that_is_none(rate):
    with pytest.raises(ValueError, match=r"in \(0, 1\]"):
        threshold_at_fmr(DIFFERENT, rate)


def test_equal_error_rate_by_hand():
    # At bar 0.4: two of five strangers pass (0.4), one of four is missed (0.25): mean 0.325.
    # At bar 0.5: one passes (0.2), one is missed (0.25): nearest, mean 0.225.
    assert equal_error_rate(SAME, DIFFERENT) == pytest.approx(0.225)
    assert equal_error_rate([0.8, 0.9], [0.1, 0.2]) == 0.0
    assert equal_error_rate([0.1, 0.2], [0.8, 0.9]) == 1.0
    assert equal_error_rate([0.5], [0.5]) == 0.5  # bar below: (0, 1); at the tie: (1, 0)
    assert equal_error_rate([0.9], [0.1], failed=1) == pytest.approx(0.25)  # (0.5, 0)


def test_brute_force_over_many_random_cases_with_ties():
    random = np.random.default_rng(0)
    for _ in range(500):
        same = random.integers(0, 12, random.integers(1, 20)) / 10 + 0.2
        different = random.integers(0, 12, random.integers(1, 20)) / 10
        bar = random.integers(0, 14) / 10
        failed = int(random.integers(0, 3))
        assert fmr(different, bar) == sum(x > bar for x in different) / len(different)
        missed = sum(not x > bar for x in same) + failed
        assert fnmr(same, bar, failed) == missed / (len(same) + failed)
        rate = random.uniform(1 / len(different), 1)
        allowed = [b for b in [-np.inf, *different] if fmr(different, b) <= rate + 1e-9]
        assert threshold_at_fmr(different, rate) == min(allowed)
        pairs = [(fnmr(same, b, failed), fmr(different, b)) for b in [-np.inf, *same, *different]]
        gap = min(abs(a - b) for a, b in pairs)
        best = min((a + b) / 2 for a, b in pairs if abs(a - b) <= gap + 1e-12)
        assert equal_error_rate(same, different, failed) == pytest.approx(best)


def test_fold_accuracy_by_hand():
    # Fold 1 sets the bar for fold 0 between 0.3 and 0.7: right on 0.8 and 0.2, wrong on 0.6.
    # Fold 0 leaves 0.7 to be set: without errors between 0.6 and 0.8, so 0.7; then 0.7 is a tie.
    similarity = [0.8, 0.6, 0.2, 0.7, 0.3]
    same = [True, False, False, True, False]
    found = fold_accuracy(similarity, same, [0, 0, 0, 1, 1])
    assert found.thresholds == pytest.approx((0.5, 0.7))
    assert found.folds == pytest.approx((2 / 3, 1 / 2))
    assert found.mean == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_pair_that_failed_is_an_error_whatever_it_shows():
    similarity = [0.9, 0.1, np.nan, np.nan, 0.9, 0.1]
    same = [True, False, True, False, True, False]
    failed = [False, False, True, True, False, False]
    found = fold_accuracy(similarity, same, [0, 0, 0, 0, 1, 1], failed)
    assert found.folds == (0.5, 1.0)


def test_fold_accuracy_refuses_nan_that_nobody_counted_and_folds_with_nothing():
    with pytest.raises(ValueError, match="NaN"):
        fold_accuracy([np.nan, 0.5], [True, False], [0, 1])
    with pytest.raises(TooFewTrialsError, match="two folds"):
        fold_accuracy([0.4, 0.5], [True, False], [0, 0])
    with pytest.raises(TooFewTrialsError, match="1 of them failed"):
        fold_accuracy([0.4, 0.5], [True, False], [0, 1], [True, False])


def test_fold_accuracy_against_brute_force_with_ties():
    random = np.random.default_rng(1)
    for _ in range(300):
        size = int(random.integers(6, 30))
        similarity = random.integers(0, 8, size) / 8
        same = random.random(size) < similarity
        fold = np.arange(size) % 3
        failed = random.random(size) < 0.1
        failed[:3] = False
        found = fold_accuracy(similarity, same, fold, failed)
        for number, accuracy, bar in zip(range(3), found.folds, found.thresholds, strict=True):
            learn, judge = (fold != number) & ~failed, fold == number

            known = list(zip(similarity[learn], same[learn], strict=True))
            errors = [sum((x > at) != y for x, y in known) for at in [bar, -1, *similarity[learn]]]
            assert errors[0] == min(errors)
            right = [(similarity[i] > bar) == same[i] and not failed[i] for i in judge.nonzero()[0]]
            assert accuracy == pytest.approx(np.mean(right))


def test_a_threshold_between_two_neighbouring_floats_still_accepts_the_upper_one():
    low, high = 0.5, np.nextafter(0.5, 1)
    found = fold_accuracy([low, high, low, high], [False, True, False, True], [0, 0, 1, 1])
    assert found.mean == 1.0
