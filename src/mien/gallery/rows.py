"""Conversion of SQLite rows to records, with a check of every vector."""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from mien.errors import GalleryError
from mien.gallery.checks import UNIT_TOLERANCE, lengths
from mien.gallery.records import Stored
from mien.types import Floats

STORED = (
    "SELECT templates.id, person, vector, crc, name, source, digest, quality, box, added, sealed "
    "FROM templates JOIN people ON people.id = person"
)


def vectors_of(rows: Sequence[Any], dimension: int | None, where: str) -> Floats:
    """Return (N, D) vectors from rows that begin with number, person, vector, CRC-32."""
    for number, _, blob, crc, *_ in rows:
        if dimension is None or len(blob) != 4 * dimension or zlib.crc32(blob) != crc:
            raise GalleryError(damaged(number, where))
    joined = b"".join(row[2] for row in rows)
    vectors = np.frombuffer(joined, dtype="<f4").astype(np.float32).reshape(len(rows), -1)
    bad = np.flatnonzero(~(np.abs(lengths(vectors) - 1) <= UNIT_TOLERANCE))
    if bad.size:
        raise GalleryError(damaged(rows[bad[0]][0], where))
    return vectors


def damaged(number: int, where: str) -> str:
    """Return the message for a row with a wrong checksum."""
    return (
        f"Gallery {where} is damaged: the checksum of template {number} is wrong. "
        "Nothing was changed; restore a backup, or enrol the images again."
    )


def stored_of(rows: Sequence[Any], embedder: str, where: str) -> list[Stored]:
    """Return the records of rows from `STORED`."""
    if not rows:
        return []
    vectors = vectors_of(rows, len(rows[0][2]) // 4, where)
    return [stored(row, v, embedder, where) for row, v in zip(rows, vectors, strict=True)]


def stored(row: Sequence[Any], vector: Floats, embedder: str, where: str) -> Stored:
    """Return the record of one row from `STORED`."""
    number, _, _, _, name, source, digest, quality, box, added, *_ = row
    try:
        return Stored(
            person=name,
            vector=vector,
            embedder=embedder,
            source=source,
            source_digest=digest,
            quality=None if quality is None else json.loads(quality),
            box=None if box is None else np.frombuffer(box, dtype="<f4").astype(np.float32),
            added=moment(added, where),
            id=number,
        )
    except (TypeError, ValueError) as error:
        raise GalleryError(damaged(number, where)) from error


def moment(text: str, where: str) -> datetime:
    """Return a stored time."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise GalleryError(
            f"Gallery {where} is damaged: {text!r} is not a time. Nothing was changed; restore "
            "a backup."
        ) from error
