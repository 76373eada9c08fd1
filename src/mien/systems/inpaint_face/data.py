"""Faces of UTKFace with a part of them hidden, and filled by the simple way."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets import LABELS
from mien.evaluate.fairness.labelled_faces import near_duplicates
from mien.media import inpainted
from mien.systems.inpaint_face.holes import Mask
from mien.systems.inpaint_face.make import CROP
from mien.train.chips import read_chips
from mien.train.splits import group_ids, held_out
from mien.types import OnStep, Pixels

TEST, CHOOSE = 0.2, 0.05  # shares of the photographs
NEAR = 2  # bits by which hashes of near-duplicates may differ, as for ages


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Aligned faces."""

    images: Pixels  # (N, 64, 64, 3)
    group: NDArray[np.str_]  # (N,) that the data set's authors assigned; "": none

    def rows(self, keep: NDArray[np.int64]) -> "Faces":
        """Those rows."""
        return Faces(self.images[keep], self.group[keep])


def parts(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Faces, Faces, Faces]:
    """Training, selection and test part of UTKFace; near-duplicates and copies on one side."""
    records = LABELS["utkface"](data)
    chips = read_chips(records, CROP, out, on_step)
    groups = group_ids(
        [""] * len(chips.row), chips.content.tolist(), near_duplicates(chips.images, NEAR).tolist()
    )
    learn, test = held_out(groups, TEST)
    inner, choose = held_out([groups[k] for k in learn], CHOOSE / (1 - TEST))
    labels = np.array([records[row].labels.get("race", "") for row in chips.row])
    faces = Faces(chips.images, labels)
    return faces.rows(learn[inner]), faces.rows(learn[choose]), faces.rows(test)


def filled(images: Pixels, holes: list[Mask]) -> Pixels:
    """Faces whose hidden parts are filled from their surroundings."""
    return np.stack([inpainted(image, hole) for image, hole in zip(images, holes, strict=True)])
