"""Measures over time of one face: whether it moves as one plane, and with what is around it."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.liveness.crops import window
from mien.media import resize_part
from mien.signals import (
    fit_plane,
    follow_points,
    grey_values,
    grid_strength,
    map_points,
    mean_colour,
    pattern_power,
    pulse_of,
)
from mien.signals.grids import SIDE as FINE_SIDE
from mien.types import Doubles, Floats, Pixels

ZOOM, SIDE = 2.2, 192  # times the box; px of the part that is compared, so a face has 87
LAG = 0.35  # s between compared frames: a hand moves a sheet by a few px
OUTER = 1.25  # times the box: where the surroundings begin
PAIRS = 4  # least number of compared frames
ENOUGH = 10  # compared frames, after which every second one is left out: medians hardly change
# Widths of the face that it must move between compared frames to be measured as a plane, and may.
# Below, noise decides; above, points are lost, and a street moves with its passers-by.
MOVED = (0.01, 0.3)
STILL = 0.002  # widths: faces of compressed films of a camera on a tripod move 0.005 or more
TOGETHER, BENT = 0.7, 0.15  # at least, and at most, of what moves as one sheet
GRID = 1.5  # decades: real faces have at most 1.1 (1.3 if pixels are doubled), see the guide
LOOKS, MOST_LOOKS = 4, 8  # frames in which a grid is looked for, at least and at most
WIDE_ENOUGH = 0.75  # of the square that is looked at: least side of the face
KEPT = 4_000  # colours of a track that are kept, the newest
# Why a measure is missing.
REASONS = {
    "too-short": "The face was seen for too short a time.",
    "too-still": "The face hardly moved.",
    "too-fast": "The face moved too fast.",
    "too-few-points": "Too few points of the face or around it could be followed.",
    "too-small": "The face is too small in the picture to show a pattern of pixels.",
    "too-few-frames": "A pulse needs 4 seconds with 12 frames per second.",
}
# What speaks for an attack.
SIGNS = {
    "still": "The face does not move at all, as on a sheet that nobody touches.",
    "grid": "A fine regular pattern covers the face, as the pixels of a screen.",
    "sheet": "The face and its surroundings move together as one plane, as a sheet in a hand.",
}


@dataclass(frozen=True, slots=True)
class Motion:
    """Measures of one face over time; None with a reason where one could not be taken."""

    seconds: float  # from the first to the last frame
    pairs: int  # of frames that were compared, 0.35 s apart
    moved: float | None  # median movement of the face, widths of the face per pair
    bent: float | None  # share of the movement that one plane does not explain
    together: float | None  # share of what the surroundings move that the plane of the face
    # explains: 1 for a sheet in a hand, 0 before a room that stands still
    grid: float | None  # decades by which the strongest regular pattern exceeds its surroundings
    pulse: float | None  # beats per minute of the strongest change of colour
    pulse_snr: float | None  # dB; noise has up to about 0
    reasons: dict[str, str] = field(default_factory=dict)  # measure -> code of REASONS

    @property
    def signs(self) -> tuple[str, ...]:
        """Return what speaks for an attack: codes of SIGNS."""
        found = []
        if self.moved is not None and self.moved < STILL:
            found.append("still")
        elif self.bent is not None and self.together is not None:
            sheet = self.together >= TOGETHER and self.bent <= BENT
            found += ["sheet"] * sheet
        if self.grid is not None and self.grid >= GRID:
            found.append("grid")
        return tuple(found)


# Measure -> what it is called, and its value as text.
MEASURES: dict[str, tuple[str, Callable[[float], str]]] = {
    "moved": ("moves by", lambda value: f"{value:.1%} of its width"),
    "bent": ("not explained by a plane", lambda value: f"{value:.0%}"),
    "together": ("with its surroundings", lambda value: f"{value:.0%}"),
    "grid": ("strongest regular pattern", lambda value: f"{value:.1f} decades"),
    "pulse": ("colour changes at", lambda value: f"{value:.0f}/min"),
    "pulse_snr": ("signal to noise", lambda value: f"{value:.1f} dB"),
}


class Pair(NamedTuple):
    """Two frames of one face, 0.35 s apart; lengths in widths of the face."""

    time: float
    moved: float
    residual: float
    around: float  # movement of the surroundings
    unexplained: float  # the same, less what the plane of the face does there


@dataclass(slots=True, eq=False)
class MotionRecorder:
    """Collect the measures of one track, frame by frame.

    The limits of a sheet were chosen on photographs that the renderer moves; see the guide.
    """

    pairs: list[Pair] = field(default_factory=list)
    _frames: deque[tuple[float, Pixels, Floats]] = field(default_factory=deque)
    _power: Doubles | None = None  # sum over frames of the power of fine patterns
    looks: int = 0  # frames in which a grid was looked for
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    _colours: deque[Doubles] = field(default_factory=lambda: deque(maxlen=KEPT))
    _dropped: int = 0
    _seen: int = 0
    _known: tuple[int, Motion] | None = None  # number of colours, and their result
    _count: int = 0

    def see(self, image: Pixels, box: Floats, time: float) -> None:
        """Take a frame in which the face was found; frames come in the order of time."""
        self._seen += 1
        while len(self._frames) > 1 and time - self._frames[1][0] >= LAG - 1e-3:
            self._frames.popleft()
        rested = len(self.pairs) >= ENOUGH and self._seen % 2
        if self._frames and not rested and time - self._frames[0][0] >= LAG - 1e-3:
            _, earlier, at = self._frames[0]
            pair = compare(earlier, image, at, time)
            self._dropped += pair is None
            if pair is not None:
                self.pairs.append(pair)
        self._frames.append((time, image, box))
        if self.looks < MOST_LOOKS:
            self._look(image, box)

    def _look(self, image: Pixels, box: Floats) -> None:
        """Add the power of fine patterns in the middle of a face that is large enough."""
        part = _middle(image.shape, box)
        if part is None:
            return
        left, top = part
        square = image[top : top + FINE_SIDE, left : left + FINE_SIDE]
        power = pattern_power(grey_values(square[None])[0])
        self._power = power if self._power is None else self._power + power
        self.looks += 1

    def see_colour(self, image: Pixels, box: Floats, time: float) -> None:
        """Take any frame; the box may be that of the frame before."""
        height, width = image.shape[:2]
        left, top, right, bottom = box.astype(np.float64)
        wide, high = right - left, bottom - top
        part = [left + 0.2 * wide, top + 0.2 * high, right - 0.2 * wide, bottom - 0.1 * high]
        x1, y1, x2, y2 = np.clip(part, 0, [width, height] * 2).astype(int).tolist()
        if x2 > x1 and y2 > y1:
            self._count += 1
            self._times.append(time)
            self._colours.append(mean_colour(image[y1:y2, x1:x2]))

    def result(self) -> Motion:
        """Return the measures of all frames so far."""
        if self._known is None or self._known[0] != self._count:
            self._known = self._count, self._measured()
        return self._known[1]

    def _measured(self) -> Motion:
        reasons: dict[str, str] = {}
        moved, bent, together = _plane(self.pairs, self._dropped, reasons)
        grid = None
        if self._power is not None and self.looks >= LOOKS:
            grid = grid_strength(self._power / self.looks)
        else:
            reasons["grid"] = "too-short" if self.looks else "too-small"
        times, colours = np.array(self._times), np.array(self._colours).reshape(-1, 3)
        found = pulse_of(times, colours)
        if found is None:
            reasons["pulse"] = "too-few-frames"
        return Motion(
            float(times[-1] - times[0]) if len(times) else 0.0,
            len(self.pairs),
            moved,
            bent,
            together,
            grid,
            found.rate if found else None,
            found.snr if found else None,
            reasons,
        )


def _middle(size: tuple[int, ...], box: Floats) -> tuple[int, int] | None:
    """Left and top of the square in the middle of a face; None if face or picture are too small."""
    if min(box[2:] - box[:2]) < WIDE_ENOUGH * FINE_SIDE or min(size[:2]) < FINE_SIDE:
        return None
    low = (box[:2].astype(np.float64) + box[2:]) / 2 - FINE_SIDE / 2
    left, top = np.clip(low, 0, [size[1] - FINE_SIDE, size[0] - FINE_SIDE]).astype(int).tolist()
    return left, top


def compare(before: Pixels, after: Pixels, box: Floats, time: float) -> Pair | None:
    """Compare two frames of a camera.

    Args:
        before: (H, W, 3).
        after: (H, W, 3), of the same size.
        box: (4,) of the face in the first one, px.
        time: of the second one, s.

    Returns:
        None if too few points of the face can be followed; `around` and `unexplained` are NaN if
        too few around it can.
    """
    if before.shape != after.shape:
        return None
    part = window(before.shape, box, ZOOM)
    first, second = grey_values(np.stack([resize_part(i, part, SIDE) for i in (before, after)]))
    face, around = _areas(part, box)
    width = float(box[2] - box[0]) * SIDE / (part[2] - part[0])
    of_face, (here, there) = follow_points(first, second, face, around)
    plane = fit_plane(*of_face)
    if plane is None:
        return None
    rest = (float("nan"), float("nan"))
    if len(here) >= PAIRS:
        left = there - map_points(plane.transform, here)
        rest = (_root(there - here) / width, _root(left) / width)
    return Pair(time, plane.motion / width, plane.residual / width, *rest)


def _areas(
    part: tuple[int, int, int, int], box: Floats
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(SIDE, SIDE) where the face is, and where its surroundings are."""
    low, high = np.array(part[:2], np.float64), np.array(part[2:], np.float64)
    scale = SIDE / (high - low)
    middle = ((box[:2] + box[2:]) / 2 - low) * scale
    half = (box[2:] - box[:2]) / 2 * scale
    x, y = (abs(np.arange(SIDE) - middle[k]) / half[k] for k in (0, 1))
    return np.maximum.outer(y, x) <= 1, np.maximum.outer(y, x) >= OUTER


def _root(moved: Doubles) -> float:
    return float(np.sqrt((moved**2).sum(1).mean()))


def _plane(
    pairs: Sequence[Pair], dropped: int, reasons: dict[str, str]
) -> tuple[float | None, float | None, float | None]:
    """Movement, what a plane does not explain, and the share of the surroundings."""
    if len(pairs) < PAIRS:
        few = "too-few-points" if dropped > len(pairs) else "too-short"
        reasons.update(dict.fromkeys(("moved", "bent", "together"), few))
        return None, None, None
    moved = float(np.median([one.moved for one in pairs]))
    moving = [one for one in pairs if MOVED[0] <= one.moved <= MOVED[1]]
    if len(moving) < PAIRS:
        reason = "too-fast" if moved > MOVED[1] else "too-still"
        reasons.update(dict.fromkeys(("bent", "together"), reason))
        return moved, None, None
    bent = float(np.median([one.residual / one.moved for one in moving]))
    around = [one for one in moving if np.isfinite(one.unexplained)]
    if len(around) < PAIRS:
        reasons["together"] = "too-few-points"
        return moved, bent, None
    shares = [1 - one.unexplained / max(one.unexplained, one.around, one.moved) for one in around]
    return moved, bent, float(np.median(shares))
