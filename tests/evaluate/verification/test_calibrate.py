from dataclasses import replace

import numpy as np
import pytest

from mien.decision import read_calibration, write_calibration
from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.verification.calibrate import (
    _errors,
    _least,
    _thresholds,
    calibrate,
    check_calibration,
)
from mien.evaluate.verification.score_matrix import Comparisons, compare_all
from mien.evaluate.verification.vectors import Sample
from mien.metrics import bootstrap_weights, fmr, threshold_at_fmr

FACTS = {"name": "toy", "contract": "toy/1/16", "detector": "none", "data": "x", "command": "y"}


def crowd(people, pictures=3, seed=0, first=0, width=16):
    """Random people: pictures of one lie around a centre."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(people, 1, width))
    vectors = (1.5 * centres + random.normal(size=(people, pictures, width))).reshape(-1, width)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    names = np.repeat([f"p{first + n:04d}" for n in range(people)], pictures)
    return Sample(vectors, tuple(names.tolist()))


@pytest.fixture(scope="module")
def trials():
    return compare_all(crowd(80))


def test_thresholds_are_those_of_the_metric(trials):
    rates = [0.5, 0.1, 0.033, 0.01, 0.001]
    found = _thresholds(trials, rates, None)
    assert found.tolist() == [threshold_at_fmr(trials.different, rate) for rate in rates]


def test_a_person_drawn_twice_counts_as_if_there_were_two():
    # Pairs of the two copies of one person are no impostors, so people are drawn, not names.
    trials = compare_all(crowd(6))
    draw = np.array([2.0, 0, 1, 3, 0, 1])
    repeated = np.repeat(trials.different, (draw[trials.first] * draw[trials.second]).astype(int))
    rates = [0.5, 0.2, 0.1]
    found = _thresholds(trials, rates, draw)
    assert found.tolist() == [threshold_at_fmr(repeated, rate) for rate in rates]
    matches, missed = _errors(trials, found, draw)
    assert matches.tolist() == [fmr(repeated, bar) for bar in found]
    for bar, share in zip(found, missed, strict=True):
        by_person = [
            np.mean(trials.same[trials.same_person == n] <= bar) for n in range(trials.people)
        ]
        assert share == pytest.approx(draw @ np.array(by_person) / draw.sum())


def test_the_smallest_rate_needs_thirty_different_pairs_of_people():
    # Two look-alikes with 90 comparisons on top, then pair after pair of other people.
    size = 200
    first = np.concatenate([np.zeros(90), np.zeros(size - 90)]).astype(np.int32)
    second = np.concatenate([np.ones(90), np.arange(2, size - 88)]).astype(np.int32)
    different = np.linspace(0.9, 0.1, size)
    one = np.ones(1)
    trials = Comparisons(
        200, one, np.zeros(1, np.int32), one, different, first, second, np.ones(size), size
    )
    assert _least(trials) == (90 + 29) / size
    assert _least(replace(trials, second=np.minimum(second, 20))) == np.inf


def test_a_calibration_names_its_data_and_its_thresholds_rise():
    sample = crowd(80)
    made = calibrate(sample, **FACTS, resamples=200)
    assert (made.people, made.genuine, made.impostors) == (80, 240, 240 * 239 // 2 - 240)
    assert (made.name, made.contract, made.check) == ("toy", "toy/1/16", None)
    assert made.points[0].fmr == 0.5
    assert made.strictest.fmr >= 30 / made.impostors
    thresholds = [point.threshold for point in made.points]
    assert thresholds == sorted(thresholds)
    assert all(point.low <= point.threshold <= point.high for point in made.points)
    assert made.slope > 0


def test_the_same_seed_gives_the_same_calibration_and_it_survives_its_file(tmp_path):
    sample, other = crowd(60), crowd(40, seed=1, first=60)
    made = [
        calibrate(sample, **FACTS, check=other, check_data="z", resamples=200) for _ in range(2)
    ]
    assert made[0] == made[1]
    write_calibration(made[0], tmp_path / "toy.json")
    assert read_calibration(tmp_path / "toy.json") == made[0]


def test_on_other_people_the_rates_are_those_asked_for():
    # 300 people make a calibration, 200 others try it; nominal rates lie in their intervals.
    sample, other = crowd(300, seed=2), crowd(200, seed=3, first=300)
    made = calibrate(sample, **FACTS, check=other, check_data="z", resamples=200)
    assert made.check is not None
    inside = [rate.low <= rate.fmr <= rate.high for rate in made.check.rates]
    assert len(inside) >= 9
    assert sum(inside) >= len(inside) - 2
    assert made.check.ece < 0.02
    assert made.check.cllr < 0.3


def test_an_error_that_was_not_seen_is_still_bounded():
    # Wide vectors part people perfectly; the rule of three over 40 people leaves 7.5 %.
    sample, other = crowd(60, width=256), crowd(40, seed=1, first=60, width=256)
    made = calibrate(sample, **FACTS, check=other, check_data="z", resamples=200)
    assert made.check is not None
    for rate in made.check.rates:
        assert (rate.fnmr, rate.fnmr_low, rate.fnmr_high) == (0, 0, pytest.approx(3 / 40))


def test_the_interval_covers_the_true_threshold():
    # The truth from far more people; 95 % intervals of 40 small samples should mostly hold it.
    truth = np.array(_thresholds(compare_all(crowd(900, 2, seed=9)), [0.1, 0.01], None))
    covered = np.zeros(2)
    for seed in range(40):
        trials = compare_all(crowd(40, 2, seed=100 + seed))
        draws = bootstrap_weights(40, 200, seed)
        drawn = np.array([_thresholds(trials, [0.1, 0.01], draw) for draw in draws])
        low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
        covered += (low <= truth) & (truth <= high)
    assert (covered / 40 >= 0.8).all()


def test_people_on_both_sides_are_refused_by_name():
    with pytest.raises(MienError, match=r"10 people .* \(p0050, p0051, .*\.\.\.\)"):
        calibrate(crowd(60), **FACTS, check=crowd(40, seed=1, first=50), check_data="z")


def test_too_few_people_are_refused_with_how_many_are_needed():
    with pytest.raises(TooFewTrialsError, match="30 different pairs of people"):
        calibrate(crowd(6), **FACTS)


def test_a_check_on_few_people_shows_no_rate_but_tries_the_probabilities():
    made = calibrate(crowd(40), **FACTS, resamples=200)
    check = check_calibration(made, crowd(4, first=50), "z")
    assert check.rates == ()
    assert 0 <= check.ece <= 1
    assert check.cllr > 0


def test_too_few_resamples_are_refused():
    with pytest.raises(MienError, match="at least 200"):
        calibrate(crowd(40), **FACTS, resamples=50)


def test_progress_is_told():
    told = []
    calibrate(
        crowd(40),
        **FACTS,
        check=crowd(30, first=40, seed=1),
        check_data="z",
        resamples=200,
        on_step=lambda *step: told.append(step),
    )
    assert ("intervals", 200, 200) in told
    assert told[-1] == ("check", 200, 200)
