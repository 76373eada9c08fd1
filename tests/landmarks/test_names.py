import numpy as np

from mien.geometry import POINTS
from mien.landmarks import SUBSET_68, five_points, names

RINGS = (names.LEFT_EYE, names.RIGHT_EYE, names.OUTER_LIPS, names.INNER_LIPS, names.OVAL)


def test_each_list_names_each_point_once_and_within_the_mesh():
    for ring in (*RINGS, *names.EYE_LIDS, names.NOSE, SUBSET_68):
        assert len(set(ring)) == len(ring)
        assert 0 <= min(ring) <= max(ring) < 468
    assert len(SUBSET_68) == 68


def test_the_lids_are_the_rings_of_the_eyes():
    for lids, ring in zip(names.EYE_LIDS, (names.LEFT_EYE, names.RIGHT_EYE), strict=True):
        assert set(lids) == set(ring)
    assert not set(names.LEFT_EYE) & set(names.RIGHT_EYE)


def test_five_points_have_the_order_of_all_five_points():
    points = np.zeros((2, 478, 3), np.float32)
    points[:, 33], points[:, 133], points[:, 4, 0] = 2, 4, 9
    points[1] += 1
    five = five_points(points)
    assert five.shape == (2, len(POINTS), 2)
    assert five[0].tolist() == [[3, 3], [0, 0], [9, 0], [0, 0], [0, 0]]
    assert np.array_equal(five[1], five[0] + 1)
