"""Evaluate a detector: found boxes against labelled boxes, or images with exactly one face."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.contracts import Detector
from mien.datasets.boxes import Boxed
from mien.detect import Turns, detect_with_retries
from mien.errors import ImageError, MienError
from mien.evaluate.originals import require_originals
from mien.media import read_image
from mien.metrics import Clusters, Estimate, average_precision, match_boxes, precision_recall
from mien.metrics.detection import OVERLAP, Flags, Matched
from mien.metrics.findings import Curve, Fact, Findings, Plot, Table, thinned
from mien.types import Doubles, OnStep

Rows = NDArray[np.int64]
NOTES = (
    "A box is correct if it overlaps a face by half of their union; the most confident box "
    "comes first, a second one on the same face is wrong. Faces marked to be ignored "
    "do not count.",
    "Intervals count images: faces of one image are not independent.",
)
HEIGHTS = (0, 16, 32, 64, 128, 10**9)  # px of the face, for the table by size


def detect_boxes(
    pictures: Sequence[Boxed],
    detector: Detector,
    *,
    data: str,
    turns: Turns = "never",
    overlap: float = OVERLAP,
    basis: tuple[tuple[str, str], ...] = (),
    on_step: OnStep | None = None,
) -> Findings:
    """Evaluate a detector on images whose faces are all labelled.

    Args:
        pictures: with boxes; an image that cannot be read counts as one in which nothing is
            found.
        detector: any.
        data: which images these are, in a sentence.
        turns: whether images are rotated to find faces.
        overlap: intersection over union that counts as found.
        basis: models, command line, ...
        on_step: called after each image.
    """
    require_originals(one.path for one in pictures)
    matched: list[Matched] = []
    heights, unread = [], 0
    for number, one in enumerate(pictures, 1):
        try:
            faces = detect_with_retries(detector, read_image(one.path), turns).faces
        except ImageError:
            faces, unread = [], unread + 1
        boxes = np.array([face.box for face in faces], np.float64).reshape(-1, 4)
        scores = np.array([face.score for face in faces], np.float64)
        matched.append(match_boxes(boxes, scores, one.boxes, one.ignore, overlap))
        heights.append((one.boxes[:, 3] - one.boxes[:, 1])[~one.ignore])
        if on_step:
            on_step("pictures", number, len(pictures))
    found, where = np.concatenate([m.found for m in matched]), _pictures(matched)
    right = np.concatenate([m.right for m in matched])
    recall, precision, _ = precision_recall(matched)
    missed = Clusters(where).share(~found)
    wrong = np.array([int((~m.right).sum()) for m in matched], np.float64)
    false = Clusters(np.arange(len(matched))).mean(wrong)
    return Findings(
        "Detection: are the faces found?",
        f"{found.size:,} faces in {len(pictures):,} images of {data}.",
        (
            Fact("faces missed", missed, "rate", f"overlap below {overlap:g}"),
            Fact("wrong boxes a picture", false, "number", "boxes that are on no face"),
            Fact("average precision", Estimate(average_precision(matched)), "number",
                 "area under precision and recall, 1 is perfect"),
            Fact("precision", Estimate(float(right.mean()) if right.size else float("nan")),
                 "rate", "boxes that are on a face"),
        ),
        (_by_height(found, np.concatenate(heights), where),),
        (_curve(recall, precision), _false_alarms(matched)),
        (f"{unread} images cannot be read; their faces count as missed.",) if unread else (),
        NOTES,
        basis,
    )  # fmt: skip


def detect_single(
    pictures: Sequence[Path],
    detector: Detector,
    *,
    data: str,
    turns: Turns = "when-needed",
    basis: tuple[tuple[str, str], ...] = (),
    on_step: OnStep | None = None,
) -> Findings:
    """Evaluate a detector on images with exactly one face each, without boxes."""
    if not pictures:
        raise MienError("There are no images to evaluate; name a folder of portraits.")
    require_originals(pictures)
    counts: list[int] = []
    reasons: list[str] = []
    for number, path in enumerate(pictures, 1):
        try:
            detection = detect_with_retries(detector, read_image(path), turns)
            counts.append(len(detection.faces))
            reasons.append(detection.reason or "")
        except ImageError:
            counts.append(0)
            reasons.append("unreadable")
        if on_step:
            on_step("pictures", number, len(pictures))
    number_of = np.array(counts)
    each = Clusters(np.arange(number_of.size))
    found_reasons = sorted({r for r in reasons if r})
    return Findings(
        "Detection: are the faces found?",
        f"{number_of.size:,} images of {data}, each known to show one face.",
        (
            Fact("no face found", each.share(number_of == 0), "rate", "failure to detect"),
            Fact("more than one found", each.share(number_of > 1), "rate", "somebody in the "
                 "background, or a wrong box"),
        ),
        (
            Table(
                "Reasons why nothing was found",
                (("Reason", "text"), ("Pictures", "count")),
                tuple((reason, reasons.count(reason)) for reason in found_reasons),
            ),
        ),
        notes=("The truth is the statement of the data set: one face per image, no box.",),
        basis=basis,
    )  # fmt: skip


def _pictures(matched: Sequence[Matched]) -> Rows:
    """(G,) number of the image of each face."""
    return np.repeat(np.arange(len(matched)), [m.found.size for m in matched])


def _by_height(found: Flags, heights: Doubles, where: Rows) -> Table:
    rows = []
    for low, high in pairwise(HEIGHTS):
        inside = (heights >= low) & (heights < high)
        if inside.any():
            name = f"{low} px and more" if high == HEIGHTS[-1] else f"{low} to {high - 1} px"
            missed = Clusters(where[inside]).share(~found[inside])
            rows.append((name, int(inside.sum()), missed))
    return Table(
        "By height of the face", (("Height", "text"), ("Faces", "count"), ("Missed", "rate")),
        tuple(rows),
    )  # fmt: skip


def _curve(recall: Doubles, precision: Doubles) -> Plot:
    x, y = thinned(recall, precision)
    return Plot(
        "Precision and recall",
        "faces found",
        "boxes that are right",
        (Curve("boxes, most confident first", x, y),),
        percent=(True, True),
    )


def _false_alarms(matched: Sequence[Matched]) -> Plot:
    scores = np.concatenate([m.scores for m in matched])
    right = np.concatenate([m.right for m in matched])[np.argsort(-scores, kind="stable")]
    faces = sum(m.found.size for m in matched)
    x, y = thinned(np.cumsum(~right) / len(matched), np.cumsum(right) / faces)
    return Plot(
        "Faces found against wrong boxes",
        "wrong boxes per image",
        "faces found",
        (Curve("boxes, most confident first", x, y, style="steps"),),
        percent=(False, True),
    )
