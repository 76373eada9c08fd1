"""Detectors that search in stages: a cheap glance reports whether a search could find a face."""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from mien.contracts import Detector
from mien.types import Face, Floats, Pixels


class Hints(NamedTuple):
    """Where a search could find a face."""

    windows: Floats  # (N, 4) left, top, right, bottom, px of the reduced image; N = 0: nowhere
    large: bool  # whether one of them takes a large share of the image


Glance = Callable[[], Hints]  # makes the glance when its hints are needed


def no_hints() -> Hints:
    """Return no window: a search then relies on what it finds itself."""
    return Hints(np.empty((0, 4), np.float32), large=False)


@runtime_checkable
class Staged(Protocol):
    """A detector that can report at low cost where a search could find a face."""

    min_face: float  # px, the smallest face that is searched for in any image
    unit: float  # px, side of the smallest face of a glance

    def __call__(self, image: Pixels, /) -> list[Face]:
        """Find the faces in one (H, W, 3) image, highest score first."""
        ...

    def search(self, image: Pixels, hints: Glance) -> list[Face]:
        """Find the faces; `hints` makes a glance at this view, where a strict search fails."""
        ...

    def smallest(self, image: Pixels) -> float:
        """Return the side of the smallest face that is searched for in this image, px."""
        ...

    def reduced(self, image: Pixels, smallest: float) -> Pixels:
        """Scale an image so that a face of `smallest` px has the size `unit`."""
        ...

    def glance(self, small: Pixels, *, border: bool = False, largest: float = math.inf) -> Hints:
        """Return where a search could find a face.

        Args:
            small: of `reduced`; rotated or changed as the image would be.
            border: only at the border and beyond; faces that fill the image are included.
            largest: px of `small`, the side of the largest window.
        """
        ...


class Unaided:
    """Any other detector: it must be asked for each retry."""

    min_face = 0.0
    unit = 1.0

    def __init__(self, detector: Detector) -> None:
        """Wrap a detector."""
        self._detector = detector

    def __call__(self, image: Pixels) -> list[Face]:
        """Find the faces."""
        return self._detector(image)

    def search(self, image: Pixels, hints: Glance) -> list[Face]:
        """Find the faces."""
        return self._detector(image)

    def smallest(self, image: Pixels) -> float:
        """Return 0: not known."""
        return 0.0

    def reduced(self, image: Pixels, smallest: float) -> Pixels:
        """Return the image."""
        return image

    def glance(self, small: Pixels, *, border: bool = False, largest: float = math.inf) -> Hints:
        """Return the whole image: a face may be anywhere."""
        return Hints(np.array([[0, 0, small.shape[1], small.shape[0]]], np.float32), True)


def staged(detector: Detector | Staged) -> Staged:
    """Return a detector that can glance; one that cannot is wrapped."""
    return detector if isinstance(detector, Staged) else Unaided(detector)
