"""Image metrics by hand, against plain loops, and at their limits."""

import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import kernel_distance, lpips, psnr, ssim, tone_angle

GREY = np.full((2, 16, 20, 3), 100, np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (3, 24, 20, 3), np.uint8)


def test_psnr_by_hand():
    other = GREY + np.array([1, 5], np.uint8)[:, None, None, None]
    assert psnr(other, GREY) == pytest.approx([48.1308, 34.1514], abs=1e-4)
    assert np.isinf(psnr(GREY, GREY)).all()


def test_ssim_is_one_for_equal_pictures_and_follows_its_formula():
    assert ssim(NOISE, NOISE) == pytest.approx(np.ones(3))
    # Two plain pictures: only the term of luminance differs.
    other, c1 = GREY + np.uint8(50), (0.01 * 255) ** 2
    wanted = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(other, GREY) == pytest.approx([wanted, wanted])
    assert ssim(255 - NOISE, NOISE).max() < 0


def test_ssim_against_a_plain_loop():
    x, y = (one[0].astype(float) @ [0.299, 0.587, 0.114] for one in (NOISE[:1], NOISE[1:2]))
    place = np.arange(11) - 5
    kernel = np.exp(-(place**2) / 4.5)
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
    c1, c2, found = 6.5025, 58.5225, []
    for i in range(14):
        for j in range(10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (kernel * a).sum(), (kernel * b).sum()
            va, vb = (kernel * a * a).sum() - ma**2, (kernel * b * b).sum() - mb**2
            ab = (kernel * a * b).sum() - ma * mb
            found.append((2 * ma * mb + c1) * (2 * ab + c2)
                         / ((ma**2 + mb**2 + c1) * (va + vb + c2)))  # fmt: skip
    assert ssim(NOISE[:1], NOISE[1:2])[0] == pytest.approx(np.mean(found))


def test_pictures_that_cannot_be_compared_are_refused():
    for metric in (psnr, ssim):
        with pytest.raises(MienError, match="cannot be compared"):
            metric(GREY, GREY[:1])
        with pytest.raises(MienError, match="cannot be compared"):
            metric(GREY[:0], GREY[:0])
    with pytest.raises(MienError, match="at least 11 px"):
        ssim(GREY[:, :10], GREY[:, :10])


def test_kernel_distance_by_hand_and_between_distributions():
    one = np.array([[1.0], [1.0]], np.float32)
    other = np.array([[0.0], [0.0]], np.float32)
    assert kernel_distance(one, other) == pytest.approx(8 + 1 - 2)  # (1 + 1)^3, 1, 1
    rng = np.random.default_rng(1)
    draw = [rng.normal(size=(300, 8)).astype(np.float32) for _ in range(2)]
    assert abs(kernel_distance(*draw)) < 0.05
    assert kernel_distance(draw[0], draw[1] + 1) > 1
    with pytest.raises(TooFewTrialsError):
        kernel_distance(one[:1], other)
    with pytest.raises(MienError, match="cannot be compared"):
        kernel_distance(draw[0], one)


def test_tone_angle_by_hand_and_undefined_for_grey():
    # Fitzpatrick-like patches: lighter skin has the larger angle.
    light, dark = np.array([[231, 194, 172]], np.uint8), np.array([[92, 60, 44]], np.uint8)
    assert tone_angle(light) > 40
    assert tone_angle(dark) < -20
    assert tone_angle(np.stack([light, light, dark])) == tone_angle(light)
    assert np.isnan(tone_angle(GREY))
    assert np.isnan(tone_angle(GREY[:0]))


def test_lpips_by_hand():
    # One place: (3, 4) has the length 5, (1, 0) has 1; squares (0.6 - 1)^2 and 0.8^2, weighted.
    one = np.array([[[[3.0]], [[4.0]]]])
    other = np.array([[[[1.0]], [[0.0]]]])
    weight = np.array([2.0, 0.5])
    assert lpips([one], [other], [weight]) == pytest.approx([2 * 0.16 + 0.5 * 0.64])
    assert lpips([one], [7 * one], [weight]) == pytest.approx([0.0])  # the length is divided out
    # Two layers are summed; places of a layer are averaged.
    half = np.concatenate([one, other], -1), np.concatenate([one, one], -1)
    found = lpips([one, half[0]], [other, half[1]], [weight, weight])
    assert found == pytest.approx([0.64 * 1.5])


def test_lpips_refuses_features_that_do_not_fit():
    one = np.ones((1, 2, 3, 3))
    for pair, weights in (
        (([one], [one[:, :1]]), [np.ones(2)]),
        (([one], [one]), [np.ones(3)]),
        (([one], [one]), []),
        (([], []), []),
    ):
        with pytest.raises(MienError, match="cannot be compared"):
            lpips(*pair, weights)
