import numpy as np
import pytest

from mien.body.bodies import MAPS, body_region, refined
from mien.body.hands import PALM_MAPS, palm_region
from mien.body.ssd_anchors import anchors, blended, detect
from mien.geometry import transform


def test_anchors_lie_in_the_middle_of_their_cells_row_by_row():
    assert anchors(4, ((2, 1),)).tolist() == [[1, 1], [3, 1], [1, 3], [3, 3]]
    assert anchors(4, ((4, 2),)).tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize(("side", "maps", "count"), [(192, PALM_MAPS, 2016), (224, MAPS, 2254)])
def test_there_are_as_many_anchors_as_the_networks_answer(side, maps, count):
    assert len(anchors(side, maps)) == count


def test_boxes_of_one_thing_become_their_weighted_mean():
    boxes = np.float32([[[0, 0], [10, 10]], [[1, 0], [11, 10]], [[50, 50], [60, 60]]])
    scores, points = blended(np.float32([0.9, 0.6, 0.7]), boxes)
    assert scores.tolist() == pytest.approx([0.9, 0.7])
    assert points[0].ravel().tolist() == pytest.approx([0.4, 0, 10.4, 10])
    assert points[1].tolist() == boxes[2].tolist()


def test_nothing_stays_nothing():
    scores, points = blended(np.empty(0, np.float32), np.empty((0, 9, 2), np.float32))
    assert scores.shape == (0,)
    assert points.shape == (0, 9, 2)


class Told:
    """A session that answers what it was given."""

    shapes = ((1, 8, 8, 3),)

    def __init__(self, values, logits):
        self.answers = {"v": np.float32(values)[None], "s": np.float32(logits)[None]}

    def __call__(self, x):
        self.seen = x
        return self.answers


def test_detection_by_hand():
    # An image of 32 x 16 on a sheet of 8 x 8: 4 px each, and 2 rows above and below.
    cells = anchors(8, ((4, 1),))
    values = np.zeros((4, 6))
    values[1] = [1, 0, 2, 4, -1, 0.5]  # centre (7, 2), 2 x 4; point (5, 2.5)
    session = Told(values, [[-9], [2], [-9], [-9]])
    image = np.full((16, 32, 3), 255, np.uint8)
    scores, points = detect(session, image, cells, symmetric=True, min_score=0.5)
    assert scores == pytest.approx([1 / (1 + np.exp(-2))])
    assert np.allclose(points[0], [[24, -8], [32, 8], [20, 2]], atol=1e-4)
    assert session.seen.min() == -1  # black beyond the image
    assert session.seen.max() == 1
    none = detect(session, image, cells, symmetric=False, min_score=0.99)
    assert none[1].shape == (0, 3, 2)
    assert session.seen.min() == 0


def test_a_hand_that_points_right_is_turned_up():
    palm = np.zeros((9, 2), np.float32)
    palm[0], palm[1] = [100, 100], [140, 140]  # box of 40 px around (120, 120)
    palm[2], palm[4] = [100, 120], [140, 120]  # from the wrist to the middle knuckle
    matrix = palm_region(palm)
    wrist, knuckle, centre = transform(np.float32([[100, 120], [140, 120], [140, 120]]), matrix)
    assert knuckle[0] == pytest.approx(wrist[0], abs=1e-3)
    assert knuckle[1] < wrist[1]
    assert centre.tolist() == pytest.approx([112, 112], abs=1e-3)  # moved on by half a box
    assert np.linalg.norm(wrist - knuckle) == pytest.approx(40 * 224 / 104, abs=1e-3)


def test_a_body_that_lies_is_stood_up():
    matrix = body_region(np.float32([50, 50]), np.float32([10, 50]))  # its head is at the left
    hips, above = transform(np.float32([[50, 50], [10, 50]]), matrix)
    assert hips.tolist() == pytest.approx([128, 128], abs=1e-3)
    assert above.tolist() == pytest.approx([128, 128 - 40 * 256 / 100], abs=1e-3)


def test_heat_moves_a_point_only_where_there_is_enough():
    points = np.tile(np.float32([[128, 128, 5]]), (39, 1))
    heat = np.full((64, 64, 39), -30, np.float32)
    heat[33, 30, 0] = 4  # point 0: warm at row 33, column 30
    heat[33, 30, 1] = -1  # point 1: lukewarm
    moved = refined(points, heat)
    assert moved[0].tolist() == pytest.approx([120, 132, 5], abs=0.01)
    assert np.array_equal(moved[1:], points[1:])
    outside = np.full((39, 3), -400, np.float32)
    assert np.array_equal(refined(outside, heat), outside)
