import numpy as np
import pytest

from mien.synth.head.model import normals
from mien.synth.render import raster
from mien.synth.render.raster import Buffer, interpolate, rasterise

SQUARE = np.array([[0, 0, 100.0], [4, 0, 100], [4, 4, 100], [0, 4, 100]])
TWO = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def soup(seed, count=400):
    rng = np.random.default_rng(seed)
    points = rng.uniform([-20, -20, 5], [84, 84, 900], (count, 3))
    return points, rng.integers(0, count, (600, 3)).astype(np.int32)


def test_a_square_of_two_triangles_covers_its_pixels_once():
    hits = rasterise(SQUARE, TWO, (6, 6))
    assert hits.pixel.tolist() == [r * 6 + c for r in range(4) for c in range(4)]
    assert hits.depth == pytest.approx(np.full(16, 100.0))
    assert set(hits.triangle) == {0, 1}


def test_the_nearer_of_two_triangles_is_seen_and_the_first_of_two_equal_ones():
    points = np.concatenate([SQUARE, SQUARE - [0, 0, 30]])
    behind, ahead = np.array([[0, 1, 2]], np.int32), np.array([[4, 5, 6]], np.int32)
    hits = rasterise(points, np.concatenate([behind, ahead, ahead]), (4, 4))
    assert set(hits.triangle) == {1}


def test_weights_are_perspective_correct():
    # Half way on the screen between depths 100 and 300 lies depth 150, a quarter of the way.
    points = np.array([[0, 0, 100.0], [4, 0, 300.0], [0, 4, 100.0]])
    hits = rasterise(points, np.array([[0, 1, 2]], np.int32), (1, 4))
    depth = 1 / ((1 - 0.5 / 4) / 100 + 0.5 / 4 / 300)
    assert hits.depth[0] == pytest.approx(depth)
    along = interpolate(hits, np.array([[0, 1, 2]], np.int32), np.float32([[100], [300], [100]]))
    assert along[:, 0] == pytest.approx(hits.depth, rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_both_paths_give_the_same_numbers_to_the_last_bit(seed):
    points, triangles = soup(seed)
    fast = rasterise(points, triangles, (60, 64))
    slow = rasterise(points, triangles, (60, 64), numpy_only=True)
    assert fast.pixel.size > 1000
    for name in fast.__slots__:
        assert np.array_equal(getattr(fast, name), getattr(slow, name)), name


def test_interpolating_without_numba_gives_the_same(monkeypatch):
    points, triangles = soup(9)
    hits = rasterise(points, triangles, (60, 64))
    values = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    fast = interpolate(hits, triangles, values)
    monkeypatch.setattr(raster, "HAS_NUMBA", False)
    assert np.array_equal(interpolate(hits, triangles, values), fast)


def test_the_nearer_of_two_buffers_is_seen_and_nothing_where_it_was_erased():
    near, far = Buffer((6, 6)), Buffer((6, 6))
    near.draw(SQUARE, TWO, np.array([0]))
    far.draw(SQUARE + np.array([1, 0, 50]), TWO)
    near.erase(np.array([0]))
    near.lay(far)
    depth = near.depth.round(9)
    assert depth[0, :2].tolist() == [np.inf, 100]
    assert depth[3].tolist() == [np.inf, 150, 150, 100, 150, np.inf]


def test_normals_of_a_square_point_at_the_camera_and_weigh_large_triangles_more(monkeypatch):
    points = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 2]])
    triangles = np.array([[0, 1, 2], [0, 3, 1]], np.int32)  # areas 1/2 along z, 1 along y
    for numba in (raster.HAS_NUMBA, False):
        monkeypatch.setattr(raster, "HAS_NUMBA", numba)
        found = normals(points, triangles)
        assert found[2] == pytest.approx([0, 0, 1])
        assert found[0] == pytest.approx(np.array([0, 2, 1]) / np.sqrt(5))


def test_nothing_in_sight_is_no_hits_and_nan_is_refused():
    assert rasterise(SQUARE + np.array([99, 0, 0]), TWO, (6, 6)).pixel.size == 0
    assert rasterise(SQUARE * [1, 1, 0], TWO, (6, 6)).pixel.size == 0  # in the camera
    with pytest.raises(ValueError, match="not finite"):
        rasterise(SQUARE * np.nan, TWO, (6, 6))


def test_depth_of_a_sphere_is_right_to_a_tenth_of_a_millimetre():
    from mien.synth.render.camera import Camera, project
    from mien.synth.skin.accessories import sheet

    t, p = np.meshgrid(np.linspace(0, np.pi, 400), np.linspace(0, 2 * np.pi, 800), indexing="ij")
    ball = 80 * np.stack([np.sin(t) * np.cos(p), np.cos(t), np.sin(t) * np.sin(p)], -1)
    points, triangles = sheet(ball)
    camera = Camera(200, 200, distance=700, centre=(0, 0))
    hits = rasterise(project(points, camera), triangles, camera.size)
    x = (hits.pixel % 200 + 0.5 - 100) / camera.focal_px
    y = (hits.pixel // 200 + 0.5 - 100) / camera.focal_px
    # The ray (x, y, 1) z meets the ball where |z (x, y, 1) - (0, 0, 700)| = 80.
    a = x * x + y * y + 1
    root = 700**2 - a * (700**2 - 80**2)
    inner = root > 700**2 * 0.0004  # away from the outline, where a pixel spans millimetres
    exact = (700 - np.sqrt(root[inner])) / a[inner]
    assert inner.sum() > 5000
    assert np.abs(hits.depth[inner] - exact).max() < 0.1
