import numpy as np
import pytest

from mien.errors import ImageError
from mien.media import read_image


def flag():
    """Four quarters of four colours, 32 x 48."""
    quarters = np.array(
        [[(200, 30, 30), (30, 160, 60)], [(40, 60, 200), (240, 240, 240)]], np.uint8
    )
    return np.repeat(np.repeat(quarters, 16, axis=0), 24, axis=1)


@pytest.mark.parametrize(
    "array",
    [
        flag(),
        flag().astype(np.uint16) * 257,
        flag().astype(np.float32) / 255,
        flag().astype(np.float64) / 255,
        np.dstack([flag(), np.full((32, 48), 255, np.uint8)]),
        flag()[::-1][::-1],
        np.asfortranarray(flag()),
    ],
)
def test_arrays_of_every_kind_become_the_same_picture(array):
    image = read_image(array)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert np.array_equal(image, flag())


def test_an_rgb_array_is_not_copied():
    array = flag()
    assert read_image(array) is array


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 1)])
def test_grey_arrays_get_three_channels(shape):
    assert read_image(np.full(shape, True)).tolist() == [[[255] * 3] * 2] * 3


def test_the_alpha_of_an_array_shows_mid_grey():
    assert read_image(np.zeros((1, 1, 4), np.uint8)).tolist() == [[[128, 128, 128]]]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((2, 2), np.nan), "NaN or infinite"),
        (np.array([[0.5, np.inf]]), "NaN or infinite"),
        (np.array([[0.0, 255.0]]), r"from 0 to 255, but white must be 1\.0"),
        (np.array([[-0.1, 1.0]]), "from -0.1 to 1"),
        (np.zeros((2, 2), np.int64), "type int64, which does not define white"),
        (np.zeros((2, 2), complex), "type complex128"),
        (np.zeros((2, 2), object), "type object"),
        (np.zeros((2,), np.uint8), r"has shape \(2,\)"),
        (np.zeros((3, 8, 9), np.uint8), "channels seem to come first"),
        (np.zeros((5, 8, 9, 3), np.uint8), "give one image"),
        (np.zeros((0, 5, 3), np.uint8), "has no pixels"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array, words):
    with pytest.raises(ImageError, match=words):
        read_image(array)
