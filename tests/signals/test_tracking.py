import cv2
import numpy as np
import pytest

from mien.signals import fit_plane, follow_points, map_points

GRID = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), -1).reshape(-1, 2) * 20
TILT = np.array([[1.02, 0.03, 4.0], [-0.02, 0.98, -3.0], [1e-4, 2e-4, 1.0]])


def texture(side=160):
    noise = np.random.default_rng(3).integers(0, 256, (side // 4, side // 4)).astype(np.uint8)
    return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)


def test_points_of_a_plane_leave_nothing_and_a_bent_one_does():
    moved = map_points(TILT, GRID)
    fit = fit_plane(GRID, moved)
    assert fit.motion == pytest.approx(np.sqrt(((moved - GRID) ** 2).sum(1).mean()))
    assert fit.residual < 1e-6
    bent = moved + np.column_stack([(GRID[:, 0] - 50) ** 2 / 500, np.zeros(len(GRID))])
    assert fit_plane(GRID, bent).residual > 0.5


def test_too_few_points_or_points_on_a_line_have_no_plane():
    assert fit_plane(GRID[:11], GRID[:11]) is None
    line = np.column_stack([np.arange(20.0), np.arange(20.0)])
    found = fit_plane(line, line + 1)
    assert found is None or found.residual < 1e-3


def test_points_are_followed_where_they_are_asked_for():
    before = texture()
    shift = np.float32([[1, 0, 3], [0, 1, -2]])
    after = cv2.warpAffine(before, shift, (160, 160), borderMode=cv2.BORDER_REFLECT)
    inside = np.zeros((160, 160), bool)
    inside[40:120, 40:120] = True
    [(here, there), (outside, _)] = follow_points(before, after, inside, ~inside)
    assert not inside[outside[:, 1].astype(int), outside[:, 0].astype(int)].any()
    assert len(here) >= 20
    assert (here >= 40).all()
    assert (here < 120).all()
    assert np.median(there - here, axis=0) == pytest.approx([3, -2], abs=0.1)


def test_each_cell_has_at_most_one_point_and_the_strongest_come_first():
    before = texture()
    before[:40, :40] = 255 * (before[:40, :40] > 128)  # the strongest corners
    [(here, there)] = follow_points(before, before, np.ones((160, 160), bool))
    cells = {tuple(cell) for cell in here // 6}
    assert len(cells) == len(here) <= 80
    assert there == pytest.approx(here, abs=0.05)
    assert ((here[:20] < 44).all(1)).all()


def test_a_picture_without_corners_has_no_points():
    flat = np.full((64, 64), 90, np.uint8)
    [(here, there)] = follow_points(flat, flat, np.ones((64, 64), bool))
    assert here.shape == there.shape == (0, 2)
    tiny = texture()[:4, :4]
    [(here, _)] = follow_points(tiny, tiny, np.ones((4, 4), bool))
    assert here.shape == (0, 2)
