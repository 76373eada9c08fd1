"""Similarity of pictures to a reference, and of sets of pictures to each other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles, Floats, Pixels

# Bins of the skin-tone angle, from light to dark: above the first and up to the second, degrees.
TONES = {
    "very light": (55.0, 180.0), "light": (41.0, 55.0), "intermediate": (28.0, 41.0),
    "tan": (10.0, 28.0), "brown": (-30.0, 10.0), "dark": (-181.0, -30.0),
}  # fmt: skip
WINDOW, SPREAD = 11, 1.5  # px of SSIM's Gaussian
STEADY = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # C1 and C2 of SSIM
# Weights of red, green and blue in the luma of video. Source: ITU-R BT.601.
LUMA = np.array([0.299, 0.587, 0.114])


def psnr(pictures: Pixels, references: Pixels) -> Doubles:
    """Peak signal-to-noise ratio of each picture, dB; higher is better, equal pictures: infinite.

    Args:
        pictures: (N, H, W, 3) uint8.
        references: the same shape.

    Returns:
        (N,) over all three channels, peak 255.

    Raises:
        MienError: different shapes, or no pixels.
    """
    _check(pictures, references)
    off = pictures.astype(np.float64) - references
    error = (off**2).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        found: Doubles = 10 * np.log10(255**2 / error)
    return found


def ssim(pictures: Pixels, references: Pixels) -> Doubles:
    """Structural similarity of the luma of each picture, in [-1, 1]; 1: equal.

    Args:
        pictures: (N, H, W, 3) uint8, at least 11 px per side.
        references: the same shape.

    Returns:
        (N,) mean over all places where the window lies inside the picture.

    Raises:
        MienError: different shapes, or pictures smaller than the window.

    Source: Wang et al., "Image quality assessment: from error visibility to structural
    similarity", IEEE TIP 13, 2004; Gaussian window of 11 px, sigma 1.5, K = 0.01 and 0.03.
    """
    _check(pictures, references)
    if min(pictures.shape[1:3]) < WINDOW:
        raise MienError(
            f"SSIM needs pictures of at least {WINDOW} px per side, got "
            f"{pictures.shape[2]} x {pictures.shape[1]}."
        )
    x, y = (one.astype(np.float64) @ LUMA for one in (pictures, references))
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    both = _blurred(x * y) - mean_x * mean_y
    one, two = STEADY
    map_ = ((2 * mean_x * mean_y + one) * (2 * both + two)) / (
        (mean_x**2 + mean_y**2 + one) * (var_x + var_y + two)
    )
    found: Doubles = map_.mean((1, 2))
    return found


def lpips(
    pictures: Sequence[Floats], references: Sequence[Floats], weights: Sequence[Floats]
) -> Doubles:
    """Learned perceptual distance (LPIPS) of pictures from features; 0: equal, lower is better.

    The features and weights are those of published networks; `mien.train.perceptual` opens a file
    of them. Values of different networks are not comparable.

    Args:
        pictures: features of each layer, (N, C, H, W) each; C, H and W differ between layers.
        references: the same shapes.
        weights: (C,) of each layer, not negative.

    Returns:
        (N,) sum over layers of the mean over places of the weighted squared differences, after
        each place's features were divided by their length.

    Raises:
        MienError: different shapes or numbers of layers.

    Source: Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric",
    CVPR 2018, equation 1, with the eps 1e-10 of the published code.
    """
    shapes = [[one.shape for one in side] for side in (pictures, references)]
    widths = [weight.shape for weight in weights]
    if not shapes[0] or shapes[0] != shapes[1] or widths != [one[1:2] for one in shapes[0]]:
        raise MienError(
            f"Features of shapes {shapes[0]} and {shapes[1]} with weights of shapes {widths} "
            "cannot be compared: expected (N, C, H, W) of both and (C,) for each layer."
        )
    found = np.zeros(len(pictures[0]))
    for x, y, weight in zip(pictures, references, weights, strict=True):
        off = (_unit(x) - _unit(y)) ** 2
        found += np.einsum("nchw,c->nhw", off, weight.astype(np.float64)).mean((1, 2))
    return found


def _unit(maps: Floats) -> Doubles:
    wide = maps.astype(np.float64)
    found: Doubles = wide / (np.sqrt((wide**2).sum(1, keepdims=True)) + 1e-10)
    return found


def kernel_distance(made: Floats, real: Floats) -> float:
    """Kernel distance (KID) between two sets of features; 0: one distribution, lower is better.

    The features are those of a network that the caller declares beside the number; values of
    different networks are not comparable. The estimate is unbiased, so it can fall below 0.

    Args:
        made: (N, D) features of made pictures, N >= 2.
        real: (M, D) features of real pictures, M >= 2.

    Raises:
        TooFewTrialsError: a set has fewer than two rows.
        MienError: the features have different widths.

    Source: Binkowski et al., "Demystifying MMD GANs", ICLR 2018: kernel (x'y / D + 1)^3.
    """
    if min(len(made), len(real)) < 2:
        raise TooFewTrialsError(
            f"The kernel distance needs two rows per set, got {len(made)} and {len(real)}."
        )
    if made.shape[1:] != real.shape[1:] or made.ndim != 2:
        raise MienError(f"Features of shapes {made.shape} and {real.shape} cannot be compared.")
    x, y = made.astype(np.float64), real.astype(np.float64)
    within = [_off_diagonal(_kernel(one, one)) for one in (x, y)]
    return float(sum(within) - 2 * _kernel(x, y).mean())


def tone_angle(pixels: Pixels) -> float:
    """Individual typology angle (ITA) of skin pixels, degrees; higher is lighter.

    Above 55 very light, 41 to 55 light, 28 to 41 intermediate, 10 to 28 tan, -30 to 10 brown,
    below dark. Measured under unknown light it is a noisy proxy: it changes with exposure and
    white balance, and says nothing about ethnicity.

    Args:
        pixels: (..., 3) sRGB of skin.

    Returns:
        Median over the pixels; NaN without pixels, and for grey ones, where the angle is undefined.

    Source: Chardon et al., "Skin colour typology and suntanning pathways", 1991, with the
    two-argument arctangent.
    """
    flat = pixels.reshape(-1, 3)
    if not len(flat):
        return float("nan")
    light, yellow = _lightness_and_yellow(flat)
    if np.abs(yellow).max() < 0.5:  # CIE b*: rounding of grey pixels
        return float("nan")
    return float(np.median(np.degrees(np.arctan2(light - 50, yellow))))


def tone_bin(angle: float) -> str:
    """Name of the bin of a skin-tone angle (ITA), one of TONES; "" for NaN.

    Source: Chardon et al., 1991; Del Bino and Bernerd, "Variations in skin colour and the
    biological consequences of ultraviolet radiation exposure", 2013.
    """
    if np.isnan(angle):
        return ""
    return next(name for name, (low, _) in TONES.items() if angle > low)


def _lightness_and_yellow(flat: NDArray[np.uint8]) -> tuple[Doubles, Doubles]:
    """CIE L* and b* of (N, 3) sRGB, white D65. Source: IEC 61966-2-1, CIE 15."""
    code = flat / 255
    linear = np.where(code > 0.04045, ((code + 0.055) / 1.055) ** 2.4, code / 12.92)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    z = linear @ np.array([0.0193, 0.1192, 0.9505]) / 1.089
    fy, fz = (np.where(v > 0.008856, np.cbrt(v), 7.787 * v + 16 / 116) for v in (y, z))
    return np.asarray(116 * fy - 16), np.asarray(200 * (fy - fz))


def _kernel(x: Doubles, y: Doubles) -> Doubles:
    found: Doubles = (x @ y.T / x.shape[1] + 1) ** 3
    return found


def _off_diagonal(table: Doubles) -> float:
    count = len(table)
    return float((table.sum() - np.trace(table)) / (count * (count - 1)))


def _blurred(values: Doubles) -> Doubles:
    """(N, H, W) with SSIM's Gaussian, where it lies inside."""
    place = np.arange(WINDOW) - WINDOW // 2
    kernel = np.exp(-(place**2) / (2 * SPREAD**2))
    kernel /= kernel.sum()
    for axis in (1, 2):
        windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW, axis=axis)
        values = windows @ kernel
    return values


def _check(pictures: Pixels, references: Pixels) -> None:
    if pictures.shape != references.shape or pictures.ndim != 4 or not pictures.size:
        raise MienError(
            f"Pictures of shape {pictures.shape} cannot be compared with references of shape "
            f"{references.shape}: expected (N, H, W, 3) of both."
        )
