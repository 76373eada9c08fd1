import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.geometry import Camera, rotation
from mien.landmarks import UNITS, fit_meshes, measure, names
from mien.landmarks.head_pose import mean_face
from mien.landmarks.measures import SIDES

CAMERA = Camera.of(480, 640)
turns = st.tuples(*[st.floats(-35, 35)] * 3)


def head():
    """The mean face with open eyes that look ahead, (478, 3) mm."""
    face = np.zeros((478, 3))
    face[:468] = mean_face()
    for corners, iris in zip(names.EYE_CORNERS, names.IRISES, strict=True):
        ends = face[list(corners)]
        up = 0.062 * np.linalg.norm(ends[1] - ends[0])
        face[list(iris)] = ends.mean(axis=0) - np.array([0, up, 0])
    return face


def seen(face, turn=(0, 0, 0), place=(20, -10, 700)):
    placed = face @ rotation(*turn).T + place
    flat = placed[:, :2] / placed[:, 2:] * CAMERA.focal + [CAMERA.x, CAMERA.y]
    return np.column_stack([flat, placed[:, 2] / placed[:, 2].mean() * CAMERA.focal])


def mirror():
    """For each point of the mesh the one on the other side."""
    face = head()
    apart = np.linalg.norm(face[:468, None] - face[:468] * [-1, 1, 1], axis=2)
    other = np.concatenate([apart.argmin(axis=1), np.arange(468, 478)])
    right, left = names.IRISES
    other[list(right)] = [left[i] for i in (0, 3, 2, 1, 4)]
    other[list(left)] = [right[i] for i in (0, 3, 2, 1, 4)]
    return other


def test_every_name_has_a_number_and_a_unit():
    found = measure(seen(head()), CAMERA)
    assert list(found) == list(UNITS)
    assert all(math.isfinite(value) for value in found.values())
    assert set(UNITS.values()) == {"degree", "mm", "inter-ocular distance"}


@given(turns)
@settings(max_examples=30, deadline=None)
def test_turning_the_head_changes_the_pose_and_nothing_else(turn):
    ahead, turned = measure(seen(head()), CAMERA), measure(seen(head(), turn), CAMERA)
    assert [turned[k] for k in ("yaw", "pitch", "roll")] == pytest.approx(turn, abs=0.5)
    for name, unit in UNITS.items():
        if unit == "inter-ocular distance":
            assert turned[name] == pytest.approx(ahead[name], abs=0.01)


@given(turns)
@settings(max_examples=20, deadline=None)
def test_a_mirror_swaps_the_sides_and_flips_yaw_and_roll(turn):
    face = head()
    face[[33, 7, 163]] += [1, 0.5, 0]  # so that the sides differ
    points = seen(face, turn)
    mirrored = (points * [-1, 1, 1] + [2 * CAMERA.x, 0, 0])[mirror()]
    one, other = measure(points, CAMERA), measure(mirrored, CAMERA)
    for name in UNITS:
        twin = name.replace("left", "#").replace("right", "left").replace("#", "right")
        flips = name in ("yaw", "roll", "x") or "gaze_yaw" in name
        assert other[twin] == pytest.approx(one[name] * (-1 if flips else 1), abs=0.02), name


def test_eyes_that_look_ahead_look_where_the_head_does():
    found = measure(seen(head(), (20, 0, 0)), CAMERA)
    both = [found[f"gaze_yaw_{side}"] for side in SIDES]
    assert np.mean(both) == pytest.approx(20, abs=2)


def test_without_irises_there_is_no_gaze_and_all_the_rest():
    found = measure(seen(head())[:468], CAMERA)
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {name for name in UNITS if name.startswith("gaze")}


def test_a_closed_eye_has_no_gaze():
    face = head()
    for upper, lower in ((160, 144), (159, 145), (158, 153)):
        face[upper] = face[lower]
    found = measure(seen(face), CAMERA)
    assert found["eye_aperture_left"] == pytest.approx(0, abs=0.005)
    assert math.isnan(found["gaze_yaw_left"])
    assert math.isfinite(found["gaze_yaw_right"])


def test_points_that_coincide_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        measure(np.ones((478, 3)), CAMERA)


@pytest.fixture(scope="module")
def drawn(data, mtcnn, mesh):
    """Return draw(weights, pose) -> measures of a rendered head."""
    from mien.synth import Actor, Pose, Scene, make_person, render
    from mien.synth import Camera as Lens
    from mien.synth.head.ict import import_ict

    model = import_ict(data / "ict_facekit.npz", modes=10)
    actor, lens = Actor(model, make_person(3, model)), Lens(256, 256)

    def draw(weights, **turn):
        scene = Scene(weights, Pose(**turn), lens, cast=False)
        image = render(actor, scene, truth=False).rgb
        [points], _ = fit_meshes(mesh, image, mtcnn(image)[:1])
        return measure(points, Camera(lens.focal_px, 128, 128))

    return draw


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.weights
def test_on_rendered_heads_the_measures_read_what_was_drawn(drawn):
    rest = drawn({})

    def change(name, weights, **turn):
        return drawn(weights, **turn)[name] - rest[name]

    assert change("yaw", {}, yaw=20) == pytest.approx(20, abs=4)
    assert change("pitch", {}, pitch=15) == pytest.approx(15, abs=5)
    assert change("roll", {}, roll=20) == pytest.approx(20, abs=2.5)
    # The names of the shapes are by the person's left and right.
    blink = drawn({"eyeBlink_L": 1.0})
    assert blink["eye_aperture_right"] < 0.6 * rest["eye_aperture_right"]
    assert blink["eye_aperture_left"] > 0.85 * rest["eye_aperture_left"]
    assert change("mouth_aperture", {"jawOpen": 0.6}) > 0.15
    brows = drawn({"browInnerUp_L": 1.0, "browInnerUp_R": 1.0})
    smile = drawn({"mouthSmile_L": 1.0, "mouthSmile_R": 1.0})
    for side in SIDES:
        assert brows[f"brow_inner_{side}"] > rest[f"brow_inner_{side}"] + 0.02
        assert smile[f"mouth_lift_{side}"] > rest[f"mouth_lift_{side}"] + 0.03
        assert smile[f"mouth_reach_{side}"] > rest[f"mouth_reach_{side}"] + 0.04


@pytest.mark.weights
def test_a_face_upside_down_and_one_of_20_px_have_numbers_or_nothing(astronaut, mtcnn, mesh):
    import cv2

    from mien.geometry import turn_boxes_back
    from mien.media import turn
    from mien.types import Face

    [face] = mtcnn(astronaut)
    upside = turn(astronaut, 180)
    box = turn_boxes_back(face.box, 180, astronaut.shape[:2])
    points = np.float32(astronaut.shape[1::-1]) - face.points
    [seen_], _ = fit_meshes(mesh, upside, [Face(box, 1.0, points)], passes=3)
    found = measure(seen_, Camera.of(*upside.shape[:2]))
    assert abs(found["roll"]) > 165
    assert found["mouth_width"] == pytest.approx(
        measure(fit_meshes(mesh, astronaut, [face], passes=3)[0][0], Camera.of(512, 512))[
            "mouth_width"
        ],
        abs=0.05,
    )
    share = 20 / float(face.box[3] - face.box[1])
    side = round(512 * share)
    small = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA)
    [seen_], [presence] = fit_meshes(mesh, small, [Face(np.float32(face.box * share), 1.0)])
    found = measure(seen_, Camera.of(side, side))
    assert presence[0] < 0.5 or all(math.isfinite(found[name]) for name in ("yaw", "mouth_width"))
