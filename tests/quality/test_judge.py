from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mien.errors import ImageError
from mien.geometry import transform
from mien.quality import judge
from mien.types import Face

# Points set by hand on the portrait of Eileen Collins (NASA, public domain).
POINTS = np.float32([[203, 104], [248, 104], [224, 128], [204, 143], [243, 144]])
FACE = Face(np.float32([178, 65, 269, 176]), 0.95, POINTS)

LIGHT = {
    "under_exposure_prevention",
    "over_exposure_prevention",
    "dynamic_range",
    "luminance_mean",
    "luminance_variance",
}
POSE = {"head_pose_yaw", "head_pose_pitch", "head_pose_roll"}
FRAME = {
    "head_size",
    "leftward_crop_of_the_face_image",
    "rightward_crop_of_the_face_image",
    "margin_above_of_the_face_image",
    "margin_below_of_the_face_image",
}
ZONES = {"illumination_uniformity", "natural_colour"}
ALL = LIGHT | POSE | FRAME | ZONES | {"inter_eye_distance", "sharpness", "single_face_present"}


@pytest.fixture(scope="module")
def portrait(astronaut):
    return astronaut


def moved(matrix):
    points = transform(POINTS, matrix)
    rim = np.float32([25, 39, 21, 32]) * np.hypot(*matrix[:, 0])
    box = np.concatenate([points.min(0) - rim[:2], points.max(0) + rim[2:]])
    return Face(box.astype(np.float32), 0.95, points)


def test_a_good_portrait_gets_every_component_and_no_advice(portrait):
    [quality] = judge(portrait, [FACE])
    assert set(quality.components) == set(quality.measures) == ALL
    assert all(0 <= value <= 100 for value in quality.components.values())
    assert all(type(value) is float for value in quality.measures.values())
    assert quality.measures["inter_eye_distance"] == pytest.approx(45, rel=0.02)
    assert quality.measures["head_pose_roll"] == 0
    assert quality.components["sharpness"] > 90
    assert quality.components["natural_colour"] > 90
    assert quality.advice == ()


def test_blur_lowers_sharpness_step_by_step_and_at_last_brings_advice(portrait):
    found = []
    for sigma in (0.01, 0.5, 1, 2, 3, 4, 6, 9):
        [quality] = judge(cv2.GaussianBlur(portrait, (0, 0), sigma), [FACE])
        found.append(quality)
    sharpness = [quality.components["sharpness"] for quality in found]
    assert all(a > b for a, b in pairwise(sharpness))
    assert sharpness[0] > 95 > 10 > sharpness[-1]
    assert "it is blurred" in found[-1].advice[0]
    assert found[1].advice == ()


def test_darkness_lowers_under_exposure_prevention_and_brings_advice(portrait):
    dark = [judge((portrait * k).astype(np.uint8), [FACE])[0] for k in (1, 0.5, 0.4, 0.3, 0.15)]
    components = [quality.components["under_exposure_prevention"] for quality in dark]
    assert components == sorted(components, reverse=True)
    assert components[0] > 99
    assert components[-1] < 5
    assert any(sentence.startswith("Increase the light") for sentence in dark[-1].advice)


def test_glare_lowers_over_exposure_prevention_and_brings_advice(portrait):
    bright = [
        judge(np.clip(portrait * float(k), 0, 255).astype(np.uint8), [FACE])[0]
        for k in (1, 1.5, 2, 3)
    ]
    components = [quality.components["over_exposure_prevention"] for quality in bright]
    assert components == sorted(components, reverse=True)
    assert components[0] > components[-1] + 50
    assert any(sentence.startswith("Reduce the light") for sentence in bright[-1].advice)


def test_fog_lowers_dynamic_range(portrait):
    fog = (128 + (portrait.astype(int) - 128) // 20).astype(np.uint8)
    clear, dim = judge(portrait, [FACE])[0], judge(fog, [FACE])[0]
    assert dim.components["dynamic_range"] < clear.components["dynamic_range"] - 30
    assert any("bits of contrast" in sentence for sentence in dim.advice)


def test_light_from_one_side_lowers_uniformity(portrait):
    ramp = np.clip((np.arange(512) - 195) / 60, 0.1, 1)[None, :, None]
    lit, half = judge(portrait, [FACE])[0], judge((portrait * ramp).astype(np.uint8), [FACE])[0]
    name = "illumination_uniformity"
    assert half.components[name] < lit.components[name] - 20
    assert any("Light both sides" in sentence for sentence in half.advice)


@pytest.mark.parametrize("degrees", [-30, -10, 20, 40])
def test_turning_the_picture_changes_roll_and_nothing_that_is_the_faces_own(portrait, degrees):
    matrix = cv2.getRotationMatrix2D((224, 128), -degrees, 1).astype(np.float32)
    turned = cv2.warpAffine(portrait, matrix, (512, 512), flags=cv2.INTER_CUBIC)
    before, after = judge(portrait, [FACE])[0], judge(turned, [moved(matrix)])[0]
    assert after.measures["head_pose_roll"] == pytest.approx(degrees, abs=0.1)
    for name in ("inter_eye_distance", "head_pose_yaw", "head_pose_pitch"):
        assert after.measures[name] == pytest.approx(before.measures[name], abs=0.1), name
    for name in LIGHT | ZONES | {"sharpness"}:
        assert after.components[name] == pytest.approx(before.components[name], abs=6), name


@pytest.mark.parametrize(
    ("rows", "columns", "side"),
    [
        ((0, 160), (0, 512), "bottom"),
        ((85, 512), (0, 512), "top"),
        ((0, 512), (185, 512), "left"),
        ((0, 512), (0, 265), "right"),
    ],
)
def test_a_face_cut_by_the_frame_loses_that_side_and_says_so(portrait, rows, columns, side):
    name = {
        "bottom": "margin_below_of_the_face_image",
        "top": "margin_above_of_the_face_image",
        "left": "leftward_crop_of_the_face_image",
        "right": "rightward_crop_of_the_face_image",
    }[side]
    cut = portrait[rows[0] : rows[1], columns[0] : columns[1]]
    shift = np.float32([columns[0], rows[0]])
    face = Face(FACE.box - np.tile(shift, 2), 0.9, POINTS - shift)
    before, after = judge(portrait, [FACE])[0], judge(cut, [face])[0]
    assert after.components[name] < 10 < before.components[name]
    assert [s for s in after.advice if f"cut at the {side} " in s]
    others = FRAME - {name, "head_size"}
    assert all(after.measures[k] == pytest.approx(before.measures[k], abs=1e-3) for k in others)


@pytest.mark.parametrize("factor", [0.5, 2, 3.7])
def test_resizing_changes_the_eye_distance_in_proportion_and_the_pose_not(portrait, factor):
    large = cv2.resize(portrait, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    face = moved(np.float32([[factor, 0, 0], [0, factor, 0]]))
    before, after = judge(portrait, [FACE])[0], judge(large, [face])[0]
    assert after.measures["inter_eye_distance"] == pytest.approx(
        factor * before.measures["inter_eye_distance"], rel=1e-4
    )
    for name in POSE | FRAME:
        assert after.measures[name] == pytest.approx(before.measures[name], abs=0.02), name
    for name in LIGHT:
        assert after.components[name] == pytest.approx(before.components[name], abs=5), name


def test_a_small_face_is_told_to_come_closer(portrait):
    small = cv2.resize(portrait, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    [quality] = judge(small, [moved(np.float32([[0.6, 0, 0], [0, 0.6, 0]]))])
    assert quality.advice == (
        "Come closer or take a larger image: the eyes are 27 px apart, and at least 36 are "
        "required.",
    )


def test_of_a_tiny_face_only_the_size_is_told(portrait):
    tiny = cv2.resize(portrait, (102, 102), interpolation=cv2.INTER_AREA)
    [quality] = judge(tiny, [moved(np.float32([[0.2, 0, 0], [0, 0.2, 0]]))])
    assert set(quality.components) == {"single_face_present", "inter_eye_distance"}


def test_without_points_there_is_what_the_box_allows(portrait):
    [quality] = judge(portrait, [replace(FACE, points=None)])
    assert set(quality.components) == LIGHT | {"sharpness", "single_face_present"}
    with_points = judge(portrait, [FACE])[0]
    for name in LIGHT | {"sharpness"}:
        assert quality.components[name] == pytest.approx(with_points.components[name], abs=20), name
    [small] = judge(portrait, [Face(np.float32([200, 100, 220, 120]), 0.9)])
    assert set(small.components) == {"single_face_present"}


@pytest.mark.parametrize(
    "points", [np.full((5, 2), np.nan), np.full((5, 2), 100), np.tile(POINTS[:1], (5, 1))]
)
def test_points_that_say_nothing_are_not_used(portrait, points):
    [quality] = judge(portrait, [replace(FACE, points=points.astype(np.float32))])
    assert set(quality.components) == LIGHT | {"sharpness", "single_face_present"}


def test_a_box_that_says_nothing_gives_nothing(portrait):
    for box in ([np.nan] * 4, [50, 50, 50, 50], [60, 60, 50, 50], [np.inf] * 4):
        [quality] = judge(portrait, [Face(np.float32(box), 0.9)])
        assert set(quality.components) == {"single_face_present"}


@pytest.mark.parametrize("shift", [600, -600])
def test_a_face_outside_the_picture_has_no_pixels_to_judge(portrait, shift):
    [quality] = judge(portrait, [Face(FACE.box + shift, 0.9, POINTS + np.float32(shift))])
    assert not set(quality.components) & (LIGHT | ZONES | {"sharpness"})


def test_a_grey_picture_has_no_natural_colour(portrait):
    grey = np.repeat(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    [quality] = judge(grey, [FACE])
    assert set(quality.components) == ALL - {"natural_colour"}


def test_blue_light_is_told(portrait):
    blue = (portrait * np.float64([0.4, 0.6, 1])).astype(np.uint8)
    [quality] = judge(blue, [FACE])
    assert any("white balance" in sentence for sentence in quality.advice)


def test_a_lying_face_has_no_margins_and_is_told_to_turn(portrait):
    lying = cv2.rotate(portrait, cv2.ROTATE_90_CLOCKWISE)
    matrix = np.float32([[0, -1, 511], [1, 0, 0]])
    [quality] = judge(lying, [moved(matrix)])
    assert set(quality.components) == ALL - FRAME
    assert quality.measures["head_pose_roll"] == pytest.approx(90)
    assert quality.advice == ("Rotate the image: the head is tilted 90 degrees clockwise.",)


@pytest.mark.parametrize(("shift", "side"), [(14, "right"), (-14, "left")])
def test_a_turned_face_is_told_to_turn_back(portrait, shift, side):
    points = POINTS.copy()
    points[2, 0] += shift
    [quality] = judge(portrait, [replace(FACE, points=points)])
    assert quality.advice[0].startswith("Turn towards the camera: the face is turned ")
    assert quality.advice[0].endswith(f" degrees to image {side}.")


def test_advice_begins_with_the_worst(portrait):
    points = POINTS.copy()
    points[2, 0] += 14  # the nose of a face turned by some 40 degrees: a component near 60
    dark = (portrait * 0.2).astype(np.uint8)
    [quality] = judge(dark, [replace(FACE, points=points)])
    starts = [sentence.split(" ")[0] for sentence in quality.advice]
    assert quality.components["under_exposure_prevention"] < 5
    assert 50 < quality.components["head_pose_yaw"] < 70
    assert starts.index("Increase") < starts.index("Turn")


def test_each_face_has_its_quality_in_the_same_order(portrait):
    other = Face(np.float32([300, 300, 350, 350]), 0.5)
    found = judge(portrait, [other, FACE])
    assert "head_pose_yaw" not in found[0].components
    assert set(found[1].components) == ALL
    assert found[0].components["single_face_present"] == found[1].components["single_face_present"]
    assert found[1].components["single_face_present"] < 60
    assert judge(portrait, []) == []


def test_judging_changes_nothing(portrait):
    image, box, points = portrait.copy(), FACE.box.copy(), POINTS.copy()
    first, second = judge(portrait, [FACE])[0], judge(portrait, [FACE])[0]
    assert first == second
    assert np.array_equal(image, portrait)
    assert np.array_equal(box, FACE.box)
    assert np.array_equal(points, FACE.points)


@pytest.mark.parametrize("side", [1, 2, 7])
def test_a_picture_of_a_few_pixels_is_no_trouble(side):
    image = np.zeros((side, side, 3), np.uint8)
    assert len(judge(image, [FACE, Face(np.float32([0, 0, side, side]), 0.9)])) == 2


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9)), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(ImageError, match="is not an image"):
        judge(image, [FACE])


def test_a_plain_wall_has_no_sharpness():
    [quality] = judge(np.full((512, 512, 3), 120, np.uint8), [FACE])
    assert "sharpness" not in quality.components
    assert quality.components["dynamic_range"] == 0
