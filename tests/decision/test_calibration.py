import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from mien.decision.calibration import (
    Calibration,
    CalibrationError,
    Check,
    Evidence,
    Point,
    Rate,
    calibrations,
    find_calibration,
    read_calibration,
    write_calibration,
)
from mien.errors import TooFewTrialsError
from mien.zoo import find

TOY = Calibration(
    name="toy",
    contract="toy/0123/4",
    detector="by-hand",
    data="Nobody.",
    people=100,
    genuine=200,
    impostors=30_000,
    points=(
        Point(0.1, 0.2, 0.1, 0.3),
        Point(0.01, 0.4, 0.3, 0.5),
        Point(0.001, 0.7, 0.5, 0.8),
    ),
    evidence=(Evidence(1.0, -4.0), Evidence(3.0, 2.0)),
    slope=20.0,
    intercept=-10.0,
    check=Check(
        "Nobody else.", 10, 20, 300, (Rate(0.1, 0.2, 0.11, 0.05, 0.2, 0.0, 0.0, 0.1),), 0.01, 0.1
    ),
    command="by hand",
    tail=(Point(1e-4, 0.9, 0.8, 0.95), Point(1e-5, 1.1, 0.9, 1.3)),
)


def test_a_score_is_the_rate_of_strangers_as_a_power_of_ten():
    # 0.3 is half way between the thresholds of 10^-1 and 10^-2; 1.0 between 10^-4 and 10^-5.
    assert TOY.score([0.2, 0.3, 0.4, 0.7, 1.0]).tolist() == pytest.approx([1, 1.5, 2, 3, 4.5])
    assert TOY.score(1.3) == pytest.approx(6)  # beyond the tail: its last straight line
    below = TOY.score([0.2, 0.1, -1.0, -1e9])
    assert np.all(np.diff(below) < 0) or below[-1] == 0
    assert below.min() >= 0


@pytest.mark.parametrize("fmr", [0.1, 0.01, 10**-1.5, 0.001])
def test_the_threshold_of_a_rate_is_its_score(fmr):
    found = TOY.at_fmr(fmr)
    assert (found.fmr, found.score) == pytest.approx((fmr, -np.log10(fmr)))
    assert found.low < found.score < found.high
    assert not found.extrapolated


def test_the_interval_of_a_threshold_is_that_of_its_point():
    # At 10^-2 the similarity lies between 0.3 (score 1.5) and 0.5 (2 + 1 / 3).
    found = TOY.at_fmr(0.01)
    assert (found.low, found.high) == pytest.approx((1.5, 2 + 1 / 3))


def test_strict_rates_use_the_upper_end_and_rarer_ones_are_marked():
    found = TOY.at_fmr(1e-4)
    assert found.extrapolated
    assert found.score == found.high == pytest.approx(TOY.score(0.95))
    assert TOY.at_fpir(0.001, 1).score == pytest.approx(3)  # measured: the middle
    assert TOY.at_fpir(1e-4, 1).score == found.high


def test_a_search_of_many_people_needs_a_rarer_false_match():
    # 10 comparisons at 0.01 each: 1 - 0.99^10 = 0.0956 of strangers are taken for somebody.
    assert TOY.at_fpir(1 - 0.99**10, 10).score == pytest.approx(2)
    assert TOY.at_fpir(0.01, 1).score == pytest.approx(TOY.at_fmr(0.01).score)
    assert TOY.at_fpir(0.05, 20).score > TOY.at_fpir(0.05, 2).score
    assert TOY.fpir_of(0.01, 10) == pytest.approx(1 - 0.99**10)


def test_a_gallery_too_large_for_the_tail_gets_the_rarest_rate():
    found = TOY.at_fpir(0.01, 10_000_000)
    assert (found.fmr, found.extrapolated) == (1e-5, True)
    assert found.score == found.high


def test_a_rate_that_the_data_cannot_show_is_refused_with_what_to_do():
    with pytest.raises(TooFewTrialsError, match=r"30,000 non-mated .* down to 1e-05, not"):
        TOY.at_fmr(1e-6)
    with pytest.raises(TooFewTrialsError, match=r"down to 0\.001, not .*mien calibrate"):
        replace(TOY, tail=()).at_fmr(1e-4)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 1.1, float("nan")])
def test_a_rate_outside_0_and_1_is_refused(rate):
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        TOY.at_fmr(rate)
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        TOY.at_fpir(rate, 5)


def test_laxer_than_the_first_point_is_refused_rather_than_extrapolated():
    with pytest.raises(CalibrationError, match="request a lower rate"):
        TOY.at_fmr(0.2)
    with pytest.raises(CalibrationError, match="request a lower rate"):
        TOY.at_fpir(0.9, 2)


def test_a_search_in_an_empty_gallery_is_refused():
    with pytest.raises(CalibrationError, match="at least one person"):
        TOY.at_fpir(0.01, 0)


def test_the_log_likelihood_ratio_follows_the_score_and_is_constant_beyond_the_data():
    assert TOY.llr([1.0, 2.0, 3.0]).tolist() == pytest.approx([-4, -1, 2])
    assert TOY.llr([0.0, 99.0]).tolist() == [-4, 2]
    assert TOY.cosine_llr(0.6) == pytest.approx(2.0)


def test_without_a_cohort_the_normalised_similarity_is_the_cosine():
    vectors = np.eye(4, dtype=np.float32)[:2]
    assert TOY.norms(vectors).tolist() == [[0, 1], [0, 1]]
    assert TOY.pair_scores(vectors, vectors).tolist() == pytest.approx([float(TOY.score(1.0))] * 2)


def test_what_is_written_is_read_back(tmp_path):
    write_calibration(TOY, tmp_path / "toy.json")
    assert read_calibration(tmp_path / "toy.json") == TOY
    bare = replace(TOY, check=None)
    write_calibration(bare, tmp_path / "bare.json")
    assert read_calibration(tmp_path / "bare.json") == bare


def without(table, key):
    return {k: v for k, v in table.items() if k != key}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: without(t, "slope"), "slope"),
        (lambda t: {**t, "slope": -1.0}, "above 0"),
        (lambda t: {**t, "slope": "steep"}, "real number"),
        (lambda t: {**t, "people": 1.5}, "'people'"),
        (lambda t: {**t, "name": 3}, "'name'"),
        (lambda t: {**t, "colour": "red"}, "colour"),
        (lambda t: {**t, "points": t["points"][::-1]}, "decreasing FMR"),
        (lambda t: {**t, "points": t["points"][:1]}, "decreasing FMR"),
        (lambda t: {**t, "points": []}, "decreasing FMR"),
        (lambda t: {**t, "points": [*t["points"], [1, 2]]}, "list indices"),
        (
            lambda t: {
                **t,
                "points": [{**p, "threshold": 1 - p["threshold"]} for p in t["points"]],
            },
            "thresholds must increase",
        ),
        (lambda t: {**t, "tail": t["points"]}, "decreasing FMR"),
        (lambda t: {**t, "evidence": t["evidence"][::-1]}, "rise with the score"),
        (lambda t: {**t, "evidence": t["evidence"][:1]}, "rise with the score"),
        (lambda t: {**t, "usual": [1.0, 0.5]}, "must not be empty"),
        (lambda t: {**t, "usual": [1.0]}, "unpack"),
        (lambda t: [t], "list indices"),
    ],
)
def test_a_spoilt_file_is_refused_by_name(tmp_path, spoil, says):
    path = tmp_path / "spoilt.json"
    path.write_text(json.dumps(spoil(asdict(TOY))))
    with pytest.raises(CalibrationError, match=says) as caught:
        read_calibration(path)
    assert "spoilt.json" in str(caught.value)


def test_a_file_that_is_not_json_or_not_there_is_refused_by_name(tmp_path):
    (tmp_path / "x.json").write_text("{")
    for name in ("x.json", "y.json"):
        with pytest.raises(CalibrationError, match=name):
            read_calibration(tmp_path / name)


def test_a_calibration_is_found_by_contract_and_never_for_another_one(tmp_path):
    path = tmp_path / "toy.json"
    write_calibration(TOY, path)
    assert find_calibration("toy/0123/4", path=path) == TOY
    assert find_calibration("toy/0123/4", "by-hand", path=path) == TOY
    with pytest.raises(CalibrationError, match="'toy' is for 'toy/0123/4' with 'by-hand'"):
        find_calibration("toy/0123/4", "mtcnn", path=path)
    with pytest.raises(CalibrationError, match="mien calibrate"):
        find_calibration("toy/9999/4")


def test_a_file_given_joins_those_of_the_package(tmp_path):
    write_calibration(TOY, tmp_path / "toy.json")
    both = calibrations([tmp_path / "toy.json"])
    assert set(both) == {*calibrations(), "toy"}


@pytest.mark.parametrize("shipped", calibrations().values(), ids=lambda each: each.name)
def test_what_is_shipped_is_for_the_weights_that_are_shipped(shipped):
    name, digest, *_ = shipped.contract.split("/")
    assert digest == find(name).digest
    assert find(shipped.detector).task == "detect"
    assert find_calibration(shipped.contract, shipped.detector) == shipped
    assert shipped.strictest.fmr >= 30 / shipped.impostors
    assert shipped.check is not None  # tried on people it has not seen


@pytest.mark.parametrize("shipped", calibrations().values(), ids=lambda each: each.name)
def test_on_held_out_people_the_shipped_rates_are_what_they_say(shipped):
    for rate in shipped.check.rates:
        assert rate.low <= rate.fmr <= rate.high
    assert shipped.check.ece < 0.05
    assert shipped.check.cllr < 0.2


def test_the_default_models_have_a_calibration():
    assert "dlib-resnet29-mtcnn" in calibrations()
