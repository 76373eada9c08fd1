import numpy as np
import pytest

from mien.behaviour import KINDS, events

TIMES = np.arange(0, 12, 0.04)


def lids(*closed, deep=0.05, seconds=0.2):
    values = np.full(len(TIMES), 0.15)
    for time in closed:
        values[abs(TIMES - time) <= seconds / 2] = deep
    return values


def kinds(found):
    return [(one.kind, one.side) for one in found]


def test_both_eyes_that_close_together_are_one_blink():
    columns = {"eye_aperture_left": lids(3, 6), "eye_aperture_right": lids(3.04, 9)}
    one, two, three = events(TIMES, columns)
    assert kinds([one, two, three]) == [("blink", "both"), ("blink", "left"), ("blink", "right")]
    assert one.onset == pytest.approx(2.88, abs=0.06)
    assert one.offset == pytest.approx(3.16, abs=0.06)
    assert one.peak == pytest.approx(2 / 3, abs=0.01)
    assert one.begun
    assert one.ended


def test_eyes_that_stay_closed_are_no_blink():
    found = events(TIMES, {"eye_aperture_left": lids(5, seconds=2)})
    assert kinds(found) == [("eyes-closed", "left")]


def test_a_mouth_that_opens_once_is_open_and_one_that_goes_on_talks():
    once = np.where(abs(TIMES - 3) < 0.5, 0.3, 0.02)
    assert kinds(events(TIMES, {"mouth_aperture": once})) == [("mouth-open", None)]
    speech = np.where(abs(TIMES - 6) < 2, 0.05 + 0.04 * np.sin(2 * np.pi * 4 * TIMES), 0.02)
    [one] = [e for e in events(TIMES, {"mouth_aperture": speech}) if e.kind == "talking"]
    assert one.onset == pytest.approx(4, abs=0.3)
    assert one.offset == pytest.approx(8, abs=0.3)


def test_nods_and_shakes_are_of_pitch_and_yaw():
    wave = np.where(abs(TIMES - 6) < 1, 6 * np.sin(2 * np.pi * 2 * (TIMES - 5)), 0)
    assert kinds(events(TIMES, {"pitch": wave, "yaw": 0 * wave})) == [("nod", None)]
    [one] = events(TIMES, {"pitch": 0 * wave, "yaw": wave})
    assert (one.kind, one.side) == ("shake", None)
    assert one.peak == pytest.approx(12, abs=1.5)
    assert one.onset == pytest.approx(5, abs=0.15)


def test_a_gaze_that_jumps_says_where_to():
    look = np.where(TIMES < 4, 0.0, np.where(TIMES < 8, 15.0, -5.0))
    found = events(TIMES, {"gaze_yaw_left": look, "gaze_yaw_right": look})
    assert kinds(found) == [("gaze-shift", "right"), ("gaze-shift", "left")]
    assert [one.apex for one in found] == pytest.approx([4, 8], abs=0.1)
    assert [one.peak for one in found] == pytest.approx([15, 20], abs=0.5)


def test_a_unit_has_onset_apex_offset_and_a_side():
    shown = np.interp(TIMES, [3, 4, 6, 7], [0, 4, 4, 0])
    columns = {"AU12_r": shown, "AU12_r_left": shown, "AU12_r_right": 0.2 * shown}
    [one] = events(TIMES, columns)
    assert (one.kind, one.side) == ("AU12", "left")
    assert one.onset == pytest.approx(3.125, abs=0.05)
    assert one.offset == pytest.approx(6.875, abs=0.05)
    assert 4 <= one.apex <= 6
    assert one.peak == pytest.approx(4, abs=0.01)
    both = events(TIMES, columns | {"AU12_r_right": 0.8 * shown})
    assert both[0].side == "both"


@pytest.mark.parametrize(
    ("inner", "outer", "told"),
    [
        (4.0, 3.2, ["AU01"]),  # the outer brow is drawn along
        (4.0, 3.6, ["AU01", "AU02"]),  # both
        (3.2, 4.0, ["AU01", "AU02"]),  # raised outer brows and both look alike
        (0.5, 4.0, ["AU02"]),
    ],
)
def test_outer_brows_that_are_drawn_along_are_no_event(inner, outer, told):
    shape = np.interp(TIMES, [3, 3.2, 3.4], [0, 1, 0])
    columns = {"AU01_r": inner * shape, "AU02_r": outer * shape}
    assert sorted(one.kind for one in events(TIMES, columns)) == told
    level = {name: values + 0.5 for name, values in columns.items()}  # what counts is the rise
    assert sorted(one.kind for one in events(TIMES, level)) == told


@pytest.mark.parametrize(("angle", "kind"), [("yaw", "shake"), ("pitch", "nod")])
def test_a_brow_that_seems_to_rise_as_the_head_is_shaken_is_no_event(angle, kind):
    wave = np.where(abs(TIMES - 6) < 1, 6 * np.sin(2 * np.pi * 2 * (TIMES - 5)), 0)
    brow = 3 * np.exp(-(((TIMES - 6) / 0.1) ** 2))
    one = {angle: wave, "AU02_r": brow, "AU02_r_left": brow, "AU02_r_right": 0 * brow}
    assert [e.kind for e in events(TIMES, one)] == [kind]
    assert [e.kind for e in events(TIMES, one | {"AU02_r_right": brow})] == [kind, "AU02"]
    assert [e.kind for e in events(TIMES, one | {angle: 0 * wave})] == ["AU02"]


def test_a_single_frame_is_no_unit():
    shown = np.where(np.arange(len(TIMES)) == 100, 4.0, 0.0)
    assert events(TIMES, {"AU12_r": shown}) == []


def test_what_was_not_seen_is_not_bridged():
    shown = np.interp(TIMES, [3, 4, 8, 9], [0, 4, 4, 0])
    shown[(TIMES > 5) & (TIMES < 6)] = np.nan
    one, two = events(TIMES, {"AU12_r": shown})
    assert one.offset <= 5.01
    assert two.onset >= 5.99
    assert (one.begun, one.ended, two.begun, two.ended) == (True, False, False, True)


@pytest.mark.parametrize("frames", [0, 1, 2, 50])
def test_short_and_empty_clips_have_no_events(frames):
    names = ("yaw", "pitch", "mouth_aperture", "eye_aperture_left", "AU12_r", "gaze_yaw_left")
    nothing = {name: np.full(frames, np.nan) for name in names}
    still = {name: np.full(frames, 0.1) for name in names}
    assert events(TIMES[:frames], nothing) == []
    assert events(TIMES[:frames], still) == []
    assert events(TIMES[:frames], {}) == []


def test_times_must_rise():
    with pytest.raises(ValueError, match="rising"):
        events([0, 1, np.nan], {"yaw": [0, 0, 0]})


def test_every_kind_is_told_with_its_unit():
    assert {"blink", "eyes-closed", "mouth-open", "talking", "gaze-shift", "nod", "shake"} < set(
        KINDS
    )
    assert "AU12" in KINDS
    assert "AU45" not in KINDS  # blinks
