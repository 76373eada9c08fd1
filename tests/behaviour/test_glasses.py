import zipfile

import cv2
import numpy as np
import pytest

from mien.behaviour.glasses import EYES
from mien.behaviour.occlusion import covered_parts
from mien.decision.decide import weakness
from mien.detect import detect_with_retries
from mien.media import read_image
from mien.types import Face

FIVE = np.float32([[70, 80], [130, 80], [100, 112], [76, 145], [124, 145]])
COVERED = tuple(sorted(EYES))
# By eye: people of LFW who wear dark glasses, and who do not. The last of them is in hard light.
WEARS = ("Jessica_Lange_0001", "Kevin_Costner_0002", "Melanie_Griffith_0001", "Mick_Jagger_0002")
BARE = ("Jessica_Lange_0002", "Kevin_Costner_0001", "Melanie_Griffith_0002", "Nicolas_Cage_0003")


def face(skin, around=None, pupil=None):
    """A flat face, 200 px, with something dark around its eyes, or in them."""
    image = np.full((220, 200, 3), skin, np.uint8)
    for x, y in FIVE[:2].astype(int).tolist():
        if around is not None:
            cv2.ellipse(image, (x, y), (24, 16), 0, 0, 360, around, -1)
        if pupil is not None:
            cv2.circle(image, (x, y), 5, pupil, -1)
    return image


@pytest.mark.parametrize("skin", [(220, 180, 160), (150, 150, 150), (120, 84, 68)])
def test_dark_glasses_cover_the_eyes_of_light_grey_and_dark_faces(skin):
    assert covered_parts(face(skin, around=(8, 8, 9)), FIVE) == COVERED


@pytest.mark.parametrize("skin", [(220, 180, 160), (150, 150, 150), (70, 48, 40)])
def test_pupils_shadows_and_one_dark_glass_are_none(skin):
    shadow = tuple(int(0.45 * value) for value in skin)
    assert covered_parts(face(skin, around=shadow, pupil=(5, 5, 5)), FIVE) == ()
    patch = face(skin, pupil=(5, 5, 5))
    cv2.ellipse(patch, (70, 80), (24, 16), 0, 0, 360, (8, 8, 9), -1)
    assert covered_parts(patch, FIVE) == ()


def test_a_face_behind_glasses_is_for_review():
    assert "dark glasses" in weakness(Face(np.zeros(4, np.float32), 1.0, occluded=COVERED))


def test_points_on_one_place_cover_nothing():
    assert covered_parts(face((150, 150, 150)), np.full((5, 2), 90, np.float32)) == ()


@pytest.mark.realdata
@pytest.mark.weights
def test_dark_glasses_of_real_people_are_told(data, mtcnn):
    with zipfile.ZipFile(data / "lfw_gray.zip") as pack:
        for names, parts in ((WEARS, COVERED), (BARE, ())):
            for name in names:
                image = read_image(pack.read(f"lfw_gray/images/{name}.jpg"))
                [one, *_] = detect_with_retries(mtcnn, image).faces
                assert covered_parts(image, one.points) == parts, name
