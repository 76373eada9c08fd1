import numpy as np
import pytest

from mien.errors import ImageError
from mien.liveness.crops import available_zoom, cut_square
from mien.media import resize_part


def numbered(height, width):
    """A picture whose red is its column and whose green is its row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.zeros_like(x)], -1).astype(np.uint8)


def test_a_crop_is_centred_on_the_face_where_there_is_room():
    box = np.array([100, 90, 120, 110], np.float32)  # 20 px around (110, 100)
    chip = cut_square(numbered(200, 250), box, 2.0, 40)  # 40 px: no resizing
    assert chip[0, 0].tolist() == [90, 80, 0]
    assert chip[-1, -1].tolist() == [129, 119, 0]


def test_at_the_border_it_is_moved_inside_and_keeps_its_size():
    box = np.array([0, 90, 20, 110], np.float32)
    chip = cut_square(numbered(200, 250), box, 2.0, 40)
    assert chip[0, 0].tolist() == [0, 80, 0]
    assert chip[-1, -1].tolist() == [39, 119, 0]


def test_a_zoom_that_does_not_fit_is_reduced():
    image, box = numbered(61, 100), np.array([40, 20, 60, 40], np.float32)
    assert available_zoom(image, box) == pytest.approx(3.0)  # (61 - 1) / 20
    assert np.array_equal(cut_square(image, box, 9.0, 60), cut_square(image, box, 3.0, 60))


def test_a_part_is_resized_without_averaging():
    stripes = np.zeros((4, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    small = resize_part(stripes, (0, 0, 8, 4), 4)
    assert set(np.unique(small)) == {100}  # linear: between two columns
    with pytest.raises(ImageError):
        resize_part(stripes, (3, 0, 3, 4), 4)
