"""Light and colour of a face: components from the luminance of the aligned chip.

Each function returns the native measure and the component, 0 (worst) to 100 (best). Formulae and
curves are those of ISO/IEC 29794-5:2025 as OFIQ 1.x configures them; the region differs (see
mien.quality.region). Luminance is linear light, so a mid grey of sRGB 128 is 55 of 255 here.

These components describe the light that reaches the camera, not only the lamp: at equal light,
dark skin has a lower mean. Therefore no advice is derived from `luminance_mean`.
"""

import math

import cv2
import numpy as np

from mien.quality.framing import Component
from mien.quality.scales import scalar, sigmoid
from mien.types import Doubles, Pixels

_LEVELS = np.arange(256) / 255


def luminance_mean(shares: Doubles) -> Component:
    """Compute the mean luminance in [0, 1] of a (256,) histogram; best from 0.35 to 0.65.

    Source: ISO/IEC 29794-5:2025, 7.3.4.2.
    """
    mean = float(shares @ _LEVELS)
    return mean, scalar(100 * sigmoid(mean, 0.2, 0.05) * (1 - sigmoid(mean, 0.8, 0.05)))


def luminance_variance(shares: Doubles) -> Component:
    """Compute the variance of luminance in [0, 0.25] of a (256,) histogram; best at 1/60.

    Source: ISO/IEC 29794-5:2025, 7.3.4.3.
    """
    variance = float(shares @ (_LEVELS - shares @ _LEVELS) ** 2)
    return variance, scalar(100 * math.sin(math.pi * 60 * variance / (60 * variance + 1)))


def under_exposure_prevention(shares: Doubles) -> Component:
    """Compute the share of the face in the darkest tenth of linear light; lower is better.

    Source: ISO/IEC 29794-5:2025, 7.3.5. The standard excludes occluded parts of the face.
    """
    dark = float(shares[:26].sum())
    return dark, scalar(120 * (0.832 - sigmoid(dark, 0.92, 0.05)))


def over_exposure_prevention(shares: Doubles) -> Component:
    """Compute the overexposed share of the face (247 to 255); lower is better.

    Source: ISO/IEC 29794-5:2025, 7.3.6. The standard excludes occluded parts of the face.
    """
    bright = float(shares[247:].sum())
    return bright, scalar(1 / (bright + 0.01))


def dynamic_range(shares: Doubles) -> Component:
    """Compute the entropy of the luminance in bits, 0 to 8; higher is better.

    Source: ISO/IEC 29794-5:2025, 7.3.7.
    """
    filled = shares[shares > 0]
    bits = float(-(filled * np.log2(filled)).sum())
    return bits, scalar(12.5 * bits)


def illumination_uniformity(left: Doubles, right: Doubles) -> Component:
    """Compute the overlap in [0, 1] of the histograms of both cheeks; higher is better.

    Source: ISO/IEC 29794-5:2025, 7.3.3.
    """
    overlap = float(np.minimum(left, right).sum())
    return overlap, scalar(100 * overlap**0.3)


def ratio(left: Pixels, right: Pixels) -> float:
    """Compute the mean luminance of the lighter cheek over that of the darker one, >= 1.

    Advice is derived from this ratio: the overlap above is also near 0 if smooth or blurred
    cheeks differ slightly.
    """
    low, high = sorted((float(left.mean()), float(right.mean())))
    return high / max(low, 1.0)  # 1 of 255 is black


def natural_colour(left: Pixels, right: Pixels) -> Component | None:
    """Compute the CIELAB distance of the cheeks' colour from skin; lower is better.

    Skin of all shades has a* 5 to 25 and b* 5 to 35; the distance inside is 0, and 100 if
    a* or b* is negative.

    Args:
        left: (h, w, 3) sRGB of one cheek.
        right: the other.

    Returns:
        The component; None for a grey image.

    Source: ISO/IEC 29794-5:2025, 7.3.10 (CIELAB of the mean colour, for the white point D50).
    """
    means = [cv2.mean(zone)[:3] for zone in (left, right)]
    if max(max(mean) - min(mean) for mean in means) < 1.5 and all(
        _is_grey(z) for z in (left, right)
    ):
        return None
    a, b = _lab((np.array(means[0]) + np.array(means[1])) / 2 / 255)
    outside = math.hypot(max(5 - a, a - 25, 0), max(5 - b, b - 35, 0))
    distance = outside if a >= 0 and b >= 0 else 100.0
    return distance, scalar(200 * (1 - sigmoid(distance, 0, 10)))


def _is_grey(zone: Pixels) -> bool:
    """Return whether the channels differ by no more than compression noise."""
    spread = zone.max(axis=2).astype(int) - zone.min(axis=2)
    return float(spread.mean()) < 1.5


def _lab(colour: Doubles) -> tuple[float, float]:
    """Convert an sRGB colour in [0, 1] to a* and b*. Source: ICC.1:2022 for D50, CIE 15:2018."""
    linear = np.where(colour > 0.04045, ((colour + 0.055) / 1.055) ** 2.4, colour / 12.92)
    to_xyz = [[0.43605, 0.38508, 0.14309], [0.22249, 0.71689, 0.06062], [0.01393, 0.0971, 0.71419]]
    xyz = np.array(to_xyz) @ linear / [0.964221, 1, 0.825211]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return float(500 * (f[0] - f[1])), float(200 * (f[1] - f[2]))
