import numpy as np
import pytest

from mien.media import open_film
from mien.track import ShotBoundaryDetector
from mien.track.shot_boundaries import is_cut


def scene(seed, low=30, high=200):
    """A small picture of some scene."""
    rng = np.random.default_rng(seed)
    large = rng.integers(low, high, (4, 7, 3)).repeat(9, axis=0).repeat(10, axis=1)
    return large[:36, :64].astype(np.uint8)


def test_another_scene_is_a_cut_and_the_same_one_moved_is_none():
    assert is_cut(scene(0), scene(1))
    assert not is_cut(scene(0), np.roll(scene(0), 1, axis=1))
    assert not is_cut(scene(0), scene(0))


def test_a_light_that_goes_on_is_no_cut():
    dim = (scene(0) * 0.8).astype(np.uint8)
    assert not is_cut(dim, scene(0))


def test_black_after_black_is_no_cut_whatever_its_noise():
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 5, (36, 64, 3), np.uint8) for _ in range(2))
    assert not is_cut(a, b)


def test_nothing_lies_before_the_first_picture():
    shots = ShotBoundaryDetector()
    assert [shots(scene(seed)) for seed in (0, 0, 1, 1, 2)] == [False, False, True, False, True]


@pytest.mark.realdata
def test_the_cuts_of_a_real_clip_are_found_and_no_others(data):
    # By eye: the singer, the pianist, the singer, the audience.
    with open_film(data / "assets/face_recognition/short_hamilton_clip.mp4") as film:
        shots = ShotBoundaryDetector()
        cuts = [frame.time for frame in film.frames(glance=shots) if frame.cut]
    assert cuts == pytest.approx([1.511, 3.580, 7.884], abs=0.005)
