import numpy as np

from mien.geometry import POINTS
from mien.landmarks import SUBSET_68, five_points, names

RINGS = (names.LEFT_EYE, names.RIGHT_EYE, names.OUTER_LIPS, names.INNER_LIPS, names.OVAL)


def test_each_list_names_each_point_once_and_within_the_mesh():
    for ring in (*RINGS, names.LIP_POINTS, *names.EYE_POINTS, names.NOSE, SUBSET_68):
        assert len(set(ring)) == len(ring)
        assert 0 <= min(ring) <= max(ring) < 468
    assert len(SUBSET_68) == 68


def test_the_regions_of_the_attention_mesh_hold_lids_and_lips():
    for points, ring in zip(names.EYE_POINTS, (names.LEFT_EYE, names.RIGHT_EYE), strict=True):
        assert set(points[:16]) == set(ring)
    assert {*names.OUTER_LIPS, *names.INNER_LIPS} < set(names.LIP_POINTS)
    everything = sum(names.EYE_POINTS, names.LIP_POINTS)
    assert len(set(everything)) == len(everything) == 80 + 2 * 71


def test_five_points_have_the_order_of_all_five_points():
    points = np.zeros((2, 478, 3), np.float32)
    points[:, 33], points[:, 133], points[:, 4, 0] = 2, 4, 9
    points[1] += 1
    five = five_points(points)
    assert five.shape == (2, len(POINTS), 2)
    assert five[0].tolist() == [[3, 3], [0, 0], [9, 0], [0, 0], [0, 0]]
    assert np.array_equal(five[1], five[0] + 1)
