"""Peaks of micro-expressions in px, and their durations."""

import numpy as np
import pytest

from mien.errors import MienError
from mien.synth import Camera, Scene, render
from mien.synth.data.recipes import CUES, find_recipe, plan
from mien.synth.motion.peaks import moved_px, with_peak
from mien.synth.motion.take import Take
from mien.synth.motion.timeline import Event, Timeline, brief


def take(unit="AU12", **camera):
    event = Event(unit, 0.1, 0.2, 0.4, 1.0, "micro")
    blink = Event("AU45", 0.5, 0.6, 0.8, 1.0, "blink")
    return Take(Timeline(1.0, (event, blink)), Scene(camera=Camera(96, 96, **camera)))


@pytest.mark.parametrize("px", [0.2, 1.0])
def test_the_apex_moves_a_landmark_by_the_peak(someone, px):
    done = with_peak(someone, take(), px)
    [micro, blink] = done.timeline.events
    assert blink.peak == 1.0
    weights = done.timeline.weights(micro.apex)
    shift = (
        render(someone, Scene(w, camera=done.scene.camera), truth=False).lm68 for w in ({}, weights)
    )
    before, after = shift
    assert np.linalg.norm(after - before, axis=1).max() == pytest.approx(px, abs=0.02)


def test_a_peak_that_a_face_cannot_reach_is_refused(someone):
    far = moved_px(someone, take().scene, {"AU12": 1.0})
    for px in (1.5 * far, 0.0, float("nan")):
        with pytest.raises(MienError, match="not possible"):
            with_peak(someone, take(), px)


def test_durations_are_log_normal_and_never_longer_than_half_a_second():
    rng = np.random.default_rng(0)
    each = [brief(rng, {"AU4": 1.0}, 1.0)[0] for _ in range(800)]
    length = np.array([e.offset - e.onset for e in each])
    assert length.max() <= 0.5
    assert np.median(length) == pytest.approx(0.29, abs=0.02)
    assert np.quantile(length, 0.1) == pytest.approx(0.31 * np.exp(-0.3 * 1.35), rel=0.06)
    assert np.std(np.log(length)) == pytest.approx(0.26, abs=0.03)  # 0.3 before the longest go


def test_cues_differ_in_one_thing_only(builtin):
    recipe = find_recipe("cues")
    samples = [plan(recipe, builtin, k, 3, 64)[1] for k in range(len(CUES))]
    assert {s.labels["cue"] for s in samples} == set(CUES)
    first = samples[0]
    for one in samples[1:]:
        assert one.scene.pose == first.scene.pose
        assert one.scene.background == first.scene.background
        assert one.scene.light == first.scene.light
        assert one.person.identity == first.person.identity
        worn = one.labels["worn"]
        changed = [
            name for name in one.person.appearance.__slots__
            if getattr(one.person.appearance, name) != getattr(first.person.appearance, name)
        ]  # fmt: skip
        assert changed == list(worn)
        assert bool(one.labels["weights"]) != bool(worn)
