import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from mien.decision.calibration import (
    Calibration,
    CalibrationError,
    Check,
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
    slope=20.0,
    intercept=-10.0,
    check=Check(
        "Nobody else.", 10, 20, 300, (Rate(0.1, 0.2, 0.11, 0.05, 0.2, 0.0, 0.0, 0.1),), 0.01, 0.1
    ),
    command="by hand",
)


def test_between_two_points_the_threshold_follows_the_logarithm_of_the_rate():
    # 10^-1.5 is half way between 10^-1 and 10^-2 on the log axis; so are threshold and ends.
    point = TOY.at_fmr(10**-1.5)
    assert (point.fmr, point.threshold, point.low, point.high) == pytest.approx(
        (10**-1.5, 0.3, 0.2, 0.4)
    )


@pytest.mark.parametrize("point", TOY.points)
def test_at_a_point_of_the_grid_the_answer_is_that_point(point):
    assert asdict(TOY.at_fmr(point.fmr)) == pytest.approx(asdict(point))


def test_a_search_of_many_templates_needs_a_rarer_false_match():
    # 10 comparisons at 0.01 each: 1 - 0.99^10 = 0.0956 of strangers are taken for somebody.
    assert TOY.at_fpir(1 - 0.99**10, 10).threshold == pytest.approx(0.4)
    assert TOY.at_fpir(0.01, 1).threshold == pytest.approx(TOY.at_fmr(0.01).threshold)
    assert TOY.at_fpir(0.05, 20).threshold > TOY.at_fpir(0.05, 2).threshold


def test_the_rate_of_a_threshold_undoes_the_threshold_of_a_rate():
    for fmr in np.geomspace(0.1, 0.001, 50):
        assert TOY.fmr_of(TOY.at_fmr(fmr).threshold) == pytest.approx(fmr)


def test_a_rate_that_the_data_cannot_show_is_refused_with_what_to_do():
    with pytest.raises(TooFewTrialsError, match=r"30,000 non-mated .* down to 0.001, not"):
        TOY.at_fmr(1e-4)
    with pytest.raises(TooFewTrialsError, match="mien calibrate"):
        TOY.fmr_of(0.71)


def test_a_gallery_too_large_for_the_data_is_refused_with_the_rate_that_would_do():
    with pytest.raises(TooFewTrialsError, match="gallery of 1,000 templates") as caught:
        TOY.at_fpir(0.01, 1000)
    # 1 - 0.999^1000 = 0.6323, printed rounded up; asking for it is then allowed.
    assert "request 0.64 or more" in str(caught.value)
    assert TOY.at_fpir(0.64, 1000).threshold == pytest.approx(0.7, abs=0.01)


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
    for threshold in (0.1, float("nan")):
        with pytest.raises(CalibrationError, match=r"from 0\.2000 to 0\.7000"):
            TOY.fmr_of(threshold)


def test_a_search_in_an_empty_gallery_is_refused():
    with pytest.raises(CalibrationError, match="at least one template"):
        TOY.at_fpir(0.01, 0)


def test_the_log_likelihood_ratio_is_a_line():
    assert TOY.llr(0.5) == pytest.approx(0.0)
    assert TOY.llr(0.6) == pytest.approx(2.0)
    assert TOY.ratio(0.6) == pytest.approx(np.exp(2.0))
    assert np.isfinite(replace(TOY, slope=1e6).ratio(1.0))


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
