"""The table of regions of a face: how far each moved between two images, and in which direction."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mien.errors import MienError
from mien.types import Doubles, Floats

Direction = Literal[
    "right", "up-right", "up", "up-left", "left", "down-left", "down", "down-right",
    "no clear direction",
]  # fmt: skip
OCTANTS: tuple[Direction, ...] = (
    "right", "up-right", "up", "up-left", "left", "down-left", "down", "down-right",
)  # fmt: skip
AGREE = 0.15  # share of the motion that must have one direction. Source: MELLM
# Region -> points of iBUG's 68 whose mean is its centre, and half of its side in distances between
# the eyes. Left and right as seen in the image. Source: the table of MELLM, whose boxes have 20 to
# 50 px for 98 points; here they grow with the face, and the points are those that the mesh has.
REGIONS: dict[str, tuple[tuple[int, ...], float]] = {
    **{f"left eyelid {k + 1}": ((36 + k,), 0.08) for k in range(6)},
    **{f"right eyelid {k + 1}": ((42 + k,), 0.08) for k in range(6)},
    "left outer brow": ((17, 18), 0.12), "left inner brow": ((20, 21), 0.12),
    "right inner brow": ((22, 23), 0.12), "right outer brow": ((25, 26), 0.12),
    "left nose wing": ((31,), 0.12), "right nose wing": ((35,), 0.12),
    "left mouth corner": ((48,), 0.14), "right mouth corner": ((54,), 0.14),
    "left upper lip": ((50,), 0.10), "middle upper lip": ((51,), 0.10),
    "right upper lip": ((52,), 0.10), "right lower lip": ((56,), 0.10),
    "middle lower lip": ((57,), 0.10), "left lower lip": ((58,), 0.10),
    "chin": ((8, 57), 0.18), "left cheek": ((41, 48), 0.18), "right cheek": ((46, 54), 0.18),
}  # fmt: skip
BRIDGE, BRIDGE_SIZE = (27, 28, 29), 0.12  # the part that moves with the head only


@dataclass(frozen=True, slots=True)
class RegionMotion:
    """The motion of one region, without the motion of the head."""

    region: str  # of REGIONS
    mean: float  # px
    largest: float  # px
    direction: Direction
    angle: float | None  # degrees, 0 right, 90 up; None: no clear direction
    head: float  # px that the head moved


def region_table(flow: Floats, points: ArrayLike) -> list[RegionMotion]:
    """Measure the motion of each region of a face.

    Args:
        flow: (H, W, 2) px, from `mien.signals.dense_flow` of an aligned face; v points down.
        points: (68, 2) px of the first image, in the order of iBUG.

    Returns:
        One row per region, the region that moved most first. A region that lies beyond the image
        is left out.

    Raises:
        MienError: shapes are wrong, points are missing, or both eyes lie at one place.
    """
    marks = np.asarray(points, np.float64)
    if marks.shape != (68, 2) or flow.ndim != 3 or flow.shape[2] != 2:
        raise MienError(f"A table of regions needs a flow (H, W, 2) and points (68, 2), got "
                        f"{flow.shape} and {marks.shape}.")  # fmt: skip
    apart = float(np.linalg.norm(marks[36:42].mean(0) - marks[42:48].mean(0)))
    if not np.isfinite(marks).all() or not np.isfinite(flow).all() or apart < 1:
        raise MienError("Points and flow must be finite, and the eyes at different places.")
    bridge = _inside(flow, marks[list(BRIDGE)].mean(0), BRIDGE_SIZE * apart)
    if not len(bridge):
        raise MienError("The bridge of the nose lies beyond the image, so the head has no motion.")
    head = bridge.mean(0)
    rows = []
    for name, (which, half) in REGIONS.items():
        part = _inside(flow, marks[list(which)].mean(0), half * apart)
        if len(part):
            rows.append(_row(name, part - head, float(np.linalg.norm(head))))
    return sorted(rows, key=lambda row: -row.mean)


def _inside(flow: Floats, centre: Doubles, half: float) -> Doubles:
    """(N, 2) flow of a square, as far as it lies in the image."""
    low = np.maximum(np.floor(centre - half).astype(int), 0)
    high = np.maximum(np.ceil(centre + half).astype(int) + 1, 0)
    return np.asarray(flow[low[1] : high[1], low[0] : high[0]].reshape(-1, 2), np.float64)


def _row(name: str, motion: Doubles, head: float) -> RegionMotion:
    length = np.linalg.norm(motion, axis=1)
    total = motion.sum(0)
    if np.linalg.norm(total) < AGREE * length.sum() or not length.any():
        return RegionMotion(name, float(length.mean()), float(length.max()), "no clear direction",
                            None, head)  # fmt: skip
    angle = float(np.degrees(np.arctan2(-total[1], total[0])) % 360)
    octant = OCTANTS[round(angle / 45) % 8]
    return RegionMotion(name, float(length.mean()), float(length.max()), octant, angle, head)
