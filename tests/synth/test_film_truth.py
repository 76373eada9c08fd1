"""Films with their whole truth: exact against the renderer, sound in step, damage reported."""

from itertools import pairwise

import numpy as np
import pytest

from mien.errors import FilmError, MienError
from mien.media import open_film, read_sound
from mien.synth import Actor, Scene, make_person, open_head, read_truth, render
from mien.synth.data.film_truth import record, truth_path
from mien.synth.motion.take import Take
from mien.synth.motion.timeline import Event, Sound, Timeline, spoken
from mien.synth.motion.voice import RATE, VOICES, speak
from mien.synth.render.camera import Camera
from mien.synth.render.flow import flow

SIDE = 96


@pytest.fixture(scope="module")
def actor():
    head = open_head("builtin")
    return Actor(head, make_person(4, head))


@pytest.fixture(scope="module")
def take():
    line = Timeline(
        0.4, (Event("AU12", 0.02, 0.2, 0.38, 0.8),), spoken(["S", "AA1"], 0.1, 0.12),
        ((0.0, 5.0, -2.0),), np.array([[0.0, 0, 0], [4, 2, 1], [8, 4, 2], [8, 4, 2], [8, 4, 2]]),
    )  # fmt: skip
    scene = Scene(camera=Camera(SIDE, SIDE), background=3)
    return Take(line, scene, 10.0, pulse_depth=0.004, breath_depth=2.0, seed=5)


@pytest.fixture(scope="module")
def film(actor, take, tmp_path_factory):
    out = tmp_path_factory.mktemp("film") / "one.mkv"
    assert record(actor, take, out, truth="all", lossless=True) == 4
    return out


def test_a_lossless_film_has_the_pixels_of_the_renderer(film, actor, take):
    with open_film(film) as opened:
        images = [frame.image for frame in opened.frames()]
    for image, (_, scene) in zip(images, take.scenes(), strict=True):
        assert np.array_equal(image, render(actor, scene).rgb)


def test_the_truth_is_that_of_the_renderer(film, actor, take):
    truth = read_truth(film, frames=True)
    clip = truth.clip
    assert clip.times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert clip.frames.shape == (4, SIDE, SIDE, 3)
    for k, (time, scene) in enumerate(take.scenes()):
        frame = render(actor, scene, nir=True)
        assert clip.points[k] == pytest.approx(frame.lm68, abs=1e-3)
        assert clip.pose[k] == pytest.approx((frame.pose.yaw, frame.pose.pitch, frame.pose.roll))
        known = np.isfinite(frame.depth)
        assert np.array_equal(np.isfinite(clip.depth.values[k]), known)
        assert clip.depth.values[k][known] == pytest.approx(frame.depth[known] / 1000, rel=1e-3)
        assert np.array_equal(clip.infrared.values[k], frame.nir)
        assert np.array_equal(truth.seg.values[k], frame.seg)
        assert truth.viseme[k] == frame.viseme
        assert truth.measures["mouthSmile_L"][k] == pytest.approx(
            frame.shapes.get("mouthSmile_L", 0.0), abs=1e-6
        )
        assert truth.measures["gaze_right_yaw"][k] == pytest.approx(frame.gaze[0][0], abs=1e-4)
        assert truth.measures["pulse"][k] == pytest.approx(frame.pulse, abs=1e-6)
        assert truth.measures["breath"][k] == pytest.approx(take.breath(time), abs=1e-6)
    assert truth.measures["AU12"].max() == pytest.approx(0.8, abs=0.01)
    assert truth.events == take.timeline.events
    assert truth.sounds == take.timeline.sounds
    assert [w.text for w in clip.text] == ["S", "AA1"]
    assert "skin" in truth.labels


def test_the_flow_leads_from_each_frame_to_the_next(film, actor, take):
    truth = read_truth(film)
    scenes = [scene for _, scene in take.scenes()]
    assert truth.flow.values.shape == (3, SIDE, SIDE, 2)
    for k, (before, after) in enumerate(pairwise(scenes)):
        exact = flow(actor, before, after)
        stored = truth.flow.values[k]
        assert np.array_equal(np.isfinite(stored[..., 0]), exact.valid)
        assert np.abs(stored - exact.whole)[exact.valid].max() < 0.02  # px: stored as float16


def test_the_same_take_gives_the_same_bytes(film, actor, take, tmp_path):
    record(actor, take, tmp_path / "two.mkv", truth="all", lossless=True)
    assert truth_path(tmp_path / "two.mkv").read_bytes() == truth_path(film).read_bytes()


def test_measures_alone_have_no_pixels(actor, take, tmp_path):
    record(actor, take, tmp_path / "a.mp4")
    truth = read_truth(tmp_path / "a.mp4")
    assert truth.clip.depth is truth.clip.infrared is truth.flow is truth.seg is None
    assert truth.clip.points.shape == (4, 68, 2)
    record(actor, take, tmp_path / "b.mp4", truth="none")
    with pytest.raises(MienError, match=r"has no truth: .* does not exist"):
        read_truth(tmp_path / "b.mp4")


def test_a_damaged_truth_or_one_of_another_film_is_refused(actor, take, film, tmp_path):
    place = tmp_path / "c.truth.npz"
    whole = truth_path(film).read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MienError, match="is damaged"):
        read_truth(tmp_path / "c.mkv")
    place.write_bytes(whole)
    from dataclasses import replace

    short = replace(take, timeline=replace(take.timeline, duration=0.2, sounds=(), events=()))
    record(actor, short, tmp_path / "c.mkv", truth="none", lossless=True)
    with pytest.raises(MienError, match="has 2 frames and its truth 4"):
        read_truth(tmp_path / "c.mkv", frames=True)


def test_nothing_is_left_of_a_film_that_cannot_be_written(actor, take, tmp_path):
    with pytest.raises(FilmError, match=r"must end in \.mkv"):
        record(actor, take, tmp_path / "a.mp4", lossless=True)
    from dataclasses import replace

    odd = replace(take, timeline=replace(take.timeline, sounds=(Sound("QX", 0.1, 0.2),)))
    with pytest.raises(MienError, match="'QX' cannot be spoken"):
        record(actor, odd, tmp_path / "a.mkv")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_rendering_leaves_no_truth(actor, take, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(actor, take, tmp_path / "a.mkv", lossless=True, on_step=stop)
    assert [p.name for p in tmp_path.iterdir()] == ["a.partial.mkv"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_speech_in_the_film_is_in_step_with_its_phonemes(actor, tmp_path, suffix):
    line = Timeline(1.2, sounds=(Sound("S", 0.3, 0.5), Sound("AA", 0.5, 0.75),
                                 Sound("SH", 0.75, 0.95)))  # fmt: skip
    take = Take(line, Scene(camera=Camera(48, 48)), 10.0, seed=1)
    out = tmp_path / f"a.{suffix}"
    record(actor, take, out, truth="measures", lossless=suffix == "mkv")
    heard = np.concatenate([samples for _, samples in read_sound(out)])
    step = RATE // 100  # 10 ms
    frames = heard[: len(heard) // step * step].reshape(-1, step)
    level = np.sqrt((frames**2).mean(1))
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    high = power[:, 30:].sum(1) / power.sum(1).clip(1e-9)  # above 3 kHz
    loud = level > 0.1 * level.max()
    first, last = np.flatnonzero(loud)[[0, -1]] / 100
    assert first == pytest.approx(0.3, abs=0.04)
    assert last == pytest.approx(0.95, abs=0.04)
    vowel = np.flatnonzero(loud & (high < 0.2)) / 100  # between two hisses
    assert vowel[0] == pytest.approx(0.5, abs=0.04)
    assert vowel[-1] == pytest.approx(0.75, abs=0.04)


def test_each_phoneme_sounds_and_silence_does_not():
    for name in VOICES:
        sound = speak([Sound(name, 0.1, 0.3)], 0.4)
        assert (sound.rate, len(sound.samples)) == (RATE, 6400)
        assert np.isfinite(sound.samples).all()
        inside = np.abs(sound.samples[1600:4800]).max()
        assert inside == 0 if name == "SIL" else inside > 0.3
    assert speak([], 0.5).samples.any() is np.False_
    lines = [Sound("IY", 0.1, 0.4)], [Sound("AA", 0.1, 0.4)]
    first, second = (np.abs(np.fft.rfft(speak(line, 0.5).samples[2400:5600])) for line in lines)
    peak = [np.argmax(one[120:600]) * 5 + 600 for one in (first, second)]  # from 600 Hz on
    assert peak[0] == pytest.approx(2290, abs=150)  # the second formant of IY
    assert peak[1] == pytest.approx(730, abs=150)


def test_a_breath_lifts_the_head(take):
    line = Timeline(8.0)
    breathing = Take(line, Scene(), 10.0, breath_depth=2.0)
    high = [scene.pose.shift[1] for _, scene in breathing.scenes()]
    assert min(high) == pytest.approx(0, abs=0.01)
    assert max(high) == pytest.approx(2, abs=0.01)
    crossings = np.sum(np.diff(np.sign(np.array(high) - 0.9)) > 0)
    assert crossings == 2  # 15 breaths per minute
    assert {scene.pose.shift[1] for _, scene in Take(line, Scene(), 10.0).scenes()} == {0.0}
