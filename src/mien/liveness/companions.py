"""Depth and infrared beside a colour picture: which of them a check can use, and why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.contracts import Detector
from mien.errors import LivenessError
from mien.geometry import iou
from mien.media import read_depth, read_infrared
from mien.types import Floats, Series

# Least overlap of a face in colour and in infrared. Aligned rendered faces have 0.65 or more.
OVERLAP = 0.5
FILLED = 0.25  # least share of the box of a face in which depth has values


@dataclass(frozen=True, slots=True, eq=False)
class Companions:
    """What other sensors saw at the same time, pixel by pixel; None: there is no such sensor."""

    depth: Floats | None = None  # (H, W) metres, NaN in holes
    infrared: NDArray[np.uint8] | None = None  # (H, W)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parts of a clip that are there."""
        return tuple(name for name in ("depth", "infrared") if getattr(self, name) is not None)

    def check(self, size: tuple[int, int]) -> None:
        """Require the size (height, width) of the colour picture.

        Raises:
            LivenessError: another size, so pixels do not belong together.
        """
        for name in self.names:
            given = getattr(self, name).shape
            if given != size:
                raise LivenessError(
                    f"The {name} picture has {given[1]} x {given[0]} px, and the colour picture "
                    f"{size[1]} x {size[0]}; give pictures that are aligned pixel by pixel."
                )

    def series(self, name: str, time: float) -> Series | None:
        """Return a part of a clip of one frame."""
        values = getattr(self, name)
        return None if values is None else Series(np.array([time]), values[None])


def read_companions(
    depth: str | Path | None = None, infrared: str | Path | None = None
) -> Companions:
    """Read depth (mien.media.read_depth) and infrared (mien.media.read_infrared) from files.

    Raises:
        ImageError: a file cannot be read, or is of another kind.
    """
    return Companions(
        None if depth is None else read_depth(depth),
        None if infrared is None else read_infrared(infrared),
    )


def usable(seen: Companions, box: Floats) -> tuple[Companions, tuple[str, ...], str | None]:
    """Return what can be used of one face.

    Args:
        seen: of the whole picture.
        box: (4,) of the face, px.

    Returns:
        The usable parts; codes of parts that are left out as missing; and the code of a fault
        that forbids a score, or None.
    """
    if seen.depth is None:
        return seen, (), None
    known = np.isfinite(seen.depth) & (seen.depth > 0)
    if not known.any():
        return Companions(None, seen.infrared), ("depth-empty",), None
    left, top, right, bottom = np.clip(box, 0, [*seen.depth.shape[::-1]] * 2).astype(int).tolist()
    inside = known[top:bottom, left:right]
    fault = inside.size == 0 or inside.mean() < FILLED
    return seen, (), "misaligned" if fault else None


def misplaced(
    infrared: NDArray[np.uint8], boxes: Sequence[Floats], detector: Detector
) -> list[bool]:
    """Return for each face whether infrared shows a face only elsewhere.

    Where infrared shows no face at all, nothing is known: a screen is black there.

    Args:
        infrared: (H, W).
        boxes: of the faces in colour.
        detector: finds faces in both.
    """
    found = [face.box for face in detector(np.repeat(infrared[..., None], 3, axis=2))]
    if not found or not boxes:
        return [False] * len(boxes)
    same = iou(np.stack(boxes), np.stack(found)) >= OVERLAP
    elsewhere = bool((~same.any(0)).any())  # a face in infrared that no face in colour explains
    return [elsewhere and not row.any() for row in same]
