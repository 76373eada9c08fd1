import numpy as np
import pytest
from scipy.optimize import minimize

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import (
    calibration_error,
    cllr,
    fit_llr,
    fit_temperature,
    log_loss,
    posterior,
    tempered,
)


def test_two_normal_distributions_have_the_line_of_the_textbook():
    # Means +-m and spread s: the log-likelihood ratio is 2 m x / s^2, through 0 at the middle.
    random = np.random.default_rng(0)
    same, different = random.normal(0.6, 0.1, 200_000), random.normal(0.2, 0.1, 200_000)
    slope, intercept = fit_llr(same, different)
    assert slope == pytest.approx(40, rel=0.02)
    assert -intercept / slope == pytest.approx(0.4, abs=0.002)


def test_the_numbers_of_pairs_leave_no_prior_in_the_line():
    random = np.random.default_rng(1)
    same, different = random.normal(0.6, 0.1, 50_000), random.normal(0.2, 0.1, 50_000)
    few, all_ = fit_llr(same[:5_000], different), fit_llr(same, different)
    assert few == pytest.approx(all_, rel=0.05)


def test_a_weight_is_as_good_as_a_repetition():
    same, different = [0.9, 0.5, 0.4], [0.45, 0.2, 0.1]
    weighted = fit_llr(same, different, [1, 3, 2], [2, 1, 1])
    repeated = fit_llr([0.9, 0.5, 0.5, 0.5, 0.4, 0.4], [0.45, 0.45, 0.2, 0.1])
    assert weighted == pytest.approx(repeated)


def test_the_fit_is_the_minimum_that_a_general_minimiser_finds():
    random = np.random.default_rng(2)
    for _ in range(30):
        same = random.normal(0.5, 0.3, random.integers(2, 40))
        different = random.normal(0.0, 0.3, random.integers(2, 40))
        if same.mean() <= different.mean():
            continue
        p, q = len(same), len(different)

        def loss(line, same=same, different=different, p=p, q=q):
            a, b = line[0] * same + line[1], line[0] * different + line[1]
            hit, miss = (p + 1) / (p + 2), 1 / (q + 2)
            return np.mean(np.logaddexp(0, a) - hit * a) + np.mean(np.logaddexp(0, b) - miss * b)

        best = minimize(loss, [1.0, 0.0], tol=1e-12)
        assert loss(fit_llr(same, different)) <= best.fun + 1e-9


def test_classes_that_do_not_overlap_still_have_a_finite_line():
    slope, intercept = fit_llr([0.8, 0.9], [0.1, 0.2])
    assert 0 < slope < 1000
    assert np.isfinite(intercept)


def test_refuses_similarities_that_mean_nothing():
    with pytest.raises(MienError, match="Check the names"):
        fit_llr([0.1, 0.2], [0.8, 0.9])
    with pytest.raises(MienError, match="Check the names"):
        fit_llr([0.5, 0.5], [0.5, 0.5])
    with pytest.raises(TooFewTrialsError, match="two same-person pairs, got 1"):
        fit_llr([0.5], [0.1, 0.2])
    with pytest.raises(ValueError, match="NaN"):
        fit_llr([0.5, np.nan], [0.1, 0.2])
    with pytest.raises(ValueError, match="weights"):
        fit_llr([0.5, 0.6], [0.1, 0.2], [1.0])


@pytest.mark.parametrize(
    ("llr", "prior", "probability"),
    [(0.0, 0.3, 0.3), (np.log(3), 0.5, 0.75), (np.log(9), 0.1, 0.5), (-np.log(4), 0.8, 0.5)],
)
def test_the_posterior_by_hand(llr, prior, probability):
    assert posterior(llr, prior) == pytest.approx(probability)


def test_the_posterior_neither_overflows_nor_leaves_0_and_1():
    assert posterior([-1e6, 1e6], 0.5).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("prior", [0.0, 1.0, float("nan")])
def test_a_prior_of_certainty_is_refused(prior):
    with pytest.raises(ValueError, match="between 0 and 1"):
        posterior(1.0, prior)


def test_the_cost_of_ratios_by_hand():
    assert cllr([0.0], [0.0, 0.0]) == pytest.approx(1.0)  # knows nothing: one bit
    # log2(1 + 1/3) = 0.4150 for a ratio of 3 on either side, in the right direction ...
    assert cllr([np.log(3)], [-np.log(3)]) == pytest.approx(0.41504, abs=1e-5)
    assert cllr([-np.log(3)], [np.log(3)]) == pytest.approx(2.0)  # ... and in the wrong one
    assert cllr([1e5], [-1e5]) == 0.0
    assert cllr([0.0, np.log(3)], [0.0], [1, 3]) == pytest.approx(
        (0.25 + 0.75 * 0.41504 + 1) / 2, abs=1e-5
    )
    assert cllr([-np.inf], [0.0]) == np.inf


def test_the_calibration_error_by_hand():
    # Ten bins: 0.25 lies in the third, of which half came true; 0.95 in the last, all true.
    stated, came = [0.25, 0.25, 0.95, 0.95], [False, True, True, True]
    assert calibration_error(stated, came, bins=10) == pytest.approx((0.25 + 0.05) / 2)
    assert calibration_error(stated, came, [1, 1, 3, 3], bins=10) == pytest.approx(
        (0.25 + 3 * 0.05) / 4
    )
    assert calibration_error([1.0, 0.0], [True, False]) == 0.0  # 1 lies in the last bin
    # Over and under cancel within a bin: one bin sees only the means.
    assert calibration_error([0.0, 1.0], [True, False], bins=1) == 0.0


def test_the_calibration_error_against_brute_force_at_the_edges_of_bins():
    random = np.random.default_rng(3)
    for _ in range(200):
        size, bins = int(random.integers(1, 40)), int(random.integers(1, 9))
        stated = random.integers(0, 9, size) / 8
        came = random.random(size) < 0.5
        weights = random.random(size) + 0.1
        slow = 0.0
        for k in range(bins):
            last = k == bins - 1
            held = [
                i for i in range(size) if k <= stated[i] * bins < k + 1 or (last and stated[i] == 1)
            ]
            slow += abs(sum(weights[i] * (stated[i] - came[i]) for i in held))
        assert calibration_error(stated, came, weights, bins) == pytest.approx(slow / weights.sum())


def test_the_calibration_error_refuses_what_is_no_probability():
    for stated in ([1.1], [-0.1], [np.nan], []):
        with pytest.raises(ValueError, match="probabilities"):
            calibration_error(stated, [True] * len(stated))


def test_log_loss_by_hand():
    assert log_loss([0.5, 0.25]) == pytest.approx(1.5 * np.log(2))
    assert log_loss([1.0, 0.0], least=0.01) == pytest.approx(np.log(100) / 2)
    for wrong in ([], [1.2], [-0.1]):
        with pytest.raises(ValueError, match="needs probabilities"):
            log_loss(wrong)


def test_a_temperature_is_recovered_and_one_changes_nothing():
    rng = np.random.default_rng(0)
    p = np.exp(rng.normal(0, 2, (4000, 3)))
    p /= p.sum(1, keepdims=True)
    labels = (p.cumsum(1) > rng.random((4000, 1))).argmax(1)
    assert fit_temperature(tempered(p, 0.5), labels) == pytest.approx(2, abs=0.15)
    assert fit_temperature(p, labels) == pytest.approx(1, abs=0.08)
    assert tempered(p, 1) == pytest.approx(p, abs=1e-6)
    assert tempered([[0.8, 0.2]], 2) == pytest.approx(np.array([[2 / 3, 1 / 3]]))  # square roots
