import numpy as np
import pytest

from mien.quality import light
from mien.quality.region import histogram, luminance


def patch(*colour):
    return np.full((8, 8, 3), colour, np.uint8)


def shares(**levels):
    found = np.zeros(256)
    for level, share in levels.items():
        found[int(level[1:])] = share
    return found


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), 0),
        ((255, 255, 255), 255),
        ((128, 128, 128), 55),  # 255 x 0.2159
        ((255, 0, 0), 54),  # 255 x 0.2126
        ((0, 255, 0), 182),
        ((0, 0, 255), 18),
    ],
)
def test_luminance_is_linear_light(colour, expected):
    assert (luminance(patch(*colour)) == expected).all()
    assert luminance(patch(*colour)).shape == (8, 8)


def test_a_histogram_counts_only_the_mask():
    values = np.uint8([[0, 0], [255, 7]])
    assert histogram(values)[0] == 0.5
    assert histogram(values, np.uint8([[0, 0], [255, 255]]))[[0, 7, 255]].tolist() == [0, 0.5, 0.5]
    assert histogram(values, np.zeros((2, 2), np.uint8)).sum() == 0


def test_the_mean_is_best_in_the_middle_and_half_at_a_fifth():
    assert light.luminance_mean(shares(v51=1)) == pytest.approx((0.2, 50), abs=0.1)
    assert light.luminance_mean(shares(v204=1)) == pytest.approx((0.8, 50), abs=0.1)
    assert light.luminance_mean(shares(v0=0.5, v255=0.5))[1] > 99


def test_the_variance_is_best_at_one_sixtieth():
    flat = light.luminance_variance(shares(v90=1))
    best = light.luminance_variance(shares(v95=0.5, v161=0.5))  # 33 levels about the mean
    harsh = light.luminance_variance(shares(v0=0.5, v255=0.5))
    assert flat == (0, 0)
    assert best == pytest.approx((1 / 60, 100), abs=0.1)
    assert harsh == pytest.approx((0.25, 100 * np.sin(np.pi * 15 / 16)))


@pytest.mark.parametrize(
    ("dark", "component"), [(0, 99.84), (0.5, 99.81), (0.92, 39.84), (1, 0.04)]
)
def test_under_exposure_counts_what_is_nearly_black(dark, component):
    found = light.under_exposure_prevention(shares(v25=dark, v26=1 - dark))
    assert found == pytest.approx((dark, component), abs=0.05)


@pytest.mark.parametrize(("bright", "component"), [(0, 100), (0.01, 50), (0.09, 10), (1, 1 / 1.01)])
def test_over_exposure_counts_what_is_burnt_out(bright, component):
    found = light.over_exposure_prevention(shares(v247=bright, v246=1 - bright))
    assert found == pytest.approx((bright, component))


def test_dynamic_range_is_the_entropy_in_bits():
    assert light.dynamic_range(np.full(256, 1 / 256)) == pytest.approx((8, 100))
    assert light.dynamic_range(shares(v1=0.5, v200=0.5)) == pytest.approx((1, 12.5))
    assert light.dynamic_range(shares(v9=1)) == (0, 0)


def test_uniformity_is_the_overlap_of_the_cheeks():
    one, other = shares(v10=1), shares(v200=1)
    assert light.illumination_uniformity(one, one) == (1, 100)
    assert light.illumination_uniformity(one, other) == (0, 0)
    half = shares(v10=0.5, v200=0.5)
    assert light.illumination_uniformity(one, half) == pytest.approx((0.5, 100 * 0.5**0.3))


@pytest.mark.parametrize(
    "skin", [(255, 219, 194), (224, 172, 145), (198, 134, 99), (141, 85, 58), (80, 48, 36)]
)
def test_skin_of_every_shade_is_natural(skin):
    distance, component = light.natural_colour(patch(*skin), patch(*skin))
    assert distance < 1
    assert component > 95


@pytest.mark.parametrize("paint", [(60, 90, 220), (40, 200, 60), (255, 0, 0)])
def test_painted_faces_are_not(paint):
    distance, component = light.natural_colour(patch(*paint), patch(*paint))
    assert distance > 30
    assert component < 10


def test_a_grey_picture_has_no_colour_to_judge():
    assert light.natural_colour(patch(90, 90, 90), patch(200, 200, 200)) is None
    assert light.natural_colour(patch(90, 91, 90), patch(200, 200, 199)) is None
    assert light.natural_colour(patch(120, 90, 80), patch(90, 90, 90)) is not None


def test_cielab_of_red_is_the_published_one():
    # sRGB red, adapted to D50: L* 54.3, a* 80.8, b* 69.9 (brucelindbloom.com).
    assert light._lab(np.array([1.0, 0, 0])) == pytest.approx((80.8, 69.9), abs=0.1)
