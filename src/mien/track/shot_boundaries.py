"""Where one shot ends and the next begins: no face is followed across a cut."""

from typing import NamedTuple

import numpy as np

from mien.types import Doubles, Pixels

GLANCE = (36, 64)  # height, width of the small pictures that are compared
# Measured on the cuts of four films: across a cut the brightness of the small pictures correlates
# by 0.25 at most, within a shot by 0.72 and more, fast hands and head included.
ALIKE = 0.5
DARK = 0.02  # mean difference of brightness below which both pictures may as well be black
COLOURS = 0.5  # share of pixels that change to another of 64 colours


class _Look(NamedTuple):
    """What is compared of a small picture."""

    light: Doubles  # (36, 64) in [0, 1]
    centred: Doubles  # the same about its mean
    colours: Doubles  # (64,) shares of the pixels by coarse colour


class ShotBoundaryDetector:
    """Tells of each frame whether a cut lies before it; frames must come without gaps."""

    def __init__(self) -> None:
        self._before: _Look | None = None

    def __call__(self, glance: Pixels) -> bool:
        """Whether this (36, 64, 3) small picture begins another shot."""
        before, self._before = self._before, _looked(glance)
        return before is not None and _differ(before, self._before)


def is_cut(before: Pixels, after: Pixels) -> bool:
    """Whether two small pictures that follow each other belong to two shots.

    A fade or a dissolve is no cut; faces in it part ways by their motion.
    """
    return _differ(_looked(before), _looked(after))


def _looked(picture: Pixels) -> _Look:
    coarse = picture >> 6
    colours = (coarse[..., 0] << 4) + (coarse[..., 1] << 2) + coarse[..., 2]
    light = picture.mean(axis=2) / 255
    count = np.bincount(colours.ravel(), minlength=64)
    return _Look(light, light - light.mean(), count / colours.size)


def _differ(before: _Look, after: _Look) -> bool:
    if np.abs(before.light - after.light).mean() < DARK:
        return False
    a, b = before.centred, after.centred
    spread = np.sqrt((a**2).sum() * (b**2).sum())
    alike = (a * b).sum() / spread if spread > 1e-6 else 0.0
    changed = np.abs(before.colours - after.colours).sum() / 2
    return bool(alike < ALIKE or changed > COLOURS)
