"""Longitudinal records of people: from a table of scores, or from dated images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from mien.datasets.ages import AGES
from mien.datasets.people import Picture
from mien.datasets.spreadsheets import rows_of
from mien.decision import Calibration
from mien.errors import MienError
from mien.gallery.conflicts import cosines
from mien.media import find_images
from mien.types import Floats

YEAR = 365.25  # days
COLUMNS = ("subject", "algorithm", "sensor", "day", "capture_no", "ref_id", "score")


@dataclass(frozen=True, slots=True)
class Capture:
    """One comparison of a capture with a reference."""

    subject: str
    algorithm: str
    sensor: str
    day: int  # number of the date
    years: float  # since the reference
    reference: str
    score: float  # similarity
    same: bool = True  # False: the reference shows somebody else
    covariates: Mapping[str, str] = field(default_factory=dict)


def captures_in(path: Path) -> list[Capture]:
    """Read records of a CSV file: subject, algorithm, sensor, day, capture_no, ref_id, score.

    Optional: ref_day (date of the reference; default: the subject's first day), same (0: an
    impostor comparison), sha256 (of the image), and any other column as a covariate. Rows of one
    subject, algorithm and reference are in the order of time.

    Raises:
        MienError: by row: an invalid date or score, a capture twice, dates out of order; or
            distances instead of similarities.
    """
    rows = rows_of(path, COLUMNS)
    known = {*COLUMNS, "ref_day", "same", "sha256"}
    first: dict[str, int] = {}
    last: dict[tuple[str, ...], int] = {}
    seen: dict[tuple[str, ...], int] = {}
    found = []
    for line, row in enumerate(rows, 2):
        where = f"{path}, line {line}"
        day, score = _day(row["day"], where), _score(row["score"], where)
        same_text = row.get("same") or "1"
        series = (row["subject"], row["algorithm"], row["ref_id"], row["sensor"], same_text)
        if day < last.get(series, day):
            raise MienError(f"{where}: {row['day']} comes after a later day of {row['subject']}.")
        last[series] = day
        _require_once((*series, row["day"], row["capture_no"]), line, seen, where)
        if row.get("sha256"):
            _require_once((row["sha256"], *series[1:]), line, seen, where)
        start = first.setdefault(row["subject"], day)
        if row.get("ref_day"):
            start = _day(row["ref_day"], where)
        if day < start:
            raise MienError(f"{where}: {row['day']} is before the reference's day; correct it.")
        found.append(
            Capture(
                row["subject"], row["algorithm"], row["sensor"], day, (day - start) / YEAR,
                row["ref_id"], score, same_text == "1",
                {k: v for k, v in row.items() if k not in known and v},
            )
        )  # fmt: skip
    _require_similarities(found, path)
    return found


def _day(text: str, where: str) -> int:
    try:
        return date.fromisoformat(text.strip()).toordinal()
    except ValueError:
        raise MienError(f"{where}: '{text}' is not a date; write 2024-05-31.") from None


def _score(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise MienError(
            f"{where}: score '{text}' is not a finite number; leave out captures without a score "
            "and report their number."
        )
    return value


def _require_once(
    key: tuple[str, ...], line: int, seen: dict[tuple[str, ...], int], where: str
) -> None:
    if seen.setdefault(key, line) != line:
        raise MienError(f"{where} is the same capture as line {seen[key]}; remove one of them.")


def _require_similarities(found: Sequence[Capture], path: Path) -> None:
    genuine = [c.score for c in found if c.same]
    impostors = [c.score for c in found if not c.same]
    if not genuine:
        raise MienError(f"{path} has no comparisons of a person with themself (same = 1).")
    if impostors and np.mean(impostors) > np.mean(genuine):
        raise MienError(
            f"{path}: other people's scores are higher ({np.mean(impostors):.3g}) than one "
            f"person's ({np.mean(genuine):.3g}), as with distances; give similarities (1 - "
            "distance, or its negative)."
        )


@dataclass(frozen=True, slots=True)
class Dated:
    """One image of a person on a day."""

    picture: Picture
    day: int
    number: str


def dated_pictures(root: Path) -> list[Dated]:
    """Images in the layout subject/YYYY-MM-DD/NN.png.

    Raises:
        MienError: an image lies elsewhere, or a folder is not a date.
    """
    found = []
    for path in find_images([root]):
        inside = path.relative_to(root).parts
        if len(inside) != 3:
            raise MienError(f"{path} is not in the layout subject/YYYY-MM-DD/NN.png below {root}.")
        day = _day(inside[1], str(path))
        found.append(Dated(Picture(path, inside[0], 0), day, path.stem))
    if not found:
        raise MienError(f"{root} holds no images in the layout subject/YYYY-MM-DD/NN.png.")
    return sorted(found, key=lambda d: (d.picture.person, d.day, d.number))


def aged_pictures(root: Path, layout: str) -> list[Dated]:
    """Images whose names contain subject and age in years: fgnet, agedb or morph.

    An age represents a visit, in the middle of that year; there is mostly one image per visit.
    """
    found = [
        Dated(Picture(one.path, one.person, 0), _middle(one.labels["age"]), one.path.stem)
        for one in AGES[layout](root)
    ]
    return sorted(found, key=lambda d: (d.picture.person, d.day, d.number))


def _middle(age: str) -> int:
    return int((int(age) + 0.5) * YEAR)


def compared_over_time(
    dated: Sequence[Dated],
    vectors: Mapping[Picture, Floats],
    algorithm: str,
    references: int = 1,
    calibration: Calibration | None = None,
) -> tuple[list[Capture], int]:
    """Compare each later visit with the captures of the first.

    Args:
        dated: in the order of subject and day.
        vectors: of the images that gave a face.
        algorithm: that made them.
        references: captures of the first visit that serve as reference, one after the other; each
            is a separate series, since the reference's own day is in all its scores.
        calibration: of the embedder, which gives scores; None: they are cosines.

    Returns:
        Records (also impostor ones, against the next subject's first visit), and the number of
        failed captures. Captures of the reference's own day are left out.
    """
    people: dict[str, list[Dated]] = {}
    for one in dated:
        people.setdefault(one.picture.person, []).append(one)
    failed = sum(one.picture not in vectors for one in dated)
    first = {
        who: [d for d in rows if d.day == rows[0].day and d.picture in vectors][:references]
        for who, rows in people.items()
    }
    names = sorted(who for who, rows in first.items() if rows)
    found = []
    for place, who in enumerate(names):
        other = first[names[(place + 1) % len(names)]][0]
        for one in people[who]:
            if one.day == people[who][0].day or one.picture not in vectors:
                continue
            for number, reference in enumerate(first[who]):
                others = [(other, False)] if number == 0 and len(names) > 1 else []
                for against, same in [(reference, True), *others]:
                    pair = vectors[one.picture][None], vectors[against.picture][None]
                    measure = calibration.pair_scores if calibration else cosines
                    [score] = measure(*pair).tolist()
                    years = (one.day - people[who][0].day) / YEAR
                    found.append(
                        Capture(who, algorithm, "", one.day, years, f"ref{number}", score, same)
                    )
    if not found:
        raise MienError(
            "Nobody has a second visit with a face, so nothing can be compared over time."
        )
    return found, failed
