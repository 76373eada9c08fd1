"""Segments of a clip, and the scores of segments as scores of frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.media import write_bytes
from mien.types import Doubles

WINDOW, HOP, TAIL = 4.0, 2.0, 1.0  # s; a last segment shorter than TAIL is dropped


def segments(duration: float) -> list[tuple[float, float]]:
    """Begin and end of each segment of a clip, s; a clip shorter than TAIL is one segment.

    Source: windows and tail as in the code of SMIL-SPCRAS/ICCVW_25.
    """
    found: list[tuple[float, float]] = []
    begin = 0.0
    while begin < duration:
        end = min(begin + WINDOW, duration)
        if end - begin >= TAIL or not found:
            found.append((begin, end))
        if end >= duration:
            break
        begin += HOP
    return found


def per_frame(spans: Sequence[tuple[float, float]], scores: Doubles, times: Doubles) -> Doubles:
    """(T, K) scores of frames: the mean of the segments that they lie in.

    A frame without a segment takes the scores of the frame before it.

    Args:
        spans: (S,) begin and end, s.
        scores: (S, K).
        times: (T,) s, rising.
    """
    begin, end = np.array(spans).T
    inside = (times[:, None] >= begin - 1e-9) & (times[:, None] <= end + 1e-9)
    found = inside @ scores / np.maximum(1, inside.sum(1))[:, None]
    last = np.maximum.accumulate(np.where(inside.any(1), np.arange(len(times)), 0))
    return np.asarray(found[last])


def write_predictions(
    path: Path, images: Sequence[str], scores: Doubles, names: Sequence[str]
) -> None:
    """The table that the ABAW challenge asks for: image_location, names; one class per line."""
    lines = [",".join(["image_location", *names])]
    lines += [f"{image},{row}" for image, row in zip(images, scores.argmax(1), strict=True)]
    write_bytes(path, ("\n".join(lines) + "\n").encode())
