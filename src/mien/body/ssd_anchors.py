"""Shared parts of palm and body detectors: square canvas, anchors, one box per object.

Source: MediaPipe's graphs palm_detection and pose_detection.
"""

from collections.abc import Sequence

import numpy as np

from mien.geometry import back, iou, region
from mien.media import warp
from mien.runtime import LiteSession
from mien.types import Floats, Pixels

OVERLAP = 0.3  # intersection over union above which two boxes are one object; as in MediaPipe


def anchors(side: int, maps: Sequence[tuple[int, int]]) -> Floats:
    """Return the centres of all cells, (A, 2) px, from stride and anchors per cell of each map."""
    cells = []
    for stride, count in maps:
        middles = (np.arange(side // stride) + 0.5) * stride
        x, y = np.meshgrid(middles, middles)
        cells.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), count, axis=0))
    return np.concatenate(cells).astype(np.float32)


def detect(
    session: LiteSession, image: Pixels, cells: Floats, *, symmetric: bool, min_score: float
) -> tuple[Floats, Floats]:
    """Detect objects in one image.

    Args:
        session: graph of a square (1, S, S, 3) input that returns (1, A, 4 + 2 K) numbers per cell,
            px of the canvas from its centre, and (1, A, 1) logits.
        image: (H, W, 3).
        cells: (A, 2) centres, from `anchors`.
        symmetric: whether the graph takes -1 to 1; else 0 to 1.
        min_score: objects with a lower score are dropped.

    Returns:
        (N,) scores in [0, 1], best first, and (N, 2 + K, 2) points in px of the image: left top
        and right bottom corner of the box, then the K points.
    """
    height, width = image.shape[:2]
    side = int(session.shapes[0][1])
    matrix = region(np.array([width / 2, height / 2], np.float32), max(height, width), 0, side)
    # Without averaging, as in MediaPipe: an averaged canvas halves palm scores; some are missed.
    sheet = warp(image, matrix, side, average=False).astype(np.float32)
    answers = session((sheet / 127.5 - 1 if symmetric else sheet / 255)[None])
    logits, values = sorted((a[0] for a in answers.values()), key=lambda a: a.shape[-1])
    scores = (1 / (1 + np.exp(-np.clip(logits[:, 0], -80, 80)))).astype(np.float32)
    keep = scores >= min_score
    scores, values, cells = scores[keep], values[keep], cells[keep]
    middle, half = cells + values[:, :2], values[:, 2:4] / 2
    spots = cells[:, None] + values[:, 4:].reshape(len(values), (values.shape[1] - 4) // 2, 2)
    points = np.concatenate([(middle - half)[:, None], (middle + half)[:, None], spots], axis=1)
    return blended(scores, back(points, matrix))


def blended(scores: Floats, points: Floats) -> tuple[Floats, Floats]:
    """Merge each group of overlapping boxes to its mean, weighted by score.

    Args:
        scores: (N,).
        points: (N, M, 2); the first two are corners of the box.

    Returns:
        Scores, best first, and (G, M, 2) points.
    """
    left = np.argsort(-scores, kind="stable")
    best: list[float] = []
    means: list[Floats] = []
    while left.size:
        boxes = points[left, :2].reshape(-1, 4)
        near = iou(boxes[:1], boxes)[0] > OVERLAP
        near[0] = True
        group = left[near]
        best.append(float(scores[group[0]]))
        means.append(np.average(points[group], axis=0, weights=scores[group]))
        left = left[~near]
    shape = (len(means), *points.shape[1:])
    return np.array(best, np.float32), np.array(means, np.float32).reshape(shape)
