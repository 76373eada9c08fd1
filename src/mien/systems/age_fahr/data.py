"""Faces with ages, in three disjoint parts: for training, selection and test."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets import LABELS as READERS
from mien.datasets import Labelled
from mien.errors import TrainingError
from mien.evaluate.fairness.labelled_faces import near_duplicates
from mien.systems.age_fahr.head import Age
from mien.train import Faces
from mien.train.chips import read_chips
from mien.train.grouped import PLAIN, Grouping
from mien.train.splits import group_ids, held_out
from mien.types import Doubles, OnStep

OLDEST = 122  # years; Jeanne Calment's age
TEST, CHOOSE = 0.2, 0.1  # shares
ERAS = (13, 20, 40, 60)  # years; finer bands leave no face of some groups
NEAR = 2  # bits by which hashes of near-duplicates may differ; 4 join 861 of UTKFace's in a chain


def parts(
    data: Path,
    layout: str,
    out: Path,
    on_step: OnStep | None = None,
    grouping: Grouping = PLAIN,
) -> tuple[Faces, Faces, Faces, str]:
    """Training, selection and test part; and the files that could not be read.

    The split depends on the images alone: it is the same for every seed and every training.
    Images of one person, copies, and near-duplicates are on one side.

    Args:
        data: the set as it is unpacked.
        layout: a reader of mien.datasets with age labels.
        out: run folder with the cached aligned chips.
        on_step: called after each image.
        grouping: whose groups the faces get.
    """
    records = [record for record in READERS[layout](data) if "age" in record.labels]
    grouping.check(records)
    chips = read_chips(records, Age.crop, out, on_step)
    kept = tuple(records[row] for row in chips.row)
    ages = np.array([_years(record) for record in kept])
    groups = group_ids(
        [r.person for r in kept],
        chips.content.tolist(),
        near_duplicates(chips.images, NEAR).tolist(),
    )
    learn, test = held_out(groups, TEST)
    inner, choose = held_out([groups[k] for k in learn], CHOOSE / (1 - TEST))
    group = grouping.of(kept, chips.images, Age.crop)
    faces = Faces(chips.images, ages, np.array([record.path.name for record in kept]), group)
    return faces.rows(learn[inner]), faces.rows(learn[choose]), faces.rows(test), chips.failures


def _years(record: Labelled) -> float:
    try:
        years = float(record.labels["age"])
    except ValueError:
        years = float("nan")
    if not 0 <= years <= OLDEST:
        raise TrainingError(
            f"The label of {record.path} is {record.labels['age']} years old; ages are numbers "
            f"from 0 to {OLDEST}. Correct the label or remove the image."
        )
    return years


def bands(age: Doubles, width: int = 5) -> NDArray[np.int64]:
    """(N,) number of the band of `width` years."""
    return (np.asarray(age) // width).astype(np.int64)


def eras(age: Doubles) -> NDArray[np.str_]:
    """(N,) name of the wide band of ages within which groups are balanced."""
    names = [f"{a} to {b} years" for a, b in pairwise((0, *ERAS, OLDEST + 1))]
    return np.array(names)[np.searchsorted(ERAS, age, side="right")]


def balance(age: Doubles, most: float = 20.0) -> Doubles:
    """(N,) sampling weights that draw each band of five years equally often.

    Args:
        age: (N,) years.
        most: largest weight of a face of the emptiest band relative to one of the fullest;
            with larger weights a handful of faces would be memorised.
    """
    band = bands(age)
    weight = 1 / np.bincount(band)[band]
    return np.asarray(np.minimum(weight, weight.min() * most))
