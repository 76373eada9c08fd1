import numpy as np
import pytest

from mien.geometry import rotation
from mien.landmarks.attention import square, tiles

RNG = np.random.default_rng(0)


def turn(degrees):
    return rotation(0, 0, degrees)[:2, :2]


def slowly(seen, centre, axes):
    """One cell after the other, as the operation is defined."""
    size = len(seen)
    found = np.zeros((16, 16, seen.shape[2]))
    for row in range(16):
        for column in range(16):
            spot = axes @ ((np.array([column, row]) + 0.5) * 4 - 32) + centre
            x, y = spot / 4 - 0.5
            if not (0 <= x <= size - 1 and 0 <= y <= size - 1):
                continue
            for v in range(size):
                for u in range(size):
                    share = max(0, 1 - abs(x - u)) * max(0, 1 - abs(y - v))
                    found[row, column] += share * seen[v, u]
    return found


@pytest.mark.parametrize("centre", [(96, 96), (30, 150), (192, 0)])
def test_tiles_are_cut_as_cell_after_cell_would_be(centre):
    seen = RNG.normal(size=(48, 48, 3)).astype(np.float32)
    where = np.float32(centre), np.float32(turn(20) * [1.3, 0.6])
    [one], [again, other] = tiles(seen, [where]), tiles(seen, [where, (where[0], -where[1])])
    assert one == pytest.approx(slowly(seen, *where), abs=1e-4)
    assert np.array_equal(one, again)
    assert other == pytest.approx(one[::-1, ::-1], abs=1e-4)


def test_a_tile_of_the_whole_map_keeps_a_slope():
    slope = np.broadcast_to(np.arange(48, dtype=np.float32)[None, :, None], (48, 48, 1))
    [tile] = tiles(slope, [(np.float32([96, 96]), np.eye(2, dtype=np.float32))])
    assert tile[..., 0] == pytest.approx(np.tile(np.arange(16) + 16, (16, 1)))


@pytest.mark.parametrize("degrees", [-170, -30, 0, 45, 90])
def test_a_region_reaches_half_as_far_again_as_its_points_and_is_level_with_the_line(degrees):
    flat = np.float32([[-20, 0], [20, 0], [3, 8], [-5, -12]])
    points = flat @ turn(degrees).T + [90, 70]
    centre, axes = square(points, points[:2])
    assert centre == pytest.approx(turn(degrees) @ [0, -2] + [90, 70], abs=1e-3)
    assert axes * 64 == pytest.approx(turn(degrees) * [1.5 * 40, 1.5 * 20], abs=1e-3)


def test_points_that_coincide_make_an_empty_region_and_no_warning():
    centre, axes = square(np.full((5, 2), 7, np.float32), np.full((2, 2), 7, np.float32))
    assert np.isfinite(centre).all()
    assert not axes.any()


@pytest.mark.weights
def test_lips_and_eyes_are_looked_at_closer_and_the_rest_is_left(mesh, astronaut, mtcnn):
    from mien.landmarks import face_region, names
    from mien.media import warp

    chip = warp(astronaut, face_region(mtcnn(astronaut)[0], 192), 192, border="edge")
    answers = mesh._face(chip[None], white=255)
    first = answers["output_mesh"].reshape(468, 3)
    [points], _ = mesh(chip[None])
    closer = list(sum(names.EYE_POINTS, names.LIP_POINTS))
    rest = np.setdiff1d(np.arange(468), closer)
    assert np.array_equal(points[rest], first[rest])
    assert np.array_equal(points[:468, 2], first[:, 2])
    moved = np.linalg.norm((points[closer] - first[closer])[:, :2], axis=1)
    assert 0.2 < moved.mean() < 3  # px of the chip
    for iris, eye in zip(names.IRISES, names.EYE_POINTS, strict=True):
        assert points[list(iris), 2] == pytest.approx(points[list(eye[:16]), 2].mean(), abs=1e-4)
