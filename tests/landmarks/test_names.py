import numpy as np

from mien.geometry import POINTS
from mien.landmarks import SUBSET_68, five_points, names

RINGS = (names.LEFT_EYE, names.RIGHT_EYE, names.OUTER_LIPS, names.INNER_LIPS, names.OVAL)


def test_each_list_names_each_point_once_and_within_the_mesh():
    for ring in (*RINGS, *names.EYE_REFINED, names.NOSE, SUBSET_68):
        assert len(set(ring)) == len(ring)
        assert 0 <= min(ring) <= max(ring) < 468
    assert [len(ring) for ring in (SUBSET_68, *names.EYE_REFINED)] == [68, 71, 71]


def test_both_eyes_share_no_point():
    left, right = (set(ring) for ring in names.EYE_REFINED)
    assert not left & right
    assert set(names.LEFT_EYE) <= left
    assert set(names.RIGHT_EYE) <= right


def test_five_points_have_the_order_of_all_five_points():
    points = np.zeros((2, 478, 3), np.float32)
    points[:, 33], points[:, 133], points[:, 4, 0] = 2, 4, 9
    points[1] += 1
    five = five_points(points)
    assert five.shape == (2, len(POINTS), 2)
    assert five[0].tolist() == [[3, 3], [0, 0], [9, 0], [0, 0], [0, 0]]
    assert np.array_equal(five[1], five[0] + 1)
