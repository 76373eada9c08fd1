"""What lies behind a person: a wall, a room or leaves out of focus."""

from functools import lru_cache

import cv2
import numpy as np

from mien.synth.render.light import Light
from mien.types import Floats

GREY = 0.42  # albedo of skin that a camera exposes without correction


def backdrop(seed: int, size: tuple[int, int], light: Light, albedo: float) -> Floats:
    """A blurred background: a wall, a room or leaves out of focus; (H, W, 3) linear.

    Place and exposure of a portrait are chosen for the face, so the background of dark faces
    is darker: behind real faces of light and of dark skin it has 0.6 and 0.7 times their light.

    Args:
        seed: of the content.
        size: height and width, px.
        light: on the scene.
        albedo: of the face in front of it, luminance.
    """
    soft = _soft(seed, light) * np.float32(albedo / GREY)
    return np.asarray(cv2.resize(soft, size[::-1], interpolation=cv2.INTER_LINEAR))


@lru_cache(maxsize=8)  # all images of a film share it
def _soft(seed: int, light: Light) -> Floats:
    rng = np.random.default_rng([seed, 61])
    # The background of 600 real faces has 0.6 times their light (quartiles 0.2 and 1.4).
    base = np.clip(np.exp(rng.normal(-1.3, 1.3)), 0.01, 3.0) * np.exp(rng.normal(0, 0.12, 3))
    small = np.empty((24, 24, 3), np.float32)
    slope = rng.normal(0, 0.3, 2)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 24)), -1)
    small[:] = (base * np.exp(grid @ slope)[..., None]).astype(np.float32)
    for _ in range(int(rng.integers(0, 14))):
        x, y, r = rng.uniform(-1.1, 1.1), rng.uniform(-1.1, 1.1), rng.uniform(0.08, 0.5)
        box = rng.random() < 0.5
        d = np.abs(grid - [x, y])
        near = (d.max(-1) < r) if box else np.hypot(*d.transpose(2, 0, 1)) < r
        tint = np.clip(base * np.exp(rng.normal(0, 0.6) + rng.normal(0, 0.22, 3)), 0.01, 4.0)
        small[near] += (tint - small[near]) * rng.uniform(0.4, 0.9)
    level = ((np.array(light.sky) + np.array(light.ground)) / 1.2).astype(np.float32)
    small = np.asarray(cv2.resize(small * level, (96, 96), interpolation=cv2.INTER_CUBIC))
    return np.clip(cv2.GaussianBlur(small, (0, 0), 1.8), 0, 5)
