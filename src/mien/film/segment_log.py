"""Segments on disk, one per line, so that a run that was stopped resumes.

A segment log holds vectors of faces. It is written for the owner's eyes only (mode 600), and the
command line deletes it as soon as the film is done, unless it is asked to keep it.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Self

import numpy as np

from mien.errors import FilmError
from mien.media.json_log import JsonLog, Row, read_rows
from mien.track import FrameFaces, KeyFace, Segment
from mien.types import Face, Floats, Quality


class SegmentLog:
    """A file of segments. Open it, read what it holds, then append."""

    def __init__(self, path: str | os.PathLike[str], settings: Row) -> None:
        """Open or begin a log.

        Args:
            path: the file.
            settings: all that decides what is seen; must be the same to go on.

        Raises:
            FilmError: the file belongs to another film or other settings, or cannot be written.
        """
        self._log = JsonLog(path, settings, error=FilmError)

    def segments(self) -> Iterator[Segment]:
        """All that is saved, in the order of time; one segment in memory at a time."""
        return (segment_from_row(row) for row in self._log.rows())

    def append(self, segment: Segment) -> None:
        """Save one segment.

        Raises:
            FilmError: the disk is full or gone; what is saved stays whole.
        """
        self._log.append(segment_to_row(segment))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._log.close()


def read_segments(path: str | os.PathLike[str]) -> Iterator[Segment]:
    """What a log holds, in the order of time; one segment in memory at a time."""
    return (segment_from_row(row) for row in read_rows(path, settings=True))


def segment_to_row(segment: Segment) -> Row:
    """A segment as JSON, without loss."""
    return {
        "i": segment.index,
        "frames": [
            [look.number, look.time, int(look.cut), [_face_row(face) for face in look.faces]]
            for look in segment.frames
        ],
        "key_faces": [
            [one.track, one.selection_score, _face_row(one.face)] for one in segment.key_faces
        ],
    }


def segment_from_row(row: Row) -> Segment:
    """The segment of such a row."""
    looks = tuple(
        FrameFaces(number, time, bool(cut), tuple(_face(face) for face in faces))
        for number, time, cut, faces in row["frames"]
    )
    chosen = tuple(KeyFace(track, _face(face), worth) for track, worth, face in row["key_faces"])
    return Segment(row["i"], looks, chosen)


def _face_row(face: Face) -> Row:
    row: Row = {"b": face.box.tolist(), "s": face.score, "n": face.track, "t": face.time}
    row["d"] = face.detector
    if face.points is not None:
        row["p"] = [None if np.isnan(v) else v for v in face.points.ravel().tolist()]
    if face.embedding is not None:
        row["e"] = b64encode(face.embedding.astype("<f4").tobytes()).decode()
    if face.quality is not None:
        row["q"] = [face.quality.components, face.quality.measures, face.quality.advice]
    return row


def _face(row: Row) -> Face:
    points = row.get("p")
    quality = row.get("q")
    return Face(
        np.array(row["b"], np.float32),
        row["s"],
        None if points is None else np.array(points, np.float32).reshape(-1, 2),
        row["d"],
        row["t"],
        Quality(quality[0], quality[1], tuple(quality[2])) if quality else None,
        _vector(row["e"]) if "e" in row else None,
        track=row["n"],
    )


def _vector(text: str) -> Floats:
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32)
