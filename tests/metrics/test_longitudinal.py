import math

import numpy as np
import pytest

from mien.errors import TooFewTrialsError
from mien.metrics.longitudinal import common_days, cusum, moments, ratio_test, reml, visits_of

TRUTH = {"s_subj": 0.04, "s_day": 0.03, "s_cap": 0.015, "b1": -0.004, "s_slope": 0.002}


def simulated(seed, subjects=60, visits=20, captures=6, years=2.5, event=0.0, **more):
    """Scores after the model; returns subject, day, time, score of every capture."""
    s = {**TRUTH, **more}
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(subjects), visits * captures)
    day = np.tile(np.repeat(np.arange(visits), captures), subjects)
    time = day * years / (visits - 1)
    u, v = random.normal(0, s["s_subj"], subjects), random.normal(0, s["s_slope"], subjects)
    g = random.normal(0, s["s_day"], (subjects, visits))
    score = 0.8 + u[who] + (s["b1"] + v[who]) * time + g[who, day]
    score += event * (day == 7) + random.normal(0, s["s_cap"], who.size)
    return who, day, time, score


def test_by_hand():
    # Ten subjects on the line 1 - t without any noise; captures at +0.1 and -0.1.
    who = np.repeat(np.arange(10), 6)
    day = np.tile([0, 0, 1, 1, 2, 2], 10)
    score = 1 - day + np.tile([0.1, -0.1], 30)
    found = moments(visits_of(who, day, day.astype(float), score))
    assert found.drift == pytest.approx(-1)
    assert found.capture == pytest.approx(math.sqrt(2) * 0.1)  # one degree of freedom a visit
    assert found.day == 0  # the means lie on the line, so nothing is left for days
    assert found.subject == found.slope == 0


def test_components_are_recovered():
    day, capture = [], []
    for seed in range(10):
        found = moments(visits_of(*simulated(seed)))
        day.append(abs(found.day / 0.03 - 1) <= 0.1)
        capture.append(abs(found.capture / 0.015 - 1) <= 0.05)
    assert sum(day) >= 9
    assert sum(capture) >= 9


def test_without_day_effects_none_are_found():
    for seed in range(10):
        assert moments(visits_of(*simulated(seed, s_day=0.0))).day < 0.003


def test_days_are_clusters_that_a_plain_regression_ignores():
    ours, plain = 0, 0
    for seed in range(200):
        who, day, time, score = simulated(seed, s_subj=0.0, s_slope=0.0, subjects=20, visits=10)
        found = moments(visits_of(who, day, time, score))
        ours += abs(found.drift - TRUTH["b1"]) < 2.09 * found.drift_error  # t, 19 degrees
        apart = time - time.mean()
        slope = apart @ score / (apart @ apart)
        left = score - score.mean() - slope * apart
        error = math.sqrt(left @ left / (left.size - 2) / (apart @ apart))
        plain += abs(slope - TRUTH["b1"]) < 1.96 * error
    assert ours >= 180
    assert plain < 160


def test_reml_agrees_with_moments_and_with_statsmodels():
    visits = visits_of(*simulated(0))
    by_moments, (fitted, _) = moments(visits), reml(visits)
    assert fitted.day == pytest.approx(by_moments.day, rel=0.02)
    assert fitted.capture == pytest.approx(by_moments.capture, rel=0.02)
    assert fitted.drift == pytest.approx(by_moments.drift, abs=2e-4)
    # MixedLM of statsmodels on the same scores in hundredths, with subject, slope, and day nested
    # in subject: mixedlm("y ~ t", groups="s", vc_formula={"slope": "0+t", "day": "0+C(d)"}).
    ours = (fitted.subject, fitted.slope, fitted.day, fitted.capture)
    assert ours == pytest.approx((0.03602642, 0.00393715, 0.0291682, 0.01506597), rel=0.005)
    assert (fitted.drift, fitted.drift_error) == pytest.approx((-0.002509, 0.001243), abs=2e-6)


def test_one_capture_a_visit_cannot_tell_days_from_captures():
    found = moments(visits_of(*simulated(0, captures=1)))
    assert math.isnan(found.day)
    assert math.isnan(found.capture)
    assert "no visit has two captures" in found.reason
    assert found.drift == pytest.approx(-0.004, abs=0.004)


def test_too_few_people_or_visits_are_refused():
    with pytest.raises(TooFewTrialsError, match="9 subjects have 3 visits"):
        moments(visits_of(*simulated(0, subjects=9)))
    with pytest.raises(TooFewTrialsError, match="0 subjects have 3 visits"):
        moments(visits_of(*simulated(0, visits=2)))


def test_an_event_at_the_site_is_the_first_of_the_common_days():
    first = 0
    for seed in range(10):
        who, day, time, score = simulated(seed, event=-0.05)
        visits = visits_of(who, day, time, score)
        dates = np.tile(np.arange(20), 60)
        names, effect, size, spread = common_days(visits, dates)
        order = np.argsort(-np.abs(effect))
        first += names[order[0]] == 7 and abs(effect[order[0]]) > 3 * spread
        assert (size == 60).all()
    assert first == 10
    quiet = 0
    for seed in range(10):
        who, day, time, score = simulated(seed)
        _, effect, _, spread = common_days(
            visits_of(who, day, time, score), np.tile(np.arange(20), 60)
        )
        quiet += (np.abs(effect) > 3 * spread).any()
    assert quiet <= 1


def test_a_sum_that_rises_only_while_scores_are_low():
    # Base: 0 and 0. Then -3 against 0: 3 / sqrt(3/2) - 0.5; then 0 against -1: below, less 0.5.
    found = cusum(np.array([0.0, 0, -3, 0]), 1.0, 2)
    first = 3 / np.sqrt(1.5) - 0.5
    assert found == pytest.approx([first, first - 1 / np.sqrt(4 / 3) - 0.5])
    assert cusum(np.array([1.0, 2, 3, 4]), 1.0, 2).tolist() == [0, 0]
    assert cusum(np.array([1.0, 2]), 1.0, 5).size == 0


@pytest.mark.parametrize("visits", [10, 20, 40])
def test_people_who_do_not_change_rarely_reach_an_alarm(visits):
    random = np.random.default_rng(visits)
    same = random.normal(size=(1000, visits))
    assert np.mean([cusum(row, 1.0, 5).max() >= 5 for row in same]) < 0.05
    fell = same.copy()
    fell[:, visits // 2 :] -= 2
    found = np.mean([cusum(row, 1.0, 5).max() >= 5 for row in fell])
    assert found > (0.3 if visits == 10 else 0.9)  # five visits after the fall, or more


def test_a_covariate_that_matters_is_told_from_one_that_does_not():
    random = np.random.default_rng(0)
    who, day, time, score = simulated(1, subjects=15, visits=8)
    glasses = (random.random((15, 8)) < 0.3).astype(float)
    visits = visits_of(who, day, time, score - 0.03 * glasses[who, day])
    assert ratio_test(visits, glasses.reshape(-1, 1))[1] < 1e-4
    alarms = sum(ratio_test(visits, random.random((120, 1)))[1] < 0.05 for _ in range(8))
    assert alarms <= 2
