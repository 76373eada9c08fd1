"""Drawing of measures on an image: points, lines, axes, rays, and bars beside the face."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.media.fonts import text_mask
from mien.media.writing import check_image
from mien.types import Doubles, Floats, Pixels

Colour = tuple[int, int, int]  # red, green, blue
# Distinguishable with all colour vision. Source: Okabe and Ito, "Color universal design", 2008.
ORANGE, SKY, GREEN, BLUE, RED = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (0, 114, 178), (213, 94, 0),
)  # fmt: skip
INK: Colour = (22, 26, 30)
PAPER: Colour = (255, 255, 255)
SHIFT = 4  # OpenCV draws at 1/16 px
ROOMY = 16  # maximum number of bars beside a face
SMALLER = 0.86  # size of bar text as a share of that of the label
Place = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, slots=True, eq=False)
class Bar:
    """One number beside a face."""

    name: str
    share: float  # filled share of the bar, in [0, 1]; NaN: missing
    text: str
    colour: Colour = SKY


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The drawing for one face; px of the image."""

    box: Floats  # (4,) the bars are placed beside it
    label: str = ""
    dots: Floats | None = None  # (N, 2)
    lines: Sequence[Floats] = ()  # each (N, 2), open
    arrows: Sequence[tuple[Doubles, Doubles, Colour]] = ()  # from, to
    bars: Sequence[Bar] = field(default=())


def draw_overlays(image: Pixels, overlays: Sequence[Overlay], note: str = "") -> Pixels:
    """Draw on a copy of an image; lines and letters scale with the faces and the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        overlays: one per face.
        note: a line in the corner, such as the reason why nothing is drawn.
    """
    check_image(image)
    canvas = np.array(image)
    size = float(np.clip(max(image.shape[:2]) / 54, 11, 34))
    for one in overlays:
        _lines(canvas, one)
    taken: list[Place] = [_corners(one.box) for one in overlays]
    for one in sorted(overlays, key=lambda each: -float(each.box[3] - each.box[1])):
        _panel(canvas, one, size, taken)
    if note:
        mask = text_mask(note, size)
        pad = round(0.5 * size)
        _plate(canvas, pad, pad, mask.shape[1] + 2 * pad, mask.shape[0] + pad)
        _text(canvas, note, 2 * pad, pad + pad // 2, size, PAPER)
    return canvas


def _lines(canvas: Pixels, one: Overlay) -> None:
    wide = float(one.box[2] - one.box[0])
    thick = max(1, round(wide / 160))
    layer = canvas.copy()
    if one.dots is not None:
        radius = max(0.6, wide / 260)
        for point in one.dots:
            cv2.circle(
                layer, _fixed(point), round(radius * 16), PAPER, cv2.FILLED, cv2.LINE_AA, SHIFT
            )
    for line in one.lines:
        path = np.rint(line * (1 << SHIFT)).astype(np.int32)[:, None]
        cv2.polylines(layer, [path], False, SKY, thick, cv2.LINE_AA, SHIFT)
    cv2.addWeighted(layer, 0.7, canvas, 0.3, 0, dst=canvas)
    for start, end, colour in one.arrows:
        for width, ink in ((thick + 2, INK), (thick, colour)):
            cv2.arrowedLine(
                canvas, _fixed(start), _fixed(end), ink, width, cv2.LINE_AA, SHIFT, 0.16
            )


def _panel(canvas: Pixels, one: Overlay, size: float, taken: list[Place]) -> None:
    """Draw label and bars on a dark plate beside the face; only the label if space is short."""
    size = min(size, max(11.0, 0.075 * float(one.box[3] - one.box[1])))
    bars = list(one.bars)[:ROOMY]
    for chosen in (bars, []):
        plate = _sized(one.label, chosen, size)
        place = _placed(one.box, plate, canvas.shape, taken) if plate else None
        if place is not None:
            taken.append(place)
            _write(canvas, one.label, chosen, place, size)
            return


@dataclass(frozen=True, slots=True)
class _Plate:
    """Sizes of a plate, px."""

    wide: int
    tall: int


def _sized(label: str, bars: list[Bar], size: float) -> _Plate | None:
    """Return the size of a plate; None if there is nothing to write."""
    if not label and not bars:
        return None
    pad, row = _spaces(size)
    widths = [text_mask(label, size).shape[1]] if label else []
    if bars:
        names, numbers, track = _widths(bars, size)
        widths.append(names + numbers + track + 2 * pad)
    return _Plate(max(widths) + 2 * pad, 2 * pad + row * (len(bars) + bool(label)))


def _spaces(size: float) -> tuple[int, int]:
    """Return the padding of the text and the line height in px."""
    return round(0.6 * size), round(1.35 * size)


def _widths(bars: list[Bar], size: float) -> tuple[int, int, int]:
    """Return the widths of names, numbers and bars in px."""
    names = max(text_mask(bar.name, SMALLER * size).shape[1] for bar in bars)
    numbers = max(text_mask(bar.text, SMALLER * size).shape[1] for bar in bars)
    return names, numbers, round(5 * size)


def _placed(box: Floats, plate: _Plate, shape: tuple[int, ...], taken: list[Place]) -> Place | None:
    """Return a free place beside, below or above a face; None if there is none."""
    height, width = shape[:2]
    left, top, right, bottom = (float(side) for side in box)
    gap = 4
    wishes = (
        (right + gap, top), (left - gap - plate.wide, top),
        (left, bottom + gap), (left, top - gap - plate.tall),
        (right - plate.wide, bottom + gap),
    )  # fmt: skip
    for x, y in wishes:
        x, y = round(x), round(min(max(y, 0), height - plate.tall))
        place = (x, y, x + plate.wide, y + plate.tall)
        inside = x >= 0 and y >= 0 and place[2] <= width and place[3] <= height
        if inside and not any(_meet(place, other) for other in taken):
            return place
    return None


def _corners(box: Floats) -> Place:
    """Return the inner part of the box of a face: plates may touch its rim."""
    left, top, right, bottom = (float(side) for side in box)
    rim = 0.04 * (right - left)
    return round(left + rim), round(top + rim), round(right - rim), round(bottom - rim)


def _meet(a: Place, b: Place) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _write(canvas: Pixels, label: str, bars: list[Bar], place: Place, size: float) -> None:
    x, y, right, bottom = place
    pad, row = _spaces(size)
    _plate(canvas, x, y, right - x, bottom - y)
    top = y + pad
    if label:
        _text(canvas, label, x + pad, top, size, PAPER)
        top += row
    if not bars:
        return
    names, _, track = _widths(bars, size)
    start, half = x + 2 * pad + names, max(2, round(0.2 * size))
    for bar in bars:
        _text(canvas, bar.name, x + pad, top, SMALLER * size, PAPER)
        middle = top + round(0.55 * size)
        _fill(canvas, start, middle, track, half, (82, 88, 94))
        if np.isfinite(bar.share):
            length = round(track * min(max(bar.share, 0.0), 1.0))
            _fill(canvas, start, middle, length, half, bar.colour)
        _text(canvas, bar.text, start + track + pad, top, SMALLER * size, PAPER)
        top += row


def _fill(canvas: Pixels, x: int, y: int, length: int, half: int, colour: Colour) -> None:
    cv2.rectangle(canvas, (x, y - half), (x + length, y + half), colour, cv2.FILLED)


def _plate(canvas: Pixels, x: int, y: int, wide: int, tall: int) -> None:
    area = canvas[y : y + tall, x : x + wide]
    area[:] = np.rint(area * 0.22 + np.array(INK) * 0.78).astype(np.uint8)


def _text(canvas: Pixels, text: str, x: int, y: int, size: float, colour: Colour) -> None:
    mask = text_mask(text, size)
    area = canvas[y : y + mask.shape[0], x : x + mask.shape[1]]
    share = mask[: area.shape[0], : area.shape[1], None].astype(np.float32) / 255
    area[:] = np.rint(area + (np.array(colour, np.float32) - area) * share).astype(np.uint8)


def _fixed(point: Floats | Doubles) -> tuple[int, int]:
    return round(float(point[0]) * (1 << SHIFT)), round(float(point[1]) * (1 << SHIFT))
