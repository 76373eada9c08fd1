"""People and their images: a folder per person, or a list of pairs that names files."""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError
from mien.media import find_images

FOLDS = 5  # into which the people of a folder are divided
COLUMNS = ("fold", "file_a", "file_b", "same")


@dataclass(frozen=True, slots=True)
class Picture:
    """One image with its person."""

    path: Path
    person: str
    fold: int  # people of two folds are never compared


def people_in(folder: Path) -> list[Picture]:
    """Images in a folder with one folder per person.

    Returns:
        Images by name. The fold is derived from the person's name alone (CRC-32 modulo 5), so it
        stays the same when people are added.

    Raises:
        MienError: an image lies outside the people's folders, or there is none.
    """
    pictures = []
    for path in find_images([folder]):
        inside = path.relative_to(folder).parts
        if len(inside) < 2:
            raise MienError(
                f"{path} belongs to no person; put each image into a folder named after its "
                "person, or name the pairs with --pairs."
            )
        pictures.append(Picture(path, inside[0], zlib.crc32(inside[0].encode()) % FOLDS))
    if not pictures:
        raise MienError(f"{folder} contains no images; give a folder with one folder per person.")
    return pictures


def people_of_pairs(pairs: Path, folder: Path) -> list[Picture]:
    """Images that a list of pairs names.

    Args:
        pairs: CSV with the columns fold, file_a, file_b, same. The person is the file's name
            without the last underscore and what follows: Aaron_Sorkin_0002.jpg.
        folder: that holds the files.

    Returns:
        Each image once, in the order of its first pair.

    Raises:
        MienError: the list is invalid or contradicts itself, or a file is missing.
    """
    fold_of: dict[str, int] = {}
    for line, row in enumerate(rows_of(pairs, COLUMNS), 2):
        a, b = row["file_a"], row["file_b"]
        if (person(a) == person(b)) != (row["same"] == "1") or not row["fold"].isdigit():
            raise MienError(
                f"{pairs}, line {line}: '{a}' and '{b}', fold '{row['fold']}', same "
                f"'{row['same']}' are inconsistent; correct that line."
            )
        for name in (a, b):
            if fold_of.setdefault(name, int(row["fold"])) != int(row["fold"]):
                raise MienError(
                    f"{pairs}, line {line}: {name} is in folds {fold_of[name]} and {row['fold']}; "
                    "each image must be in one."
                )
    missing = next((name for name in fold_of if not (folder / name).is_file()), None)
    if missing:
        raise MienError(
            f"{pairs} names {missing}, which is not in {folder}; give the list that belongs to the "
            "folder."
        )
    return [Picture(folder / name, person(name), fold) for name, fold in fold_of.items()]


def person(name: str) -> str:
    """The person of a file of LFW: Aaron_Sorkin_0002.jpg -> Aaron_Sorkin."""
    return re.sub(r"_[^_]*$", "", Path(name).stem)
