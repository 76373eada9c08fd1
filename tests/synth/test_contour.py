from dataclasses import replace

import numpy as np
import pytest

from mien.synth import Actor, Camera, Pose, Scene, make_person, render
from mien.synth.head.contour import irises
from mien.synth.head.dense import dense_spots
from mien.synth.motion.take import Take, play
from mien.synth.motion.timeline import Sound, Timeline
from mien.synth.skin.paint import NUMBER

CAMERA = Camera(160, 160)


@pytest.mark.slow
def test_from_the_front_the_jawline_is_where_the_points_are(someone):
    frame = render(someone, Scene(camera=CAMERA))
    assert np.abs(frame.contour - frame.lm68[:17]).max() < 2


@pytest.mark.parametrize("yaw", [-35, 35])
def test_on_the_far_side_the_jawline_is_the_edge_of_the_cheek(builtin, yaw):
    person = make_person(5, builtin)
    appearance = replace(
        person.appearance, hair_style="buzz", glasses="none"
    )  # hair would hide the edge
    frame = render(
        Actor(builtin, replace(person, appearance=appearance)),
        Scene(pose=Pose(yaw=yaw), camera=CAMERA),
    )
    far, near = (slice(12, 16), slice(0, 8)) if yaw > 0 else (slice(1, 5), slice(9, 17))
    assert not frame.lm68_seen[far].any()  # those on the skin have gone behind the face
    assert np.array_equal(frame.contour[near], frame.lm68[near])
    skin = np.isin(frame.seg, [NUMBER[n] for n in ("skin", "nose", "u_lip", "l_lip", "mouth")])
    for x, y in frame.contour[far]:
        columns = np.flatnonzero(skin[int(y)])
        edge = columns[-1] + 1 if yaw > 0 else columns[0]
        assert abs(x - edge) < 3


def test_irises_by_hand():
    # A ball of 12 mm whose iris reaches 30 degrees: 6 mm to each side, 10.4 mm ahead.
    size = 12 * np.sin(np.radians(30)) / 5.9
    ring = irises(np.zeros((2, 3), np.float32), 12.0, ((0, 0), (90, 0)), size)
    assert ring[0] == pytest.approx(
        np.array([[0, 0, 12], [6, 0, 10.39], [0, 6, 10.39], [-6, 0, 10.39], [0, -6, 10.39]]),
        abs=0.01,
    )
    assert ring[1, 0] == pytest.approx([12, 0, 0], abs=1e-6)  # looks to image right


def test_irises_lie_in_the_eyes_and_follow_the_gaze(someone):
    ahead = render(someone, Scene(camera=CAMERA))
    for eye, name in enumerate(("r_eye", "l_eye")):
        x, y = ahead.iris[eye, 0]
        assert ahead.seg[int(y), int(x)] == NUMBER[name]
    aside = render(someone, Scene(weights={"AU61": 1.0}, camera=CAMERA))
    assert (aside.iris[:, 0, 0] - ahead.iris[:, 0, 0] > 1).all()  # the subject's left


def test_points_of_a_mesh_lie_on_what_is_drawn(builtin):
    actor = Actor(builtin, make_person(5, builtin), mesh=dense_spots(builtin, 468))
    frame = render(actor, Scene(camera=CAMERA))
    assert frame.lm478.shape == (478, 3)
    columns, rows = np.floor(frame.lm478[:468, :2]).astype(int).T
    off = np.abs(frame.depth[rows, columns] - frame.lm478[:468, 2])
    assert np.nanmedian(off) < 2  # mm; hair and the edges of pixels make up the rest
    assert np.array_equal(frame.lm478[468:, :2], frame.iris.reshape(10, 2))


def test_a_frame_tells_what_is_spoken_and_where_the_pulse_is(someone):
    still = render(someone, Scene(weights={"viseme:PP": 1.0}, camera=CAMERA), truth=False)
    assert (still.viseme, still.pulse, still.lm478) == ("PP", 0.0, None)
    take = Take(
        Timeline(0.2, sounds=(Sound("M", 0.0, 0.1),)), Scene(camera=Camera(32, 32)), rate=10,
        pulse_depth=0.004, seed=3,
    )  # fmt: skip
    frames = [frame for _, frame in play(someone, take)]
    assert [frame.viseme for frame in frames] == ["PP", "sil"]
    assert [frame.pulse for frame in frames] == pytest.approx(take.heart().wave.tolist())
