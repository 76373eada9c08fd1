"""Skin changes its tone to a wanted angle; what is no skin stays."""

import numpy as np
import pytest

from mien.errors import MienError
from mien.media.skin import cheeks, has_tone, skin_mask, toned
from mien.metrics import TONES, tone_angle, tone_bin

SKIN, WALL = (200, 150, 125), (40, 90, 160)


def portrait(side=128):
    """A disc of skin with fine stripes in front of a blue wall."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    image = np.full((side, side, 3), WALL, np.int16)
    image[np.hypot(x, y) < 0.4] = SKIN
    image[::4] += 6
    return image.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("angle", [-40.0, -10.0, 15.0, 35.0, 50.0, 65.0])
def test_the_cheeks_reach_the_angle_and_the_wall_stays(angle):
    before = portrait()
    after = toned(before, angle)
    assert tone_angle(cheeks(after)) == pytest.approx(angle, abs=2)
    assert np.abs(after[:8].astype(int) - before[:8]).max() <= 2


def test_fine_detail_keeps_its_contrast():
    before, after = portrait(), toned(portrait(), -20.0)
    step = [np.abs(np.diff(one[56:72, 30].mean(-1))).max() for one in (before, after)]
    assert step[1] > 0.6 * step[0]


def test_the_mask_is_skin_only():
    mask = skin_mask(portrait())
    assert mask[64, 64] > 0.9
    assert mask[2, 2] < 0.01


def test_cheeks_of_a_smaller_face_lie_nearer_to_the_middle():
    image = np.zeros((100, 100, 3), np.uint8)
    image[:, 36:43], image[:, 57:64] = 255, 255
    assert cheeks(image, 0.5).min() == 255
    assert cheeks(image).min() == 0


@pytest.mark.parametrize(
    ("image", "angle", "says"),
    [
        (np.full((64, 64, 3), 130, np.uint8), 20.0, "without colours"),
        (portrait(), 90.0, "-60 to 75 degrees, got 90"),
        (portrait(), float("nan"), "got nan"),
    ],
)
def test_what_has_no_tone_is_refused(image, angle, says):
    with pytest.raises(MienError, match=says):
        toned(image, angle)


def test_grey_and_bluish_faces_have_no_tone():
    assert has_tone(portrait())
    assert not has_tone(np.full((64, 64, 3), 130, np.uint8))
    assert not has_tone(portrait()[..., ::-1].copy())


def test_bins_cover_every_angle_once():
    names = list(TONES)
    assert [tone_bin(x) for x in (60, 50, 35, 20, -20, -60)] == names
    assert tone_bin(55.0) == "light"  # a limit belongs to the darker bin
    assert tone_bin(float("nan")) == ""
