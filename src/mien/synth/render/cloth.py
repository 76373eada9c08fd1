"""The cloth of shirts: folds, weave and stripes."""

import numpy as np

from mien.synth.skin.hair import noise_of
from mien.types import Floats


def around(place: Floats) -> Floats:
    """Places on the body, (N, 3), as mm around it."""
    return np.asarray(np.arctan2(place[:, 0], place[:, 2] + 40) * 100, np.float32)


def weave(seed: int, place: Floats, colour: Floats, normal: Floats) -> tuple[Floats, Floats]:
    """Colours and normals of cloth, with folds and weave; a quarter of all seeds has stripes.

    Args:
        seed: of the shirt.
        place: (N, 3) on the neutral body, mm.
        colour: (N, 3) linear albedo of the dye.
        normal: (N, 3) unit, without relief.
    """
    y, along = place[:, 1], around(place)
    fold = noise_of(seed, 0, along / 26, y / 60 + along / 90)
    crease = noise_of(seed, 1, along / 9, y / 24)
    fine = noise_of(seed, 2, along / 0.9, y / 0.9)
    dyed = colour * (1 + 0.16 * fold + 0.07 * crease + 0.10 * fine).clip(0.4, 1.5)[:, None]
    bent = normal + np.stack([0.35 * fold + 0.12 * crease, 0.1 * crease, np.zeros_like(fold)], 1)
    bent /= np.maximum(np.linalg.norm(bent, axis=1, keepdims=True), 1e-6)
    if seed % 4 == 1:
        dark = np.sin(y / 4.5) > 0.2
        dyed *= np.where(dark, 0.55, 1.0)[:, None].astype(np.float32)
    return dyed, bent
