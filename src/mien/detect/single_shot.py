"""Shared parts of single-shot detectors: one canvas per size, and merging of the results."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mien.geometry import nms
from mien.types import Face, Floats, Pixels

# px on a canvas of the smallest face that is found reliably: two cells of the finest map. The
# detectors were trained on WIDER FACE, whose small faces have 10 to 50 px.
LEAST = 16
# (N, 4) boxes, (N,) scores, (N, 5, 2) points, all in canvas pixels
Shot = tuple[Floats, Floats, Floats]


def detect_at(
    image: Pixels,
    sizes: Sequence[int],
    run: Callable[[Pixels], Shot],
    *,
    name: str,
    min_score: float,
    max_overlap: float,
    multiple: int | None = None,
) -> list[Face]:
    """Run a detector on the image at several sizes and merge the results.

    Args:
        image: (H, W, 3).
        sizes: px of the longer side of each canvas. A large canvas finds small faces; a small one
            finds faces that fill the image, which a large canvas shows larger than any face
            the network was trained on.
        run: one (H', W', 3) canvas -> its Shot.
        name: the card, stored in each face.
        min_score: faces with a lower score are dropped.
        max_overlap: intersection over union above which two boxes are one face.
        multiple: pad both sides of the canvas to multiples of this; None: to a square.

    Returns:
        Faces in pixels of `image`, highest score first.
    """
    boxes, scores, points = ([np.empty(s, np.float32)] for s in ((0, 4), (0,), (0, 5, 2)))
    for size in dict.fromkeys(sizes):
        sheet, scale = canvas(image, size, multiple)
        shot = run(sheet)
        sure = shot[1] >= min_score
        boxes.append(shot[0][sure] / scale)
        scores.append(shot[1][sure])
        points.append(shot[2][sure] / scale)
    box, score, point = (
        np.concatenate(part).astype(np.float32) for part in (boxes, scores, points)
    )
    keep = nms(box, score, max_overlap)
    return [Face(box[i], float(score[i]), point[i], detector=name) for i in keep]


def sizes_for(image: Pixels, sizes: Sequence[int], smallest: float | None) -> Sequence[int]:
    """Return the sizes of the canvases in which faces from `smallest` px on can be found.

    Args:
        image: (H, W, 3).
        sizes: the usual ones, the largest first.
        smallest: px of `image`; None: the usual sizes.
    """
    if smallest is None:
        return sizes
    return (round(max(image.shape[:2]) * LEAST / smallest), *sizes[1:])


def canvas(image: Pixels, size: int, multiple: int | None = None) -> tuple[Pixels, float]:
    """Scale the image so that its longer side is `size`; pad right and below with black.

    Returns:
        The canvas (H', W', 3), and canvas px per image px.
    """
    scale = size / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    if multiple is None:
        sheet = np.zeros((size, size, 3), np.uint8)
    else:
        tall, wide = (-(-side // multiple) * multiple for side in (height, width))
        sheet = np.zeros((tall, wide, 3), np.uint8)
    sheet[:height, :width] = cv2.resize(image, (width, height), interpolation=how)
    return sheet, scale


def grid(height: int, width: int, repeat: int = 1) -> Floats:
    """Return column and row of the cells of a map, row by row, each `repeat` times: (N, 2)."""
    rows, columns = np.mgrid[:height, :width]
    cells: Floats = np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float32)
    repeated: Floats = np.repeat(cells, repeat, axis=0)
    return repeated


def sigmoid(x: Floats) -> Floats:
    """Compute the logistic function without overflow."""
    result: Floats = (1 / (1 + np.exp(-np.clip(x, -80, 80)))).astype(np.float32)
    return result
