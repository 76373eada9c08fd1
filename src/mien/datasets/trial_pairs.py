"""Pairs of images, or of templates of several images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.datasets.people import Picture, person
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError

MENTIONED = 5  # names in a sentence


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the images of one template, usually one."""

    name: str  # a path, or the number of a template
    pictures: tuple[Picture, ...]

    @property
    def person(self) -> str:
        """The person of the side."""
        return self.pictures[0].person


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides to be compared."""

    first: Side
    second: Side
    fold: int | None = None  # of the published protocol
    group: str = ""  # of the people, if the protocol names one

    @property
    def same(self) -> bool:
        """Whether both sides show one person."""
        return self.first.person == self.second.person


def checked(pairs: Sequence[Pair], where: str) -> list[Pair]:
    """Return the pairs after checks that apply to every list.

    Raises:
        MienError: there are none, an image is missing, or two lines are the same comparison.
    """
    if not pairs:
        raise MienError(f"{where} names no pairs; give the list that belongs to the images.")
    files = {p.path for pair in pairs for side in (pair.first, pair.second) for p in side.pictures}
    missing = sorted(str(path) for path in files if not path.is_file())
    if missing:
        raise MienError(
            f"{where} names {len(missing)} images that do not exist ({few(missing)}); give the "
            "folder that the list was made for."
        )
    seen: dict[frozenset[str], int] = {}
    for number, pair in enumerate(pairs, 1):
        key = frozenset((pair.first.name, pair.second.name))
        if len(key) == 1:
            raise MienError(
                f"{where}, pair {number}: {pair.first.name} is compared with itself; two different "
                "images are needed."
            )
        if seen.setdefault(key, number) != number:
            raise MienError(
                f"{where}, pairs {seen[key]} and {number} are the same comparison of "
                f"{pair.first.name} and {pair.second.name}; it would count twice. Remove one."
            )
    return list(pairs)


def our_pairs(path: Path, folder: Path) -> list[Pair]:
    """Pairs of a CSV file with the columns file_a, file_b, same, and perhaps more.

    Args:
        path: CSV. `person_a` and `person_b` name the people; without them they are derived from
            the file names, as in LFW (Aaron_Sorkin_0002.jpg). `fold` and `group` are optional.
        folder: that holds the files.

    Raises:
        MienError: a column or file is missing, or a line contradicts itself.
    """
    pairs = []
    for line, row in enumerate(rows_of(path, ("file_a", "file_b", "same")), 2):
        people = [row.get(f"person_{x}") or person(row[f"file_{x}"]) for x in "ab"]
        if (people[0] == people[1]) != (row["same"] == "1") or row["same"] not in ("0", "1"):
            raise MienError(
                f"{path}, line {line}: {row['file_a']} ({people[0]}) and {row['file_b']} "
                f"({people[1]}) are inconsistent with same = '{row['same']}', which must be 1 for "
                "one person and 0 for two; correct that line, or name the people in the columns "
                "person_a and person_b."
            )
        sides = [side(folder / row[f"file_{x}"], who) for x, who in zip("ab", people, strict=True)]
        fold = row.get("fold") or ""
        if fold and not fold.isdigit():
            raise MienError(
                f"{path}, line {line}: fold '{fold}' is not a whole number; correct it."
            )
        pairs.append(Pair(sides[0], sides[1], int(fold) if fold else None, row.get("group") or ""))
    return checked(pairs, str(path))


def side(path: Path, who: str) -> Side:
    """A side of one image."""
    return Side(str(path), (Picture(path, who, 0),))


def pictures_of(pairs: Sequence[Pair]) -> list[Picture]:
    """Every image once, in the order of its first pair."""
    every = (p for pair in pairs for side in (pair.first, pair.second) for p in side.pictures)
    return list(dict.fromkeys(every))


def require_strangers(train: Sequence[str], test: Sequence[str], what: str) -> None:
    """Refuse people who are on both sides of a split, by name.

    Raises:
        MienError: with their names.
    """
    both = sorted(set(train) & set(test))
    if both:
        raise MienError(
            f"{len(both)} people are both in training and in {what} ({few(both)}); results on "
            "people from the training are not valid. Move each to one side."
        )


def few(names: Sequence[str]) -> str:
    """The first names of a long list, for a sentence."""
    return ", ".join(names[:MENTIONED]) + (", ..." if len(names) > MENTIONED else "")
