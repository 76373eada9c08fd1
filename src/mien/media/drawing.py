"""Drawing of faces on an image: box, points and label."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mien.media.fonts import text_mask
from mien.media.writing import check_image
from mien.types import Face, Floats, Pixels

Colour = tuple[int, int, int]  # red, green, blue

# Distinguishable with any kind of colour vision. Source: Okabe and Ito, "Color universal design",
# 2008. Grey is their black, lightened, since black boxes are invisible in dark images.
_COLOURS: dict[str | None, Colour] = {
    "match": (0, 158, 115),
    "review": (230, 159, 0),
    "unknown": (170, 170, 170),
    None: (86, 180, 233),  # no decision
}
_INK: Colour = (22, 26, 30)
_PAPER: Colour = (255, 255, 255)
_SHIFT = 4  # OpenCV draws at 1/16 px

Box = tuple[float, float, float, float]


def draw_faces(image: Pixels, faces: Iterable[Face], labels: Sequence[str] | None = None) -> Pixels:
    """Draw boxes, points and labels on a copy of an image.

    Lines and letters scale with the image, so their relative size is constant. Colours show the
    decision: green match, orange review, grey unknown, blue no decision.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: with boxes in px of the image.
        labels: one per face, "" for none. Default: from the decision: "Ada", "Ada?" for a review,
            "unknown"; no label for a face without a decision.

    Returns:
        (H, W, 3) a new image. Labels are inside the image; long ones end in "…".

    Raises:
        ValueError: the numbers of labels and faces differ.
    """
    check_image(image)
    faces = list(faces)
    texts = [_label(face) for face in faces] if labels is None else list(labels)
    canvas = np.array(image)
    unit = max(image.shape[:2]) / 1000
    line = max(2.6 * unit, min(2.0, 8 * unit))
    for face in faces:
        _draw_face(canvas, face, line)
    taken: list[Box] = []
    size = _text_size(faces, unit)
    for face, text in zip(faces, texts, strict=True):
        if text:
            _draw_label(canvas, face, text, size, line, taken)
    return canvas


def _text_size(faces: list[Face], unit: float) -> float:
    """Return the text height in px; unit is a thousandth of the longer side.

    It is a sixth of the median face, within limits that keep text legible and faces visible.
    """
    heights = [float(face.box[3] - face.box[1]) for face in faces] or [0.0]
    return float(np.clip(0.16 * np.median(heights), max(11.0, 15 * unit), max(12.0, 30 * unit)))


def _label(face: Face) -> str:
    decision = face.decision
    if decision is None:
        return ""
    if decision.likely is None:
        return decision.outcome
    return decision.likely + ("?" if decision.outcome == "review" else "")


def _colour(face: Face) -> Colour:
    return _COLOURS[face.decision.outcome if face.decision else None]


def _draw_face(canvas: Pixels, face: Face, line: float) -> None:
    """Draw box and points with a dark rim, which is visible on any background."""
    outline = _rounded(face.box)
    for width, colour in ((line + 2, _INK), (line, _colour(face))):
        cv2.polylines(canvas, [outline], True, colour, round(width), cv2.LINE_AA, _SHIFT)
    if face.points is None:
        return
    wide = float(face.box[2] - face.box[0])
    radius = min(1.1 * line, max(0.7, 0.02 * wide))  # dots do not cover small faces
    for point in face.points[np.isfinite(face.points).all(axis=1)]:
        centre = _fixed(point)
        for size, colour in ((radius + min(0.4 * line, 0.012 * wide), _INK), (radius, _PAPER)):
            size16 = round(size * (1 << _SHIFT))
            cv2.circle(canvas, centre, size16, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _rounded(box: Floats) -> NDArray[np.int32]:
    """Return the outline of a box with round corners, (N, 1, 2), in OpenCV's fixed point."""
    left, top, right, bottom = (float(side) for side in box)
    radius = 0.06 * min(right - left, bottom - top)
    bend = np.linspace(0, np.pi / 2, 9)
    corners = [
        (left + radius, top + radius, np.pi),
        (right - radius, top + radius, np.pi * 1.5),
        (right - radius, bottom - radius, 0.0),
        (left + radius, bottom - radius, np.pi / 2),
    ]
    path = [
        np.stack([x + radius * np.cos(bend + start), y + radius * np.sin(bend + start)], axis=1)
        for x, y, start in corners
    ]
    return np.rint(np.concatenate(path) * (1 << _SHIFT)).astype(np.int32)[:, None]


def _fixed(point: Floats) -> tuple[int, int]:
    return round(float(point[0]) * (1 << _SHIFT)), round(float(point[1]) * (1 << _SHIFT))


def _draw_label(
    canvas: Pixels, face: Face, text: str, size: float, line: float, taken: list[Box]
) -> None:
    """Draw a dark plate with a stripe in the colour of the face, and the text."""
    height, width = canvas.shape[:2]
    pad, stripe = round(0.45 * size), max(2, round(0.22 * size))
    room = width - 3 * pad - stripe
    mask = _fitting(text, size, room)
    if mask is None or mask.shape[0] > height:
        return  # the image is too small for one letter
    tall, wide = mask.shape[0], mask.shape[1] + 3 * pad // 2 + stripe
    left, top = _place(face.box, (wide, tall), (width, height), line, taken)
    taken.append((left, top, left + wide, top + tall))
    area = canvas[top : top + tall, left : left + wide]
    plate = _plate(wide, tall, max(2, round(0.2 * size)))
    _blend(area, _INK, plate * np.float32(0.86))
    _blend(area[:, :stripe], _colour(face), plate[:, :stripe])
    start = stripe + round(0.75 * pad)
    _blend(
        area[:, start : start + mask.shape[1]], _PAPER, mask.astype(np.float32) / np.float32(255)
    )


def _fitting(text: str, size: float, room: int) -> Pixels | None:
    """Return the mask of a text, shortened to at most `room` px; None if nothing fits."""
    mask = text_mask(text, size)
    if mask.shape[1] <= room:
        return mask
    keep = len(text)
    while mask.shape[1] > room:
        keep = min(keep - 1, int(keep * room / mask.shape[1]) + 1)
        if keep < 1 or room < 1:
            return None
        mask = text_mask(text[:keep].rstrip() + "…", size)
    return mask


def _place(
    box: Floats, plate: tuple[int, int], picture: tuple[int, int], line: float, taken: list[Box]
) -> tuple[int, int]:
    """Return left and top of a plate inside the image, without overlap if possible."""
    wide, tall = plate
    gap = line / 2 + 1
    lefts = (float(box[0]) - gap, float(box[2]) + gap - wide)
    tops = (float(box[1]) - gap - tall, float(box[3]) + gap, float(box[1]) + line)
    choices: list[tuple[float, bool, int, int, int]] = []
    for wish in tops:
        top = round(min(max(wish, 0), picture[1] - tall))
        for side in lefts:
            left = round(min(max(side, 0), picture[0] - wide))
            moved = abs(top - wish) + 0.01 * abs(left - lefts[0])
            clash = sum(_shared((left, top, left + wide, top + tall), other) for other in taken)
            choices.append((clash, moved > tall / 4, len(choices), left, top))
    *_, left, top = min(choices)
    return left, top


def _shared(a: Box, b: Box) -> float:
    """Return the intersection of two boxes in px."""
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(wide, 0) * max(tall, 0)


def _plate(wide: int, tall: int, radius: int) -> Floats:
    """Return the coverage (tall, wide) in [0, 1] of a rounded rectangle, 4 x oversampled."""
    large = Image.new("L", (4 * wide, 4 * tall))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, 4 * wide - 1, 4 * tall - 1), 4 * radius, 255)
    return np.asarray(large.reduce(4), np.float32) / np.float32(255)


def _blend(area: Pixels, colour: Colour, share: Floats) -> None:
    """Blend a colour into (h, w, 3) pixels in place; share is (h, w) in [0, 1]."""
    ink = np.array(colour, np.float32)
    area[:] = np.rint(area + (ink - area) * share[..., None]).astype(np.uint8)
