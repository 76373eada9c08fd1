"""Corrections land where their chip was cut, fade out at its border, and leave the rest alone."""

import numpy as np
import pytest

from mien.errors import ImageError
from mien.media import add_correction, enlarged

GREY = np.full((120, 160, 3), 100, np.uint8)
SIDE = 32


def place(left, top, scale=1.0):
    """Transform from image px to chip px: the chip is SIDE / scale px wide."""
    return np.array([[scale, 0, -scale * left], [0, scale, -scale * top]], np.float32)


@pytest.mark.parametrize("scale", [1.0, 0.5, 2.0])
def test_a_correction_is_whole_in_the_middle_and_absent_outside(scale):
    done = add_correction(GREY, np.full((SIDE, SIDE, 3), 40, np.float32), place(50, 40, scale))
    middle = (40 + round(SIDE / scale / 2), 50 + round(SIDE / scale / 2))
    assert done[middle].tolist() == [140, 140, 140]
    changed = np.argwhere((done != GREY).any(-1))
    assert (changed >= [39, 49]).all()
    assert (changed <= [41 + SIDE / scale, 51 + SIDE / scale]).all()
    assert (GREY == 100).all()


def test_it_is_cut_at_the_border_of_the_image_and_of_the_range():
    strong = np.full((SIDE, SIDE, 3), 400, np.float32)
    done = add_correction(GREY, strong, place(-16, -16))
    assert done[0, 0].tolist() == [255, 255, 255]
    assert done[40, 40].tolist() == [100, 100, 100]
    assert np.array_equal(add_correction(GREY, strong, place(500, 500)), GREY)
    assert add_correction(GREY, -strong, place(50, 40))[56, 66].tolist() == [0, 0, 0]


def test_no_correction_leaves_every_pixel():
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    nothing = np.zeros((SIDE, SIDE, 3), np.float32)
    assert np.array_equal(add_correction(noise, nothing, place(10.3, 7.7, 0.9)), noise)


def test_an_image_is_enlarged_by_whole_factors():
    assert enlarged(GREY, 3).shape == (360, 480, 3)
    assert (enlarged(GREY, 3) == 100).all()
    with pytest.raises(ImageError):
        enlarged(GREY.astype(float), 2)
