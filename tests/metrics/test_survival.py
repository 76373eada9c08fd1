import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics.survival import (
    concordance_estimate,
    concordance_index,
    cox,
    kaplan_meier,
    likelihood_ratio,
    log_rank,
)


def test_concordance_by_hand():
    # Comparable pairs: 1 before 2, 3, 4; 3 before 4 (the one watched until 2 says nothing later).
    times, events = [1, 2, 3, 4], [1, 0, 1, 0]
    assert concordance_index(times, events, [4, 3, 2, 1]) == 1.0
    assert concordance_index(times, events, [1, 3, 2, 4]) == 0.0
    assert concordance_index(times, events, [3, 3, 2, 1]) == pytest.approx(3.5 / 4)
    # Alike times: only one event, so the one without it was watched longer.
    assert concordance_index([1, 1], [1, 0], [2, 1]) == 1.0


def test_concordance_against_all_pairs():
    random = np.random.default_rng(0)
    for _ in range(100):
        t, d = random.integers(1, 8, 12), random.integers(0, 2, 12)
        r = random.integers(0, 5, 12)
        right = pairs = 0.0
        for i in range(12):
            for j in range(12):
                if d[i] and (t[i] < t[j] or (t[i] == t[j] and not d[j])):
                    pairs += 1
                    right += 1.0 if r[i] > r[j] else 0.5 if r[i] == r[j] else 0.0
        if pairs:
            assert concordance_index(t, d, r) == pytest.approx(right / pairs)


def test_the_interval_of_the_concordance_covers_the_truth():
    random = np.random.default_rng(1)

    def cohort(n):
        x = random.normal(size=n)
        t, end = random.exponential(np.exp(-x)), random.exponential(1.5, n)
        return np.minimum(t, end), t <= end, x

    truth = np.mean([concordance_index(*cohort(1000)) for _ in range(10)])
    found = [concordance_estimate(*cohort(80)) for _ in range(200)]
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99


def test_kaplan_and_meier_by_hand():
    curve = kaplan_meier([1, 2, 2, 3, 4], [1, 1, 0, 1, 0])
    assert curve.times.tolist() == [1, 2, 3]
    assert curve.at_risk.tolist() == [5, 4, 2]
    assert curve.share == pytest.approx([4 / 5, 4 / 5 * 3 / 4, 4 / 5 * 3 / 4 / 2])
    assert ((curve.low <= curve.share) & (curve.share <= curve.high)).all()
    assert ((curve.low >= 0) & (curve.high <= 1)).all()


# Remission in weeks of 42 people with leukaemia. Source: Freireich and others, Blood 21, 1963;
# the textbook example of Cox, 1972.
DRUG = ([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
        [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])  # fmt: skip
NONE = ([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [1] * 21)
TIMES, EVENTS = DRUG[0] + NONE[0], DRUG[1] + NONE[1]
GROUP = [0] * 21 + [1] * 21


def test_the_textbook_cohort():
    chi, p = log_rank(TIMES, EVENTS, GROUP)
    assert chi == pytest.approx(16.79, abs=0.01)  # as in every textbook that uses it
    assert p < 1e-4
    fit = cox(TIMES, EVENTS, GROUP)
    assert fit.weights[0] == pytest.approx(1.572, abs=0.001)  # Efron's ties, as R's coxph tells
    assert fit.errors[0] == pytest.approx(0.412, abs=0.001)
    ratio, low, high = fit.ratios[0]
    assert low < ratio < high
    assert fit.p[0] < 1e-3


def test_five_rows_by_hand():
    # No ties, one feature: maximise sum of b x_i - log of the sum over those still watched.
    times, events, x = [1, 2, 3, 4, 5], [1, 1, 0, 1, 0], np.array([1.0, 0.0, 2.0, 1.0, 0.0])
    grid = np.linspace(-5, 5, 200_001)
    told = sum(
        grid * x[i] - np.log(sum(np.exp(grid * x[j]) for j in range(5) if times[j] >= times[i]))
        for i in range(5)
        if events[i]
    )
    fit = cox(times, events, x, fewest=3)
    assert fit.weights[0] == pytest.approx(grid[told.argmax()], abs=1e-4)
    assert fit.likelihood == pytest.approx(told.max())


def test_weights_come_back_and_strata_keep_their_own_base():
    random = np.random.default_rng(3)
    x = random.normal(size=(3000, 2))
    site = random.integers(0, 2, 3000)
    hazard = np.exp(x @ [0.8, -0.4]) * np.where(site, 6.0, 1.0)
    times, ends = random.exponential(1 / hazard), random.exponential(1.0, 3000)
    fit = cox(np.minimum(times, ends), times <= ends, x, strata=site)
    assert fit.weights == pytest.approx([0.8, -0.4], abs=3 * fit.errors.max())
    one = cox(np.minimum(times, ends), times <= ends, x[:, 0], strata=site)
    assert likelihood_ratio(one, fit) < 1e-6
    noise = np.column_stack([x, random.normal(size=3000)])
    assert (
        likelihood_ratio(fit, cox(np.minimum(times, ends), times <= ends, noise, strata=site))
        > 0.001
    )


def test_what_is_no_cohort_is_refused():
    with pytest.raises(MienError, match="of 0 or more"):
        concordance_index([1, -1], [1, 0], [0, 0])
    with pytest.raises(MienError, match="0 \\(not yet\\)"):
        cox([1, 2], [1, 2], [0, 1])
    with pytest.raises(TooFewTrialsError, match="20 are needed"):
        cox([1, 2, 3], [1, 1, 0], [0, 1, 0])
    with pytest.raises(MienError, match="constant"):
        cox(range(30), [1] * 30, [1.0] * 30)
    with pytest.raises(TooFewTrialsError, match="comparable"):
        concordance_index([1, 2], [0, 1], [0, 1])
    with pytest.raises(MienError, match="row for each"):
        cox(range(30), [1] * 30, [np.nan] * 30)
    with pytest.raises(TooFewTrialsError, match="two groups"):
        log_rank([1, 2], [1, 1], ["a", "a"])


def test_lifelines_tells_the_same():
    lifelines = pytest.importorskip("lifelines", reason="a peer: pip install 'mien[bench]'")
    from lifelines.statistics import multivariate_logrank_test
    from lifelines.utils import concordance_index as theirs
    from pandas import DataFrame

    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 2))
    met, end = rng.exponential(np.exp(-x[:, 0])), rng.exponential(2, 300)
    times, events = np.ceil(10 * np.minimum(met, end)), met <= end  # with ties
    groups = rng.integers(0, 3, 300)
    curve, other = kaplan_meier(times, events), lifelines.KaplanMeierFitter().fit(times, events)
    assert curve.share == pytest.approx(other.predict(curve.times).to_numpy())
    bounds = other.confidence_interval_.loc[curve.times].to_numpy()
    shown = curve.share > 0
    assert np.stack([curve.low, curve.high], 1)[shown] == pytest.approx(bounds[shown])
    test = multivariate_logrank_test(times, groups, events)
    assert log_rank(times, events, groups) == pytest.approx((test.test_statistic, test.p_value))
    assert concordance_index(times, events, x[:, 0]) == pytest.approx(
        theirs(times, -x[:, 0], events), abs=1e-3
    )
    table = DataFrame({"t": times, "d": events, "a": x[:, 0], "b": x[:, 1]})
    fit, peer = cox(times, events, x), lifelines.CoxPHFitter().fit(table, "t", "d")
    assert fit.weights == pytest.approx(peer.params_.to_numpy(), abs=1e-5)
    assert fit.errors == pytest.approx(peer.standard_errors_.to_numpy(), abs=1e-5)
