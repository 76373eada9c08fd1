"""Select the labelled faces for training and test."""

from pathlib import Path

import numpy as np

from mien.datasets import LABELS as READERS
from mien.errors import TrainingError
from mien.systems.expression.head import LABELS, Expression
from mien.train import Faces
from mien.train.chips import read_chips
from mien.train.splits import require_classes
from mien.types import OnStep

TESTS = ("validation", "test")  # splits that are not used in training


def parts(
    data: Path, layout: str, out: Path, on_step: OnStep | None = None
) -> tuple[Faces, Faces, dict[str, object]]:
    """Training and test part of a data set.

    Args:
        data: the set as it is unpacked.
        layout: a reader of mien.datasets with expression labels.
        out: run folder with the cached aligned chips.
        on_step: called after each image.

    Returns:
        Training part without copies of test images, test part, and what was left out.
    """
    records = READERS[layout](data)
    chips = read_chips(records, Expression.crop, out, on_step)
    kept = [records[row] for row in chips.row]
    words = [record.labels["expression"] for record in kept]
    faces = Faces(chips.images, require_classes(words, LABELS, str(data)), chips.content)
    test = np.array([record.split in TESTS for record in kept])
    if not test.any() or test.all():
        raise TrainingError(
            f"{data} has the splits {', '.join(sorted({r.split for r in kept}))}; one to learn "
            f"from and one of {', '.join(TESTS)} are needed."
        )
    copies = ~test & np.isin(faces.source, faces.source[test])
    left_out: dict[str, object] = {"copies left out": int(copies.sum()), "lost": chips.failures}
    return faces.rows(~test & ~copies), faces.rows(test), left_out
