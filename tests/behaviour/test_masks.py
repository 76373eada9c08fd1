import numpy as np
import pytest
from tests.behaviour.test_occlusion import Still, mesh, painted
from tests.toys import OcclusionTracking

from mien.behaviour.masks import ABOVE, BELOW, LIPS, UNDER, masked
from mien.behaviour.occlusion import covered_parts

SKIN, LIP = (180, 130, 110), (190, 100, 90)


def logs(below, lips, above=SKIN):
    """Logarithms of the colours of a face in three colours."""
    found = np.log(np.tile(np.float64(SKIN), (468, 1)))
    for part, colour in ((ABOVE, above), (BELOW, below), (LIPS, lips)):
        found[list(part)] = np.log(np.float64(colour))
    return found


@pytest.mark.parametrize("cloth", [(150, 190, 210), (240, 240, 240), (30, 30, 32), (120, 130, 125)])
def test_cloth_is_a_mask(cloth):
    assert masked(logs(cloth, cloth))


@pytest.mark.parametrize("light", [0.4, 0.7, 1.0, 1.3])
@pytest.mark.parametrize("lips", [SKIN, LIP])
def test_skin_is_none_however_it_is_lit(light, lips):
    assert not masked(logs(np.multiply(SKIN, light), np.multiply(lips, light)))


def test_grey_pictures_and_a_beard_below_red_lips_are_none():
    assert not masked(logs((90, 90, 90), (80, 80, 80), above=(160, 160, 160)))
    assert not masked(logs((60, 52, 50), LIP))


def test_a_white_beard_with_skin_between_its_hairs_is_none():
    face = logs((200, 190, 185), (195, 185, 180))
    assert masked(face)  # of one hue, it could be cloth
    face[list(BELOW[::2])] = np.log(np.float64(SKIN))
    assert not masked(face)


def test_a_mask_that_is_there_from_the_first_frame_on_is_told_and_may_be_taken_off():
    points, still = mesh(), Still(mesh())
    following = OcclusionTracking(still, still)
    bare = painted(points)
    covered = bare.copy()
    covered[int(points[5, 1]) + 4 :] = (150, 190, 210)
    for number in range(5):
        [one] = following(covered, number / 25)
        assert one.reason == "occluded"
        assert one.occluded >= UNDER
        assert one.points is not None
        assert not one.occluded & {"left-eye", "right-eye", "left-brow", "right-brow"}
    told = [following(bare, 0.2 + number / 25)[0] for number in range(150)]
    assert not UNDER & told[-1].occluded
    assert told[-1].reason is None


def test_a_flicker_of_blue_light_is_no_mask():
    points, still = mesh(), Still(mesh())
    following = OcclusionTracking(still, still)
    following(painted(points), 0.0)
    blue = painted(points)
    blue[int(points[5, 1]) + 4 :] = (150, 190, 210)
    following(blue, 0.04)
    assert not following.monitor._changes[0].masked


FIVE = np.float32([[70, 80], [130, 80], [100, 112], [76, 145], [124, 145]])


def face_with(lower):
    """A flat face of skin colour, 200 px, whose lower half has another colour."""
    image = np.full((220, 200, 3), SKIN, np.uint8)
    image[100:] = lower
    return image


def test_a_mask_is_seen_from_five_points_and_names_what_it_covers():
    assert covered_parts(face_with((60, 90, 160)), FIVE) == tuple(sorted(UNDER))
    assert covered_parts(face_with((230, 232, 235)), FIVE) == tuple(sorted(UNDER))
    assert covered_parts(face_with(SKIN), FIVE) == ()
    assert covered_parts(np.full((220, 200, 3), 128, np.uint8), FIVE) == ()
    missing = FIVE.copy()
    missing[2] = np.nan
    assert covered_parts(face_with((60, 90, 160)), missing) == ()


def test_a_covered_face_is_for_review():
    from mien.decision.decide import weakness
    from mien.types import Face

    covered = Face(np.zeros(4, np.float32), 1.0, occluded=("mouth", "nose"))
    assert "mouth and nose are covered" in weakness(covered)
