"""Heights of the folds that accompany blendshapes and age."""

from functools import lru_cache

import numpy as np

from mien.synth.head import head_shape
from mien.synth.skin import atlas
from mien.synth.skin.atlas import Maps


@lru_cache(maxsize=8)
def fold_heights(name: str) -> Maps:
    """Heights in mm of the folds that accompany a blendshape, the same for everybody.

    Args:
        name: of mien.synth.skin.paint.FOLDS.
    """
    x, y, z = atlas.places()
    far, front = np.abs(x), np.clip((z - 15) / 25, 0, 1)
    if name == "forehead":
        wave = np.cos((y - 26 - 0.004 * far**2) / 9.5 * 2 * np.pi)
        where = np.exp(-(((y - 45) / 16) ** 4)) * np.exp(-((far / 42) ** 4))
        return np.asarray(0.55 * wave * where, np.float32)
    if name == "frown":
        line = np.exp(-((far - 6.5) ** 2) / 1.6) * np.exp(-(((y - 16) / 11) ** 2))
        return np.asarray(-1.0 * line * front, np.float32)
    if name == "crow":
        dx, dy = far - 44, y - head_shape.EYE[1]
        angle = np.arctan2(dy, np.maximum(dx, 0.1))
        ring = np.exp(-(((np.hypot(dx, dy) - 10) / 6) ** 2)) * (dx > 0)
        return np.asarray(0.45 * np.cos(angle * 9) * ring * front, np.float32)
    if name == "nose":
        wave = np.cos((y + 8 + 0.5 * far) / 4.5 * 2 * np.pi)
        where = np.exp(-(((far - 7) / 6) ** 2)) * np.exp(-(((y + 10) / 10) ** 2))
        return np.asarray(0.4 * wave * where * front, np.float32)
    along = np.clip((-y - 44) / 34, 0, 1)
    line = 18.5 + 15.5 * along**0.8
    where = np.exp(-(((y + 60) / 17) ** 4))
    step = np.tanh((far - line) / 2.2) * np.exp(-(((far - line) / 9) ** 2))
    return np.asarray(1.5 * step * where * front, np.float32)
