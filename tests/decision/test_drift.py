"""Drift of live scores: planted drift is found, and without it alarms are as rare as stated."""

import math

import numpy as np
import pytest

from mien.decision.drift import (
    ALARM,
    BINS,
    FIRST,
    LAST,
    LEAST,
    PEOPLE,
    WINDOW,
    Drift,
    level_of,
    read_drift,
    write_drift,
)
from mien.metrics import clopper_pearson
from mien.metrics.drift import homogeneity


def test_a_level_is_the_mean_of_some_places_less_the_logarithm_of_the_people():
    scores = [5.0, 4, 3, 2, *[1.0] * (LAST - FIRST + 1), 0.5]
    assert level_of(scores, 100) == 1 - 2
    assert level_of(scores, PEOPLE - 1) is None
    assert level_of(scores[: LAST - 1], 100) is None


def test_the_level_of_strangers_hardly_depends_on_the_size_of_the_gallery():
    random = np.random.default_rng(0)

    def mean(people):
        scores = -np.log10(random.uniform(size=(400, people)))
        top = -np.sort(-scores, axis=1)[:, :50]
        return np.mean([level_of(row.tolist(), people) for row in top])

    assert mean(100) == pytest.approx(mean(3000), abs=0.02)  # log10 alone: 1.48 apart


def reference(count=1000, seed=0):
    return Drift.of(np.random.default_rng(seed).normal(-1, 0.1, count).tolist())


def test_alarms_without_drift_are_as_rare_as_stated():
    random, alarms, windows = np.random.default_rng(1), 0, 0
    for seed in range(40):  # the reference is a sample, too
        live = random.normal(-1, 0.1, 50 * WINDOW).tolist()
        done = reference(seed=seed + 100).after(live)
        alarms, windows = alarms + done.alarms, windows + done.windows
    assert windows == 2000
    low, high = clopper_pearson(alarms, windows)
    assert low <= ALARM  # 2 expected
    assert high < 10 * ALARM


@pytest.mark.parametrize(("shift", "spread"), [(0.05, 0.1), (-0.05, 0.1), (0, 0.2)])
def test_planted_drift_is_found(shift, spread):
    live = np.random.default_rng(2).normal(-1 + shift, spread, WINDOW).tolist()
    assert reference().after(live).alarm


def test_a_window_is_tested_when_it_is_full_and_an_alarm_ends_with_a_good_one():
    random = np.random.default_rng(3)
    state = reference()
    bad = random.normal(-0.5, 0.1, WINDOW).tolist()
    state = state.after(bad[:150])
    assert (state.windows, sum(state.window), state.p, state.alarm) == (0, 150, None, False)
    state = state.after(bad[150:])
    assert (state.windows, sum(state.window), state.alarms, state.alarm) == (1, 0, 1, True)
    state = state.after(random.normal(-1, 0.1, WINDOW + 20).tolist())
    assert (state.windows, sum(state.window), state.alarms, state.alarm) == (2, 20, 1, False)


def test_parts_and_the_whole_give_the_same():
    live = np.random.default_rng(4).normal(-1, 0.1, 3 * WINDOW + 7).tolist()
    state = reference()
    for start in range(0, len(live), 37):
        state = state.after(live[start : start + 37])
    assert state == reference().after(live)
    assert read_drift(write_drift(state)) == state


def test_too_few_levels_give_no_test():
    assert Drift.of([0.0] * (LEAST - 1)) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"edges": [1], "reference": [1, 2]}', "null"])
def test_a_damaged_state_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_drift(text)


def test_the_test_is_that_of_pearson():
    # By hand: 2 x 2, all expected counts 10, deviations 5: 4 * 25 / 10 = 10; 1 degree of freedom.
    assert homogeneity([15, 5], [5, 15]) == pytest.approx(math.erfc(math.sqrt(10 / 2)), rel=1e-9)
    assert homogeneity([10, 10, 0], [10, 10, 0]) == 1  # an empty bin does not count
    for few in ([0, 0], [1, 0]):
        with pytest.raises(ValueError, match="too few"):
            homogeneity(few, [1, 0])
    assert BINS == 10
