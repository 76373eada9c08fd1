"""Saved answers, and what all formats take from their rows.

The formats read nothing else than rows of `mien.service.schema`, so a saved answer and a run give
the same files.
"""

import csv
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien.service.schema import SCHEMA

Row = dict[str, Any]
EVENT = ("input", "who", "kind", "side", "onset", "offset")  # columns of facial events
UNNAMED = {"match": "", "review": "_review", "unknown": "_unknown", None: "_unknown"}


@dataclass(frozen=True, slots=True)
class Ledger:
    """What an export leaves out or finds, as sentences."""

    failed: list[str] = field(default_factory=list)  # photos and faces that are missing in it
    notes: list[str] = field(default_factory=list)  # what a user wants to know


@dataclass(frozen=True, slots=True)
class FaceOf:
    """One face of a photo."""

    image: str  # path of the photo
    number: int  # within the photo, from 1
    row: Row
    decision: Row  # empty if no search was made

    @property
    def outcome(self) -> str | None:
        """Return "match", "review" or "unknown"; None without a search."""
        return self.decision.get("outcome")

    @property
    def person(self) -> str | None:
        """Return the name of a match; None for a review, which is not decided."""
        return self.decision.get("person") if self.outcome == "match" else None

    @property
    def candidate(self) -> str | None:
        """Return the most similar person, if the row names one."""
        listed = self.decision.get("candidates") or ()
        return next((str(one["person"]) for one in listed), None) or self.person


def read_answers(path: str | os.PathLike[str]) -> Iterator[Row]:
    """Read the rows of a saved answer: `mien identify --out FILE`, or its standard output.

    The logs of `mien watch`, and the CSV of facial events that `mien analyze` writes, are read as
    well.

    Raises:
        MienError: the file cannot be read, or is not an answer of this version.
    """
    try:
        if Path(path).suffix.lower() == ".csv":
            yield from _events_of(Path(path))
            return
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    row = _row(line, f"{path}, line {number}")
                    if "mien" not in row:  # the first line of --out: settings
                        yield row
    except OSError as error:
        raise MienError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise MienError(f"{path} is not a saved answer: it is not UTF-8 text.") from error


def _events_of(path: Path) -> Iterator[Row]:
    """Read a CSV of facial events."""
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if not set(EVENT) <= set(table.fieldnames or ()):
            raise MienError(
                f"{path} lacks the columns {', '.join(EVENT)} of facial events; expected "
                "NAME.events.csv of mien analyze."
            )
        for number, row in enumerate(table, 2):
            try:
                span = {key: float(row[key]) for key in ("onset", "offset")}
            except (TypeError, ValueError) as error:
                raise MienError(f"{path}, line {number}: onset and offset are no times.") from error
            yield {"row": "event", **row, **span}


def _row(line: str, where: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise MienError(
            f"{where} is not JSON ({error}); expected the JSON lines of mien identify."
        ) from error
    if not isinstance(row, dict) or not ("mien" in row or "schema" in row or "seq" in row):
        raise MienError(f"{where} is not an answer of mien identify or an event of mien watch.")
    if row.get("schema", SCHEMA) != SCHEMA:
        raise MienError(
            f"{where} has version {row['schema']} of the answer, expected {SCHEMA}; run "
            "mien identify again."
        )
    return row


def photos(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of photos that could be read."""
    return [row for row in rows if "faces" in row and "image" in row]


def films(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of films that could be read."""
    return [row for row in rows if "appearances" in row]


def faces(row: Row) -> list[FaceOf]:
    """Return the faces of a photo."""
    return [
        FaceOf(row["image"], number, face, face.get("decision") or {})
        for number, face in enumerate(row["faces"], 1)
    ]


def inside(box: list[float], size: list[int]) -> list[float]:
    """Return a box cut to the image, which some programs require."""
    height, width = size
    limits = (width, height, width, height)
    return [min(max(side, 0.0), limit) for side, limit in zip(box, limits, strict=True)]


def folder_name(person: str) -> str:
    """Return a name as one that a folder can have on Linux, macOS and Windows.

    The mapping is not injective; `Folders` keeps people apart. A name does not begin with "_",
    which begins the folders of mien.
    """
    clean = "".join("_" if c in '<>:"/\\|?*' or ord(c) < 32 else c for c in person)
    clean = clean.encode("utf-8", "replace")[:180].decode("utf-8", "ignore").strip().rstrip(". ")
    stem = clean.partition(".")[0].upper()
    reserved = {"CON", "PRN", "AUX", "NUL"} | {f"{n}{i}" for n in ("COM", "LPT") for i in range(10)}
    if not clean or stem in reserved or clean[0] in "_.":
        clean = f"-{clean}"
    return clean


class Folders:
    """One folder per person, also for names that differ only in what a folder cannot hold."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._names: dict[str, str] = {}  # person -> folder
        self._taken: set[str] = set()

    def __call__(self, person: str) -> Path:
        """Return the folder of a person; it exists."""
        if person not in self._names:
            name, number = folder_name(person), 2
            while name.casefold() in self._taken:
                name, number = f"{folder_name(person)} ({number})", number + 1
            self._taken.add(name.casefold())
            self._names[person] = name
        return self.own(self._names[person])

    def own(self, name: str) -> Path:
        """Return a folder of mien, such as `_review`; it exists."""
        folder = self._place / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
