"""Where one shot ends and the next begins: no face is followed across a cut."""

import numpy as np

from mien.types import Pixels

GLANCE = (36, 64)  # height, width of the small pictures that are compared
# Measured on the cuts of four films: across a cut the brightness of the small pictures correlates
# by 0.25 at most, within a shot by 0.72 and more, fast hands and head included.
ALIKE = 0.5
DARK = 0.02  # mean difference of brightness below which both pictures may as well be black
COLOURS = 0.5  # share of pixels that change to another of 64 colours


class Shots:
    """Tells of each frame whether a cut lies before it; frames must come without gaps."""

    def __init__(self) -> None:
        self._before: Pixels | None = None

    def __call__(self, glance: Pixels) -> bool:
        """Whether this (36, 64, 3) small picture begins another shot."""
        before, self._before = self._before, glance
        return before is not None and is_cut(before, glance)


def is_cut(before: Pixels, after: Pixels) -> bool:
    """Whether two small pictures that follow each other belong to two shots.

    A fade or a dissolve is no cut; faces in it part ways by their motion.
    """
    a, b = (picture.mean(axis=2) / 255 for picture in (before, after))
    if np.abs(a - b).mean() < DARK:
        return False
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a**2).sum() * (b**2).sum())
    alike = (a * b).sum() / spread if spread > 1e-6 else 0.0
    changed = np.abs(_colours(before) - _colours(after)).sum() / 2
    return bool(alike < ALIKE or changed > COLOURS)


def _colours(picture: Pixels) -> np.ndarray:
    """(64,) shares of the pixels by coarse colour."""
    red, green, blue = (picture[..., channel].astype(int) // 64 for channel in range(3))
    return np.bincount((16 * red + 4 * green + blue).ravel(), minlength=64) / picture[..., 0].size
