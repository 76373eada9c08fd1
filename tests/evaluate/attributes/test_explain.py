import numpy as np
import pytest

from mien.errors import MienError
from mien.evaluate.attributes.explain import explain
from mien.media import heat
from mien.testing import TOY_DEVICE, noise
from mien.types import Crop, Reading


class Corner:
    """How bright the corner at the top left is, and how dark the one at the bottom right."""

    crop = Crop(size=40)
    name, digest, device = "toy", "", TOY_DEVICE

    def __call__(self, chips):
        top = chips[:, :12, :12].reshape(len(chips), -1).mean(1) / 255
        low = chips[:, -12:, -12:].reshape(len(chips), -1).mean(1) / 255
        return [
            Reading("x", {"sum": float(a - b), "other": -1.0}, "share", "corner")
            for a, b in zip(top, low, strict=True)
        ]


def chip():
    image = np.full((40, 40, 3), 100, np.uint8)
    image[:12, :12] = image[-12:, -12:] = 250
    return image


@pytest.mark.parametrize("way", ["occlusion", "rise"])
def test_only_what_the_head_looks_at_is_marked_and_with_the_right_sign(way):
    found = explain(Corner(), chip(), way=way)
    assert found.label == "sum"
    assert found.value == pytest.approx(0, abs=1e-6)
    top, low = found.map[2:10, 2:10].mean(), found.map[-10:-2, -10:-2].mean()
    elsewhere = np.abs(found.map[2:12, -12:-2]).mean()
    assert top > 5 * elsewhere
    assert low < -5 * elsewhere
    again = explain(Corner(), chip(), way=way)
    assert np.array_equal(again.map, found.map)


def test_a_number_that_is_not_there_is_told():
    with pytest.raises(MienError, match="no number 'joy'; it has sum, other"):
        explain(Corner(), chip(), label="joy")
    mute = type("Mute", (), {"__call__": lambda self, c: [Reading("x", {}, "share", "m")]})()
    with pytest.raises(MienError, match="no answer for this face"):
        explain(mute, chip())


def test_red_raises_and_blue_lowers():
    image = noise(1, 8)[0]
    values = np.zeros((8, 8), np.float32)
    values[0, 0], values[7, 7] = 2, -1
    drawn = heat(image, values).astype(int)
    assert drawn[0, 0, 0] > drawn[0, 0, 2] + 60
    assert drawn[7, 7, 2] > drawn[7, 7, 0] + 20
    assert len(set(drawn[3, 3])) == 1  # grey where nothing happens
    assert heat(image, np.zeros((8, 8), np.float32)).shape == (8, 8, 3)
