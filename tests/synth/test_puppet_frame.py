"""Frames of puppets: what a scene asks of a person, done by the face in a photograph."""

import numpy as np
import pytest

from mien.errors import MienError
from mien.synth import Camera, Pose, Scene, render
from mien.synth.data.film_truth import read_truth, record
from mien.synth.data.portraits import AROUND, Portrait, cut_square, keep_portraits, read_portrait
from mien.synth.motion.photo_puppet import Puppet
from mien.synth.motion.puppet_frame import animate, show, small_turn
from mien.synth.motion.take import Take
from mien.synth.motion.timeline import Event, Timeline


@pytest.fixture(scope="module")
def puppet(builtin, someone):
    frame = render(someone, Scene(camera=Camera(128, 128)))
    return Puppet(builtin, frame.rgb, frame.lm68)


def test_a_frame_has_what_was_asked_and_nothing_that_is_not_known(puppet):
    frame = animate(puppet, Scene({"AU12": 0.5}, Pose(2, -1)))
    still = animate(puppet, Scene())
    assert frame.weights == {"AU12": 0.5}
    assert frame.shapes["mouthSmile_L"] >= 0.5
    assert frame.pose.yaw - still.pose.yaw == pytest.approx(2, abs=0.1)
    assert frame.depth.size == frame.seg.size == frame.nir.size == 0
    assert frame.lm68_seen[30]  # the tip of the nose
    assert frame.lm68[48, 1] < still.lm68[48, 1]  # a corner of the mouth rises


def test_turns_are_squeezed_smoothly_and_never_beyond_what_skin_allows():
    assert small_turn(Pose(0.5)).yaw == pytest.approx(0.5, abs=0.01)
    far = small_turn(Pose(60, -60, 60, (100, 0, 0)))
    assert max(abs(far.yaw), abs(far.pitch), abs(far.roll), abs(far.shift[0])) <= 8


def test_a_pulse_moves_green_most_and_only_the_skin(puppet):
    quiet, beat = (
        np.mean(
            [animate(puppet, Scene(pulse=p, pulse_depth=0.05, seed=k)).rgb for k in range(6)], 0
        )
        for p in (0.0, 1.0)
    )
    change = beat - quiet
    skin = puppet({}).skin > 0
    assert change[skin].mean(0).argmax() == 1
    assert change[skin][:, 1].mean() > 0.5
    assert np.abs(change[~skin]).max() == 0


def test_depth_and_infrared_of_a_photograph_are_refused(puppet, tmp_path):
    take = Take(Timeline(0.2), rate=10)
    with pytest.raises(MienError, match="not known"):
        record(puppet, take, tmp_path / "a.mp4", truth="all")
    assert not list(tmp_path.iterdir())


def test_a_film_of_a_photograph_has_its_truth(puppet, tmp_path):
    smile = Event("AU12", 0.0, 0.2, 0.5, 0.8)
    record(puppet, Take(Timeline(0.5, (smile,)), rate=10), tmp_path / "a.mp4")
    truth = read_truth(tmp_path / "a.mp4")
    assert truth.measures["AU12"][:3] == pytest.approx([0.0, 0.4, 0.8])
    assert truth.clip.points.shape == (5, 68, 2)
    assert truth.clip.points[2, 48, 1] < truth.clip.points[0, 48, 1]


def test_a_square_holds_the_face_and_its_points():
    image = np.zeros((100, 200, 3), np.uint8)
    image[40, 150] = 255
    points = np.full((68, 2), [150.5, 40.5], np.float32)
    points[0], points[1] = [130, 20], [170, 60]
    square, at = cut_square(image, points, 116)
    assert square.shape == (116, 116, 3)
    assert np.ptp(at[:2], axis=0) == pytest.approx([116 / AROUND] * 2, abs=0.01)
    row, column = np.unravel_index(square[..., 0].argmax(), square.shape[:2])
    assert np.abs(at[2] - [column, row]).max() < 3


def test_portraits_are_read_as_they_were_kept_and_damage_is_told(tmp_path, puppet):
    one = Portrait(puppet.image, puppet({}).points, "me.jpg", "ab", "anna")
    keep_portraits(tmp_path, [one])
    again = read_portrait(tmp_path, 0)
    assert np.array_equal(again.image, one.image)
    assert (again.name, again.sha256, again.person) == ("me.jpg", "ab", "anna")
    with pytest.raises(MienError, match="Portrait 1 "):
        read_portrait(tmp_path, 1)
    (tmp_path / "portraits.jsonl").write_text("{")
    with pytest.raises(MienError, match="cannot be read"):
        read_portrait(tmp_path, 0)


def test_a_rendered_person_is_shown_as_before(someone):
    scene = Scene(camera=Camera(48, 48))
    assert np.array_equal(show(someone, scene).rgb, render(someone, scene).rgb)
