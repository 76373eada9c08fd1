"""Readers of faces with ages, in original layouts not covered elsewhere."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from mien.datasets.labels import Labelled, some
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError
from mien.media import find_images

OLDEST = 116  # years; higher ages are errors in IMDB-WIKI
LEAST_SCORE = 1.0  # of IMDB-WIKI's face detector. Source: DEX, IJCV 126, 2018, its training code


# File names with identity, age and often sex: pattern, and description.
NAMES = {
    "agedb": (r"\d+_(?P<who>.+)_(?P<age>\d+)_(?P<sex>[mf])", "ID_Name_AGE_m or _f"),
    "cacd": (r"(?P<age>\d+)_(?P<who>.+)_\d+", "AGE_First_Last_NUMBER"),
    "fgnet": (r"(?P<who>\d{3})A(?P<age>\d{2})[a-z]?", "such as 001A02 (subject 001, age 2)"),
    "morph": (
        r"(?P<who>\d+)_\d+(?P<sex>[MF])(?P<age>\d{2})",
        "such as 009055_1M54 (subject, image, sex, age)",
    ),
}


def agedb(root: Path) -> list[Labelled]:
    """AgeDB: ID_Name_AGE_GENDER.jpg, gender m or f.

    Source: Moschoglou et al., CVPRW 2017.
    """
    return _named(root, "agedb", "AgeDB")


def cacd(root: Path) -> list[Labelled]:
    """CACD2000: AGE_First_Last_NNNN.jpg, such as 53_Robin_Williams_0001.jpg.

    Source: Chen, Chen and Hsu, ECCV 2014.
    """
    return _named(root, "cacd", "CACD")


def fgnet(root: Path) -> list[Labelled]:
    """FG-NET: 001A02.JPG is subject 001 at age 2; a letter after it distinguishes images.

    Source: Panis et al., IET Biometrics 5, 2016.
    """
    return _named(root, "fgnet", "FG-NET")


def morph(root: Path) -> list[Labelled]:
    """MORPH album 2: 009055_1M54.JPG is subject 009055, image 1, a man of 54.

    Source: Ricanek and Tesafaye, FG 2006.
    """
    return _named(root, "morph", "MORPH album 2")


def _named(root: Path, layout: str, title: str) -> list[Labelled]:
    pattern, words = NAMES[layout]
    found = []
    for path in find_images([root]):
        fields = re.fullmatch(pattern, path.stem, re.IGNORECASE)
        if not fields:
            raise MienError(f"The name of {path} does not follow {title}: {words}.")
        labels = {"age": str(int(fields["age"]))}
        if sex := fields.groupdict().get("sex"):
            labels["gender"] = "male" if sex.lower() == "m" else "female"
        found.append(Labelled(path, fields["who"], labels=labels))
    return some(found, root, title)


def appa_real(root: Path) -> list[Labelled]:
    """APPA-REAL: gt_avg_{train,valid,test}.csv; train/000000.jpg_face.jpg, else train/000000.jpg.

    The label age is the real one; apparent-age is the mean estimate of raters.

    Source: Agustsson et al., FG 2017.
    """
    found = []
    for split in ("train", "valid", "test"):
        table = root / f"gt_avg_{split}.csv"
        columns = ("file_name", "apparent_age_avg", "real_age")
        for row in rows_of(table, columns) if table.is_file() else ():
            whole = root / split / row["file_name"]
            cut = whole.with_name(whole.name + "_face.jpg")
            labels = {"age": row["real_age"], "apparent-age": row["apparent_age_avg"]}
            found.append(Labelled(cut if cut.is_file() else whole, split=split, labels=labels))
    return some(found, root, "APPA-REAL (gt_avg_train.csv, ...)")


def imdb_wiki(root: Path) -> list[Labelled]:
    """IMDB-WIKI: imdb.mat or wiki.mat beside its numbered folders.

    The age is that on 1 July of the year of the photo. Rows without a face, with a second face,
    or with an age outside 0 to 116 are left out, as the authors recommend.

    Source: Rothe, Timofte and Van Gool, IJCV 126, 2018.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    tables = [path for name in ("imdb", "wiki") for path in sorted(root.glob(f"{name}.mat"))]
    found = []
    for table in tables:
        try:
            held = loadmat(table, simplify_cells=True)[table.stem]
            rows = [
                np.atleast_1d(held[key]) for key in ("dob", "photo_taken", "full_path", "gender")
            ]
            scores = [np.atleast_1d(held[key]) for key in ("face_score", "second_face_score")]
            names = np.atleast_1d(held.get("name", [""] * len(rows[0])))
        except (KeyError, ValueError, TypeError, OSError, MatReadError) as error:
            raise MienError(
                f"{table} is not the table of IMDB-WIKI ({error!r}); unpack it again."
            ) from None
        for born, year, path, gender, face, second, name in zip(*rows, *scores, names, strict=True):
            age = _age(float(born), int(year))
            if not np.isfinite(face) or face < LEAST_SCORE or not np.isnan(second) or age is None:
                continue
            labels = {"age": str(age)}
            if np.isfinite(gender):
                labels["gender"] = "male" if gender == 1 else "female"
            found.append(Labelled(root / str(path), _text(name), labels=labels))
    return some(found, root, "IMDB-WIKI (imdb.mat or wiki.mat)")


def _age(day: float, year: int) -> int | None:
    """Whole years between a MATLAB day number and 1 July; None if invalid."""
    number = int(day) - 366 if np.isfinite(day) else 0  # MATLAB's day 1 is 1 January of year 0
    if not 1 <= number <= date.max.toordinal():
        return None
    born = date.fromordinal(number)
    age = year - born.year - ((born.month, born.day) > (7, 1))
    return age if 0 <= age <= OLDEST else None


def _text(name: Any) -> str:
    return name if isinstance(name, str) else ""


AGES: dict[str, Callable[[Path], list[Labelled]]] = {
    "agedb": agedb,
    "cacd": cacd,
    "fgnet": fgnet,
    "morph": morph,
    "appa-real": appa_real,
    "imdb-wiki": imdb_wiki,
}
