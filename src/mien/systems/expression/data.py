"""Select the labelled faces for training and test, with the shares of the raters' votes."""

from pathlib import Path

import numpy as np

from mien.datasets import LABELS as READERS
from mien.datasets.ratings import vote_shares
from mien.errors import TrainingError
from mien.systems.expression.head import LABELS, Expression
from mien.train import Faces
from mien.train.chips import read_chips
from mien.train.grouped import PLAIN, Grouping
from mien.train.splits import require_classes
from mien.types import OnStep

# Splits that are not used in training.
TESTS = ("validation", "test", "PublicTest", "PrivateTest")


def parts(
    data: Path,
    layout: str,
    out: Path,
    on_step: OnStep | None = None,
    grouping: Grouping = PLAIN,
) -> tuple[Faces, Faces, dict[str, object]]:
    """Training and test part of a data set.

    Args:
        data: the set as it is unpacked.
        layout: a reader of mien.datasets with expression labels.
        out: run folder with the cached aligned chips.
        on_step: called after each image.
        grouping: whose groups the faces get.

    Returns:
        Training part without copies of test images, test part, and what was left out. Labels are
        vote shares (N, 7), sum 1. The test part has only images with a majority for one of the
        seven labels; training also has those on which raters disagree.
    """
    records = READERS[layout](data)
    grouping.check(records)
    chips = read_chips(records, Expression.crop, out, on_step)
    kept = [records[row] for row in chips.row]
    shares, sure = vote_shares(kept, LABELS)
    require_classes([LABELS[k] for k in shares.argmax(1)[sure]], LABELS, str(data))
    group = grouping.of(kept, chips.images, Expression.crop)
    faces = Faces(chips.images, shares, chips.content, group)
    test = np.array([record.split in TESTS for record in kept])
    if not test.any() or test.all():
        raise TrainingError(
            f"{data} has the splits {', '.join(sorted({r.split for r in kept}))}; one to learn "
            f"from and one of {', '.join(TESTS)} are needed."
        )
    clear = np.array([record.labels.get("expression") in LABELS for record in kept])
    copies = ~test & np.isin(faces.source, faces.source[test])
    vague = ~test & ~copies & ~sure
    left_out: dict[str, object] = {
        "copies left out": int(copies.sum()),
        "left out for votes outside the labels": int(vague.sum()),
        "test images without a majority": int((test & ~clear).sum()),
        "lost": chips.failures,
    }
    return faces.rows(~test & ~copies & sure), faces.rows(test & clear), left_out
