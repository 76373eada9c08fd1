"""Labelled images as aligned chips: cut once, cached in the run folder, copies detected."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets import Labelled
from mien.evaluate.fairness.labelled_faces import cutter
from mien.media import write_bytes
from mien.train.pictures import read_pictures
from mien.types import Crop, OnStep, Pixels
from mien.zoo import DETECTOR, load

KEPT = "chips.npz"  # in the run folder: cutting takes longer than an epoch


@dataclass(frozen=True, slots=True, eq=False)
class Chips:
    """Aligned faces, with their rows in the data set."""

    images: Pixels  # (N, S, S, 3)
    row: NDArray[np.int64]  # (N,) place in the list of records
    content: NDArray[np.str_]  # (N,) digest of the image's pixels: the same for copies
    failures: str  # what could not be read, in a sentence; "" if nothing


def read_chips(
    records: Sequence[Labelled], crop: Crop, out: Path, on_step: OnStep | None = None
) -> Chips:
    """Cut the face of every image as a head expects it, by evaluate.fairness.labelled_faces.

    Args:
        records: from a reader of mien.datasets.
        crop: of the head.
        out: run folder; a second call with the same records and crop reads the cached chips.
        on_step: called after each image.
    """
    place = out / KEPT
    names = [repr(crop), *(f"{r.path.parent.name}/{r.path.name}" for r in records)]
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()
    if place.is_file():
        with np.load(place) as kept:
            if str(kept["key"]) == key:
                return Chips(kept["images"], kept["row"], kept["content"], str(kept["lost"]))
    contents: list[str] = []
    cut = cutter(load(DETECTOR), crop)

    def remembered(image: Pixels) -> Pixels:
        contents.append(hashlib.sha256(image.tobytes()).hexdigest()[:16])
        return cut(image)

    read = read_pictures(records, crop.size, remembered, on_step)
    number = {id(record): row for row, record in enumerate(records)}
    rows = np.array([number[id(record)] for record in read.records], np.int64)
    chips = Chips(read.images, rows, np.array(contents), read.failures_text())
    out.mkdir(parents=True, exist_ok=True)
    content = BytesIO()
    np.savez(
        content, images=chips.images, row=rows, content=chips.content,
        lost=np.array(chips.failures), key=np.array(key),
    )  # fmt: skip
    write_bytes(place, content.getvalue())
    return chips
