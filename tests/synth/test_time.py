from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mien.errors import MienError
from mien.synth import Pose, Scene, render
from mien.synth.motion.take import Take, play
from mien.synth.motion.timeline import (
    Event,
    Timeline,
    blinks,
    glances,
    macro,
    micro,
    motion,
    smooth,
    spoken,
)
from mien.synth.render.camera import Camera
from mien.synth.render.flow import flow
from mien.synth.render.scene import read_out
from mien.synth.skin.pulse import pulse


def test_a_move_rises_to_its_peak_and_falls_with_no_jerk_at_its_ends():
    event = Event("AU12", 1.0, 1.4, 2.0, 0.8, hold=0.1)
    assert event.at(1.0) == event.at(2.0) == event.at(0.0) == event.at(9.0) == 0
    assert event.at(1.4) == event.at(1.5) == 0.8
    assert event.at(1.2) == pytest.approx(0.4)  # half way, by symmetry
    assert smooth(0.01) < 1e-4


def test_times_out_of_order_are_refused():
    with pytest.raises(MienError, match="order these times"):
        Event("AU12", 1.0, 0.5, 2.0, 1.0)


def test_macro_and_micro_keep_their_definitions():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        (long,) = macro(rng, {"AU12": 1}, 0)
        (short,) = micro(rng, {"AU12": 1}, 0)
        assert 0.5 <= long.offset <= 4
        assert 0.4 <= long.peak <= 1
        assert short.offset <= 0.5
        assert 0.05 <= short.peak <= 0.3


def test_people_blink_about_fifteen_times_a_minute_and_never_twice_at_once():
    events = blinks(np.random.default_rng(0), 1200)
    assert 10 < len(events) / 20 < 16
    assert all(a.offset < b.onset for a, b in pairwise(events))


def test_glances_reach_their_place_and_stay():
    line = Timeline(4.0, glances=((0.0, 10.0, 0.0), (2.0, -10.0, 5.0)))
    assert line.weights(1.9)["eyeLookOut_L"] == pytest.approx(10 / 25)
    assert line.weights(3.9)["eyeLookIn_L"] == pytest.approx(10 / 25)
    assert "eyeLookOut_L" not in line.weights(3.9)
    assert len(glances(np.random.default_rng(0), 10)) > 4


def test_lips_close_on_a_bilabial_and_open_on_a_vowel():
    sounds = spoken(["AA", "B", "AA"], 0.2)
    line = Timeline(1.0, sounds=sounds)
    middle = [(s.start + s.end) / 2 for s in sounds]
    assert line.weights(middle[0])["jawOpen"] > 0.3
    assert line.weights(middle[1])["mouthPress_L"] > 0.25
    assert line.weights(middle[1])["jawOpen"] < 0.25
    assert [line.viseme(t) for t in (*middle, 0.95)] == ["aa", "PP", "aa", "sil"]


def test_a_head_wanders_but_stays():
    path = motion(np.random.default_rng(0), 300, spread=4)
    assert 1.5 < path[:, 0].std() < 6
    assert path[:, 0].std() > path[:, 2].std()
    assert np.abs(np.diff(path, axis=0)).max() < 2.5  # degrees in a tenth of a second


@pytest.mark.parametrize(("seconds", "rate"), [(0, 25), (float("nan"), 25), (1, 0), (9999, 25)])
def test_a_clip_that_cannot_be_is_refused(seconds, rate):
    with pytest.raises(MienError, match="cannot be rendered"):
        Timeline(seconds).times(rate)


def test_the_pulse_has_the_rate_that_was_asked_for():
    times = np.arange(0, 60, 1 / 30)
    heart = pulse(times, 3, rate=72)
    spectrum = np.abs(np.fft.rfft(heart.wave * np.hanning(len(times))))
    peak = np.fft.rfftfreq(len(times), 1 / 30)[spectrum.argmax()] * 60
    assert peak == pytest.approx(72, abs=2)
    assert len(heart.beats) == pytest.approx(72, abs=3)
    assert np.abs(heart.wave).max() < 1.3
    with pytest.raises(MienError, match="is not possible"):
        pulse(times, 0, rate=500)


def test_the_pulse_is_in_the_skin_and_not_in_the_background(someone):
    take = Take(
        Timeline(2.0),
        Scene(camera=Camera(64, 64), cast=False),
        12.0,
        pulse_depth=0.02,
        pulse_rate=80,
    )
    wave = take.heart().wave
    frames = np.stack([f.rgb for _, f in play(someone, take)]).astype(float)
    cheek, wall = frames[:, 34:40, 26:38, 1].mean((1, 2)), frames[:, :6, :6, 1].mean((1, 2))
    assert np.corrcoef(cheek, wave)[0, 1] > 0.9
    assert abs(np.corrcoef(wall, wave)[0, 1]) < 0.6
    assert cheek.std() > 3 * wall.std()


def test_a_rolling_shutter_by_hand():
    # 100 px high; a point in the middle moves by 20 mm, so it is seen after half of it: 10 mm.
    camera = Camera(100, 100, centre=(0, 0))
    first = np.array([[0.0, 0, 0], [0, 0, 0]])
    second = np.array([[20.0, 0, 0], [0, 0, 0]])
    assert read_out(first, second, camera) == pytest.approx(np.array([[10.0, 0, 0], [0, 0, 0]]))


def test_a_rolling_shutter_leans_a_head_that_turns(someone):
    camera = Camera(96, 96)
    start = Scene(camera=camera)
    end = Scene(pose=Pose(shift=(40, 0, 0)), camera=camera)
    still, moved = render(someone, start), render(someone, end)
    rolled = render(someone, replace(start, last_row=end))
    whole = moved.lm68[:, 0] - still.lm68[:, 0]
    share = (rolled.lm68[:, 0] - still.lm68[:, 0]) / whole
    assert share == pytest.approx(rolled.lm68[:, 1] / 96, abs=0.02)  # lower rows see it later
    middle = [np.flatnonzero(rolled.seg[row] > 0).mean() for row in (20, 70)]
    before = [np.flatnonzero(still.seg[row] > 0).mean() for row in (20, 70)]
    assert middle[1] - before[1] > 2 * (middle[0] - before[0]) > 0  # and so does the picture
    with pytest.raises(MienError, match="rolling shutter"):
        flow(someone, replace(start, last_row=end), end)


def test_a_clip_with_a_rolling_shutter(someone):
    line = Timeline(0.2, motion=np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0], [30, 0, 0]]))
    scenes = [scene for _, scene in Take(line, rate=10, rolling=0.1).scenes()]
    assert [scene.pose.yaw for scene in scenes] == pytest.approx([0, 10])
    assert [scene.last_row.pose.yaw for scene in scenes] == pytest.approx([10, 20])
    with pytest.raises(MienError, match="are possible"):
        list(Take(line, rate=10, rolling=0.2).scenes())
