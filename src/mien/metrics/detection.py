"""Measure face detection: found boxes against labelled boxes.

Boxes are left, top, right, bottom in pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles

OVERLAP = 0.5  # intersection over union that counts as found. Source: PASCAL VOC; WIDER FACE

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The result of matching the boxes of one image."""

    scores: Doubles  # (D,) of the boxes that were found and count, falling
    right: Flags  # (D,) whether each is on a face
    found: Flags  # (G,) whether each face that counts was found


def match_boxes(
    found: Doubles,
    scores: Doubles,
    truth: Doubles,
    ignore: Flags | None = None,
    overlap: float = OVERLAP,
) -> Matched:
    """Assign each found box to a face, the most confident box first.

    Args:
        found: (D, 4) boxes that a detector returned.
        scores: (D,) its confidence.
        truth: (G, 4) boxes of the faces.
        ignore: (G,) faces that neither count as missed nor make a box on them wrong.
        overlap: intersection over union that must be reached.

    Returns:
        Each box is assigned to the best face not yet taken; a second box on a face is wrong. A box
        that fits no face that counts, but one to be ignored, is left out.

    Source: PASCAL VOC, Everingham et al., IJCV 88, 2010, section 4.2; ignored faces as in
        WIDER FACE, Yang et al., arXiv:1511.06523.
    """
    for name, boxes in (("found", found), ("true", truth)):
        if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
            raise MienError(f"A {name} box is not left, top, right, bottom: {boxes.tolist()[:3]}.")
    passed = np.zeros(len(truth), bool) if ignore is None else ignore
    order = np.argsort(-scores, kind="stable")
    shares = overlaps(found[order], truth)  # (D, G)
    taken = np.zeros(len(truth), bool)
    right, kept = np.zeros(len(order), bool), np.ones(len(order), bool)
    for row in range(len(order)):
        open_to = np.where(taken | passed, -1.0, shares[row])
        best = int(open_to.argmax()) if open_to.size else -1
        if best >= 0 and open_to[best] >= overlap:
            taken[best] = right[row] = True
        elif (shares[row][passed] >= overlap).any():
            kept[row] = False
    return Matched(scores[order][kept], right[kept], taken[~passed])


def average_precision(pictures: list[Matched]) -> float:
    """Area under precision against recall.

    Args:
        pictures: at least one with a face.

    Returns:
        In [0, 1], higher is better. Precision at a recall is the best at that recall or any
        higher one; boxes of equal confidence are accepted together.

    Source: PASCAL VOC 2010 and later (every recall, no eleven points).
    """
    recall, precision, _ = precision_recall(pictures)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))


def precision_recall(pictures: list[Matched]) -> tuple[Doubles, Doubles, Doubles]:
    """Recall (rising), precision and the score that must be reached, one a distinct score."""
    faces = sum(p.found.size for p in pictures)
    if not faces:
        raise TooFewTrialsError(
            "No image has a face that counts, so there is nothing to find; add labelled faces."
        )
    scores = np.concatenate([p.scores for p in pictures])
    right = np.concatenate([p.right for p in pictures])
    order = np.argsort(-scores, kind="stable")
    hits, boxes = np.cumsum(right[order]), np.arange(1, scores.size + 1)
    last = np.flatnonzero(np.diff(scores[order], append=-np.inf))  # ties end here
    return hits[last] / faces, hits[last] / boxes[last], scores[order][last]


def overlaps(a: Doubles, b: Doubles) -> Doubles:
    """(D, G) intersection over union; of two boxes without area 0."""
    low, high = (
        np.maximum(a[:, None, :2], b[None, :, :2]),
        np.minimum(a[:, None, 2:], b[None, :, 2:]),
    )
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    sizes = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    union = sizes[0][:, None] + sizes[1][None] - inter
    shares: Doubles = np.divide(inter, union, out=np.zeros(inter.shape), where=union > 0)
    return shares
