"""Joining readings of a head with the estimate: nearest reading, absent, undecided, not read."""

import numpy as np
import pytest

from mien.behaviour import REPLACED, join_readings

NAN = np.nan


def test_readings_hold_for_frames_near_them_and_correct_the_estimate():
    times = np.array([0.0, 0.1, 0.2, 0.3, 0.9, 1.0])
    read = [0.9, NAN, 0.1, NAN, NAN, NAN]  # at 0.0 and 0.2
    shown = [1, NAN, 0, NAN, NAN, NAN]
    estimate = np.array([2.0, 3.0, 4.0, 4.0, 4.0, NAN])
    found = join_readings(
        times, {"AU15_r": estimate, "AU10_r": estimate}, {"AU15": read}, {"AU15": shown}
    )
    assert found["AU15_p"] == pytest.approx([0.9, 0.9, 0.1, 0.1, NAN, NAN], nan_ok=True)
    assert found["AU15_c"] == pytest.approx([1, 1, 0, 0, NAN, NAN], nan_ok=True)
    # Read: 0 where absent. Not read: the estimate stands, also where it is missing.
    assert found["AU15_r"] == pytest.approx([2, 3, 0, 0, 4, NAN], nan_ok=True)
    assert found["AU10_r"] is estimate


def test_undecided_is_missing_and_so_is_an_intensity_that_contradicts_the_head():
    estimate = {"AU12_r": np.array([3.0, 0.0, NAN]), "AU12_r_left": np.array([3.0, 2.0, NAN])}
    shown = [NAN, 1, 0]
    found = join_readings([0, 1, 2], estimate, {"AU12": [0.5, 0.9, 0.1]}, {"AU12": shown})
    assert np.isnan(found["AU12_r"]).all()
    assert found["AU12_r_left"] == pytest.approx([NAN, 2, NAN], nan_ok=True)
    assert found["AU12_c"] == pytest.approx([NAN, 1, 0], nan_ok=True)


def test_a_unit_in_which_the_head_is_not_better_keeps_its_estimate():
    assert "AU25" not in REPLACED
    estimate = {"AU25_r": np.array([1.0]), "AU25_p": np.array([0.7])}
    found = join_readings([0], estimate, {"AU25": [0.2]}, {"AU25": [0]})
    assert found["AU25_p"].tolist() == [0.7]
    assert found["AU25_r"].tolist() == [1.0]
    assert found["AU25_c"].tolist() == [0.0]


def test_without_any_reading_or_estimate_nothing_is_invented():
    nothing = join_readings([0, 1], {}, {"AU24": [NAN, NAN]}, {"AU24": [NAN, NAN]})
    assert np.isnan(nothing["AU24_p"]).all()
    assert np.isnan(nothing["AU24_c"]).all()
    assert join_readings([0, 1], {}, {}, {}) == {}
