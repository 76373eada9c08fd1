"""Images of an audit, cut as its subject expects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Samples, Subject, silent
from mien.detect import detect_with_retries
from mien.errors import ImageError
from mien.media import read_image, stretched
from mien.types import Crop, OnStep, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Chips, and the rows of their images."""

    chips: Pixels  # (N, S, S, 3)
    rows: NDArray[np.int64]  # (N,) rows of the samples; images without a face are omitted


def read_chips(subject: Subject, data: Samples, crop: Crop, on_step: OnStep = silent) -> Cut:
    """Cut the largest face of each image.

    Args:
        subject: its detector finds the faces; without a detector, each image is resized to a chip.
        data: the images.
        crop: of the subject.
        on_step: called after each image.
    """
    chips, rows = [], []
    for row, picture in enumerate(data.pictures):
        chip = _chip(subject, picture, crop)
        if chip is not None:
            chips.append(chip)
            rows.append(row)
        on_step("pictures", row + 1, len(data.pictures))
    empty = np.empty((0, crop.size, crop.size, 3), np.uint8)
    return Cut(np.stack(chips) if chips else empty, np.array(rows, np.int64))


def _chip(subject: Subject, picture: object, crop: Crop) -> Pixels | None:
    """Return the chip of one image (S, S, 3), or None without a face."""
    try:
        image = read_image(picture)  # type: ignore[arg-type]
    except ImageError:
        return None
    if subject.detector is None:
        return stretched(image, crop.size)
    face = detect_with_retries(subject.detector, image, "when-needed").largest
    return None if face is None else np.asarray(align(image, [face], crop)[0], np.uint8)
