"""Degrade photographs as weather, a lens, a sensor and a codec do one after the other."""

from typing import Literal, get_args

import cv2
import numpy as np

from mien.errors import MienError
from mien.media import encode_image, read_image
from mien.synth.render.degrade import Kind, spoil
from mien.types import Floats, Pixels

Condition = Literal["rain", "snow", "fog", "dark", "blur", "small", "noise", "jpeg", "mixed"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
NEAR = (300.0, 1000.0)  # mm, range of the distance of a photographed face
UNEVEN = 0.25  # spread of the logarithm of the depth over an image: drifting fog
# Share of the mixed images with each step, and its least and largest severity, in this order.
WEATHER: tuple[Kind, ...] = ("rain", "snow", "fog", "dark")
STEPS: tuple[tuple[tuple[Kind, ...], float, float, float], ...] = (
    (WEATHER, 0.7, 0.15, 0.8),
    (("motion", "defocus"), 0.5, 0.05, 0.45),
    (("small",), 0.5, 0.3, 0.85),
    (("noise",), 0.5, 0.05, 0.6),
    (("jpeg",), 0.6, 0.1, 0.8),
)


def photo_depth(shape: tuple[int, int], seed: int) -> Floats:
    """Return the (H, W) mm of a face without measured depth: one distance, smoothly uneven."""
    rng = np.random.default_rng([seed, 103])
    coarse = rng.normal(size=(4, 4)).astype(np.float32)
    rough = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(rng.uniform(*NEAR) * np.exp(UNEVEN * rough), np.float32)


def spoil_photo(image: Pixels, condition: Condition, seed: int) -> Pixels:
    """Degrade a photograph under one condition, or under several in the order of a camera.

    Args:
        image: (H, W, 3), of a face; its depth is assumed, see `photo_depth`.
        condition: of CONDITIONS. "mixed" draws weather, blur, size, noise and compression, at
            least one; the others draw the severity of one of them.
        seed: of all that is drawn.

    Raises:
        MienError: an unknown condition.
    """
    if condition not in CONDITIONS:
        raise MienError(f"There is no condition '{condition}'; there are {', '.join(CONDITIONS)}.")
    rng = np.random.default_rng([seed, 107])
    steps = [step for step in STEPS if condition == "mixed" or _names(condition, step[0])]
    shares = np.array([step[1] for step in steps])
    chosen = rng.random(len(steps)) < (shares if condition == "mixed" else 1.0)
    if not chosen.any():
        chosen[rng.integers(len(steps))] = True
    depth = photo_depth(image.shape[:2], seed)
    for (kinds, _, low, high), wanted in zip(steps, chosen, strict=True):
        kind = kinds[rng.integers(len(kinds))]
        severity = float(rng.uniform(low, high))
        if wanted:
            kind = condition if condition in kinds else kind
            image = spoil(image, kind, severity, seed, depth).image
    return image


def _names(condition: str, kinds: tuple[Kind, ...]) -> bool:
    return condition in kinds or (condition == "blur" and "motion" in kinds)


def enlarge_photo(image: Pixels, factor: int, quality: int | None = None) -> Pixels:
    """Reduce a photograph, compress it, and enlarge it again by bicubic interpolation.

    Args:
        image: (H, W, 3); both sides are multiples of `factor`.
        factor: of both sides.
        quality: of the JPEG of the small image, 1 to 100; None: it is not compressed.
    """
    size = (image.shape[1], image.shape[0])
    few = (size[0] // factor, size[1] // factor)
    small = np.asarray(cv2.resize(image, few, interpolation=cv2.INTER_AREA), np.uint8)
    if quality is not None:
        small = read_image(encode_image(small, "jpeg", quality))
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), np.uint8)
