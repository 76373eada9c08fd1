"""Looking again, and saying why nothing was found."""

import cv2
import numpy as np
import pytest

from mien.align import align
from mien.detect import REASONS, Found, detect_with_retries, diagnose_no_face
from mien.detect.staged import Hints
from mien.media import turn
from mien.types import Face
from mien.zoo import load

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


@pytest.mark.parametrize("light", [0.04, 0.06, 0.12])
def test_a_face_in_the_dark_is_found_and_the_pixels_it_was_found_in_are_given(
    mtcnn, embedder, astronaut, light
):
    lit = detect_with_retries(mtcnn, astronaut).faces[0]
    night = (astronaut * light).astype(np.uint8)
    found = detect_with_retries(mtcnn, night)
    assert len(found.faces) == 1
    assert np.abs(found.faces[0].points - lit.points).max() < 10
    chips = [align(image, [face], embedder.crop) for image, face in (
        (astronaut, lit), (found.pixels(night), found.faces[0]))]  # fmt: skip
    assert float(embedder(chips[0])[0] @ embedder(chips[1])[0]) > 0.97


def test_a_picture_with_light_is_not_brightened(mtcnn, astronaut):
    found = detect_with_retries(mtcnn, astronaut)
    assert not found.brightened
    assert found.pixels(astronaut) is astronaut


def crowd(faces, size, places):
    """A grey picture with a face at each place: (x, y, side of the tile) of the tile's corner."""
    picture = np.full((*size, 3), 120, np.uint8)
    room = 400
    picture = cv2.copyMakeBorder(picture, room, room, room, room, cv2.BORDER_REPLICATE)
    for number, (x, y, side) in enumerate(places):
        tile = cv2.resize(faces[number % len(faces)], (side, side), interpolation=cv2.INTER_AREA)
        picture[y + room : y + room + side, x + room : x + room + side] = tile
    return np.ascontiguousarray(picture[room:-room, room:-room])


@pytest.fixture
def tiles(mtcnn, astronaut, hopper):
    """Square tiles of two people; the face is in the middle and half as wide as the tile."""
    found = []
    for image in (astronaut, hopper):
        left, top, right, bottom = mtcnn(image)[0].box
        side, x, y = right - left, (left + right) / 2, (top + bottom) / 2
        corners = (int(v) for v in (y - side, y + side, x - side, x + side))
        up, down, before, after = (max(v, 0) for v in corners)
        found.append(image[up:down, before:after])
    return found


def test_faces_that_the_border_cuts_are_found_beside_whole_ones(mtcnn, tiles):
    side = 180  # of a tile; the face has 90 px
    whole = [(150, 260, side), (410, 260, side), (670, 260, side)]
    # The middle of the face is 15 px inside: a third of the face is beyond the border.
    cut = [(15 - 90, 60, side), (985 - 90, 60, side), (250, 20 - 90, side), (550, 680 - 90, side)]
    picture = crowd(tiles, (700, 1000), whole + cut)
    assert len(mtcnn(picture)) < 7
    faces = detect_with_retries(mtcnn, picture).faces
    middles = np.array([(f.box[:2] + f.box[2:]) / 2 for f in faces])
    assert len(faces) == 7
    for x, y, _ in whole + cut:
        assert np.abs(middles - [x + 90, y + 90]).max(axis=1).min() < 25


def test_faces_found_before_keep_their_points_when_cut_ones_are_added(mtcnn, tiles):
    picture = crowd(tiles, (700, 1000), [(410, 260, 180), (15 - 90, 60, 180)])
    plain = mtcnn(picture)
    faces = detect_with_retries(mtcnn, picture).faces
    assert [f.points.tolist() for f in faces[: len(plain)]] == [f.points.tolist() for f in plain]


def test_a_larger_picture_never_has_fewer_faces(mtcnn, tiles):
    sides = [600, 480, 380, 300, 240, 190, 150, 120]  # of tiles: faces of 60 to 300 px
    places = [(100 + 680 * (k % 4), 200 + 900 * (k // 4), side) for k, side in enumerate(sides)]
    large = crowd(tiles, (2000, 3000), places)
    small = cv2.resize(large, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    counts = [len(detect_with_retries(mtcnn, picture).faces) for picture in (small, large)]
    assert counts[1] >= counts[0]
    assert counts[1] == 8


def test_the_smallest_face_that_was_searched_for_is_reported(mtcnn, tiles):
    far = crowd(tiles, (2000, 3000), [(1000, 900, 60)])  # a face of 30 px
    assert detect_with_retries(mtcnn, far).faces == []
    assert detect_with_retries(mtcnn, far).smallest == 80  # 4 % of the shorter side
    near = load("mtcnn", smallest=30)
    found = detect_with_retries(near, far)
    assert len(found.faces) == 1
    assert found.smallest == 30


class Counting:
    """A detector that finds nothing and counts how often it is asked."""

    name = "counting"

    def __init__(self, detector):
        self.detector, self.asked = detector, 0

    def __call__(self, image):
        self.asked += 1
        return self.detector(image)


class Stages(Counting):
    """The same in stages, which never sees a hint."""

    min_face, unit = 24.0, 24.0

    def search(self, image, hints):
        self.asked += 1
        return []

    def smallest(self, image):
        return 24.0

    def reduced(self, image, smallest):
        return image

    def glance(self, small, *, border=False, largest=np.inf):
        return Hints(np.empty((0, 4), np.float32), large=False)


def test_a_detector_that_glances_searches_a_picture_without_a_hint_once():
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    plain, stages = Counting(lambda image: []), Stages(lambda image: [])
    assert detect_with_retries(plain, noise).faces == []
    assert detect_with_retries(stages, noise).faces == []
    assert plain.asked > 4
    assert stages.asked == 1


class Alone(Stages):
    """One face, found at the first look."""

    def search(self, image, hints):
        return [Face(np.array([40, 40, 160, 180], np.float32), 0.99)]

    def glance(self, small, *, border=False, largest=np.inf):
        self.asked += 1
        return super().glance(small, border=border, largest=largest)


def test_a_portrait_is_not_searched_for_faces_that_the_border_cuts():
    image = np.zeros((200, 300, 3), np.uint8)
    whole, portrait = Alone(None), Alone(None)
    assert len(detect_with_retries(whole, image).faces) == 1
    assert len(detect_with_retries(portrait, image, portrait=True).faces) == 1
    assert whole.asked == 1
    assert portrait.asked == 0


def dark(image):
    return (image * 0.03).astype(np.uint8)


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


def test_the_largest_face_is_that_with_the_largest_box_whatever_the_score():
    boxes = [[0, 0, 4, 4], [0, 0, 10, 3], [5, 5, 8, 9]]
    faces = [
        Face(np.float32(box), score) for box, score in zip(boxes, (0.9, 0.5, 0.7), strict=True)
    ]
    assert Found(faces).largest is faces[1]
    assert Found([]).largest is None
