"""Readers of ratings by several people of the same things."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets.labels import Labelled
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError
from mien.types import Doubles, Floats

# The words of the Taiwanese ratings, in the order of their columns, as the other sets spell them.
TAIWAN_WORDS = {
    "happiness": "happy", "sadness": "sad", "anger": "angry", "disgust": "disgusted",
    "fear": "fearful", "surprise": "surprised",
}  # fmt: skip
RATERS = 10  # of each image of FERPlus
MAJORITY = 0.5  # share of the votes that must be for one of the words


@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """Portraits with the ratings of many people; all arrays have one row per portrait."""

    files: tuple[str, ...]
    people: tuple[str, ...]
    intended: tuple[str, ...]  # the expression that the actor meant
    share: Doubles  # (N, 6) of raters who chose each word of TAIWAN_WORDS; there is no "neutral"
    intensity: Doubles  # (N, 6) mean intensity of each, 0 (absent) upwards; observed up to 7.2


def taiwan_ratings(table: Path) -> Rated:
    """Ratings of Taiwanese facial expressions by about 100 people: ratings.csv.

    Raises:
        MienError: no rows, or a rating that is no number of at least 0.

    Source: Chen, Cho and Tseng, Chinese Journal of Psychology 55, 2013.
    """
    columns = {kind: [f"{kind}_{word}" for word in TAIWAN_WORDS.values()]
               for kind in ("share", "intensity")}  # fmt: skip
    rows = rows_of(table, ("file", "person", "intended", *columns["share"], *columns["intensity"]))
    numbers: dict[str, list[list[float]]] = {"share": [], "intensity": []}
    names = []
    for line, row in enumerate(rows, 2):
        names.append((row["file"], row["person"], row["intended"]))
        for kind, found in numbers.items():
            found.append([_rating(row[name], f"{table}, line {line}") for name in columns[kind]])
    if not names:
        raise MienError(f"{table} has no rows; expected ratings of Taiwanese expressions.")
    files, people, intended = zip(*names, strict=True)
    share, intensity = (np.array(values) for values in numbers.values())
    return Rated(files, people, intended, share, intensity)


def _rating(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise MienError(f"{where}: {error}.") from None
    if not 0 <= number < np.inf:
        raise MienError(f"{where}: the rating {text} is not a number of at least 0.")
    return number


def vote_shares(
    records: Sequence[Labelled], words: Sequence[str]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Shares of the raters' votes for some words.

    Votes for other words, "unknown" and "no face" are left out: they say nothing on how these
    words compare.

    Args:
        records: with votes of ten raters, or with a label, which then counts as all votes.
        words: such as the seven labels of a head.

    Returns:
        (N, C) shares, sum 1 (equal where there is no vote for any word), and (N,) whether at
        least half of the votes are for one of the words.
    """
    votes = np.zeros((len(records), len(words)), np.float32)
    total = np.ones(len(records), np.float32)
    for row, record in enumerate(records):
        given = record.votes or {record.labels.get("expression", ""): 1}
        votes[row] = [given.get(word, 0) for word in words]
        total[row] = RATERS if record.votes else 1
    counted = votes.sum(1)
    votes[counted == 0] = 1
    return votes / votes.sum(1, keepdims=True), counted >= MAJORITY * total


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
