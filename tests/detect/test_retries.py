"""Looking again, and saying why nothing was found."""

import cv2
import numpy as np
import pytest

from mien.detect import REASONS, detect_with_retries, diagnose_no_face
from mien.media import turn
from mien.types import Face

pytestmark = pytest.mark.weights


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_picture_gives_the_face_where_it_is_in_the_picture(mtcnn, astronaut, degrees):
    upright = detect_with_retries(mtcnn, astronaut).faces[0]
    turned = turn(astronaut, degrees)
    found = detect_with_retries(mtcnn, turned)
    assert found.turned == (360 - degrees) % 360
    box = found.faces[0].box
    height, width = turned.shape[:2]
    assert box.min() > 0
    assert (box[2:] < [width, height]).all()
    # Eyes stay "left as seen when upright": the alignment then cuts an upright chip.
    lengths = [np.linalg.norm(f.points[1] - f.points[0]) for f in (upright, found.faces[0])]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.1)
    angle = np.degrees(np.arctan2(*(found.faces[0].points[1] - found.faces[0].points[0])[::-1]))
    assert (angle - degrees + 180) % 360 - 180 == pytest.approx(0, abs=10)


def test_never_means_never_and_says_so(mtcnn, astronaut):
    found = detect_with_retries(mtcnn, turn(astronaut, 90), turns="never")
    assert found.faces == []
    assert found.reason == "sideways"


def test_always_finds_faces_that_look_in_different_directions(mtcnn, astronaut):
    tile = astronaut[20:220, 120:320]
    picture = np.hstack([tile, turn(tile, 90), turn(tile, 180)])
    assert len(detect_with_retries(mtcnn, picture).faces) == 1
    found = detect_with_retries(mtcnn, picture, turns="always")
    assert len(found.faces) == 3
    centres = sorted((face.box[0] + face.box[2]) / 2 for face in found.faces)
    assert np.abs(np.array(centres) - [100, 300, 500]).max() < 40


def test_a_tight_crop_gives_the_same_points_as_the_whole_picture(mtcnn, astronaut):
    [face] = mtcnn(astronaut)
    left, top = (face.points.mean(0) - 40).astype(int)
    tight = np.ascontiguousarray(astronaut[top : top + 80, left : left + 80])
    back = detect_with_retries(mtcnn, tight).faces[0].points + np.array([left, top])
    assert np.abs(back - face.points).max() < 5


class NeedsRoom:
    """Finds the red square of a picture, but only if something else is all around it."""

    name = "needs-room"

    def __call__(self, image):
        red = (image == [255, 0, 0]).all(axis=2)
        rows, columns = np.nonzero(red)
        if not red.any() or red[[0, -1]].any() or red[:, [0, -1]].any():
            return []
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return [Face(np.float32(box), 0.9, np.float32([[columns.min(), rows.min()]] * 5))]


def test_a_face_that_fills_the_picture_is_found_with_room_around_it():
    image = np.zeros((40, 80, 3), np.uint8)
    image[:30, :60] = [255, 0, 0]
    found = detect_with_retries(NeedsRoom(), image)
    assert found.padded
    assert found.faces[0].box.tolist() == [0, 0, 60, 30]
    assert found.faces[0].points[0].tolist() == [0, 0]


def test_nothing_is_tried_again_when_the_first_look_finds_a_face():
    image = np.zeros((40, 80, 3), np.uint8)
    image[5:30, 5:60] = [255, 0, 0]
    found = detect_with_retries(NeedsRoom(), image)
    assert (found.padded, found.turned, found.reason) == (False, 0, None)


def dark(image):
    return (image * 0.05).astype(np.uint8)


def tiny(image):
    return cv2.resize(image[20:220, 120:320], (17, 17), interpolation=cv2.INTER_AREA)


def blurred(image):
    return cv2.GaussianBlur(image, (0, 0), 50)


def halved(image):
    return np.ascontiguousarray(image[:, 240:])  # right of the bridge of the nose


def wall(image):
    return np.full((300, 300, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(dark, "dark"), (tiny, "too-small"), (blurred, "blurred"), (halved, "cut"), (wall, "none")],
)
def test_the_likeliest_reason(mtcnn, astronaut, spoil, reason):
    picture = spoil(astronaut)
    found = detect_with_retries(mtcnn, picture, turns="never")
    if found.faces:  # a better detector finds it all the same: then ask for the reason alone
        pytest.fail(f"{reason}: the detector finds it, so the test shows nothing")
    assert found.reason == reason
    assert reason in REASONS


def test_noise_has_no_face(mtcnn):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert detect_with_retries(mtcnn, noise).faces == []
    assert diagnose_no_face(mtcnn, noise) == "none"
