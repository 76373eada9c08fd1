"""Readers of ratings by several people of the same things."""

from pathlib import Path

import numpy as np

from mien.datasets.trial_pairs import rows_of
from mien.errors import MienError
from mien.types import Doubles


def affectnet_raters(table: Path) -> tuple[list[str], Doubles]:
    """Valence or arousal of AffectNet images by 25 people: valence_set1_C25.csv and its like.

    Args:
        table: columns filename, participant0, participant1 ...; the images are not part of it.

    Returns:
        (N,) file names, and (N, K) ratings in [-1, 1]; NaN: not rated.

    Raises:
        MienError: no column of a participant, or a rating that is no number in [-1, 1].

    Source: kdoodoo/affectnetc25; images of Mollahosseini et al., IEEE TAC 10, 2019.
    """
    names, ratings = [], []
    for line, row in enumerate(rows_of(table, ("filename", "participant0")), 2):
        given = [value for key, value in row.items() if key.startswith("participant")]
        try:
            numbers = [float(value) if value else np.nan for value in given]
        except ValueError as error:
            raise MienError(f"{table}, line {line}: {error}.") from None
        if any(abs(number) > 1 for number in numbers):
            raise MienError(f"{table}, line {line}: a rating is outside -1 to 1.")
        names.append(row["filename"])
        ratings.append(numbers)
    if not ratings:
        raise MienError(f"{table} has no rows; expected ratings of AffectNet images.")
    return names, np.array(ratings)
