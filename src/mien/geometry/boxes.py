"""Boxes: left, top, right, bottom in pixels."""

from typing import Literal

import numpy as np

from mien.types import Floats

BLOCK = 128  # boxes compared with each other at once


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each box of `a` with each box of `b`.

    Args:
        a: (N, 4) left, top, right, bottom.
        b: (M, 4) left, top, right, bottom.

    Returns:
        (N, M) in [0, 1]; 0 where both boxes are empty.
    """
    return overlap(a, b, "union")


def overlap(a: Floats, b: Floats, over: Literal["union", "smaller"]) -> Floats:
    """Intersection of each box of `a` with each box of `b`, as a share.

    Args:
        a: (N, 4) left, top, right, bottom.
        b: (M, 4) left, top, right, bottom.
        over: the share is of the union, or of the smaller box.

    Returns:
        (N, M) in [0, 1]; 0 where both boxes are empty.
    """
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    (left_a, top_a, right_a, bottom_a), (left_b, top_b, right_b, bottom_b) = a.T[..., None], b.T
    width = np.minimum(right_a, right_b) - np.maximum(left_a, left_b)  # (N, M)
    height = np.minimum(bottom_a, bottom_b) - np.maximum(top_a, top_b)
    both = np.maximum(width, 0) * np.maximum(height, 0)
    area_a, area_b = ((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b))
    if over == "union":
        whole = area_a[:, None] + area_b[None, :] - both
    else:
        whole = np.minimum(area_a[:, None], area_b[None, :])
    shares: Floats = np.divide(both, whole, out=np.zeros_like(both), where=whole > 0)
    return shares


def nms(
    boxes: Floats, scores: Floats, max_overlap: float, over: Literal["union", "smaller"] = "union"
) -> list[int]:
    """Keep the best of each group of overlapping boxes.

    Args:
        boxes: (N, 4) left, top, right, bottom.
        scores: (N,) higher is better.
        max_overlap: overlap above which the weaker box is dropped, in [0, 1].
        over: the overlap is a share of the union, or of the smaller box (so that a box
            inside a larger one is dropped too).

    Returns:
        Indices of the kept boxes, best first; of equal scores the earlier one first.
    """
    left = np.argsort(-np.asarray(scores), kind="stable")
    keep: list[int] = []
    while left.size:
        # A block of the best at once: one call for many boxes, and never N x N numbers.
        block, left = left[:BLOCK], left[BLOCK:]
        rivals = overlap(boxes[block], boxes[block], over) > max_overlap
        alive = np.ones(len(block), bool)
        for i in range(len(block)):
            if alive[i]:
                alive[i + 1 :] &= ~rivals[i, i + 1 :]
        kept = block[alive]
        keep += kept.tolist()
        if left.size:
            left = left[(overlap(boxes[kept], boxes[left], over) <= max_overlap).all(axis=0)]
    return keep


def square(boxes: Floats) -> Floats:
    """Grow each (N, 4) box about its centre to a square of its longer side."""
    side = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.hstack([centre - side[:, None] / 2, centre + side[:, None] / 2]).astype(np.float32)
