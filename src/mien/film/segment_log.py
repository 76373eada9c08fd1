"""Log of segments on disk, one per line, so that a stopped run resumes.

A segment log holds embeddings of faces. Only its owner can read it (mode 600), and the
command line deletes it at the end of the film, unless an option keeps it.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import asdict
from typing import Self

import numpy as np

from mien.errors import FilmError
from mien.media.json_log import JsonLog, Row, read_rows
from mien.track import FrameFaces, KeyFace, Segment
from mien.types import Face, Floats, Liveness, Quality


class SegmentLog:
    """A file of segments: open it, read its segments, then append."""

    def __init__(self, path: str | os.PathLike[str], settings: Row) -> None:
        """Open or create a log.

        Args:
            path: the file.
            settings: all settings that the segments depend on; a resumed run must have the same.

        Raises:
            FilmError: the file belongs to another film or other settings, or cannot be written.
        """
        self._log = JsonLog(path, settings, error=FilmError)

    def segments(self) -> Iterator[Segment]:
        """Read the saved segments in the order of time; one in memory at a time."""
        return (segment_from_row(row) for row in self._log.rows())

    def append(self, segment: Segment) -> None:
        """Save one segment.

        Raises:
            FilmError: the disk is full or lost; earlier lines remain complete.
        """
        self._log.append(segment_to_row(segment))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._log.close()


def read_segments(path: str | os.PathLike[str]) -> Iterator[Segment]:
    """Read the segments of a log in the order of time; one in memory at a time."""
    return (segment_from_row(row) for row in read_rows(path, settings=True))


def segment_to_row(segment: Segment) -> Row:
    """Return a segment as a JSON row, without loss."""
    return {
        "i": segment.index,
        "frames": [
            [frame.number, frame.time, int(frame.cut), [_face_row(face) for face in frame.faces]]
            for frame in segment.frames
        ],
        "key_faces": [
            [one.track, one.selection_score, _face_row(one.face)] for one in segment.key_faces
        ],
    }


def segment_from_row(row: Row) -> Segment:
    """Return the segment of such a row."""
    frames = tuple(
        FrameFaces(number, time, bool(cut), tuple(_face(face) for face in faces))
        for number, time, cut, faces in row["frames"]
    )
    key_faces = tuple(KeyFace(track, _face(face), score) for track, score, face in row["key_faces"])
    return Segment(row["i"], frames, key_faces)


def _face_row(face: Face) -> Row:
    row: Row = {"b": face.box.tolist(), "s": face.score, "n": face.track, "t": face.time}
    row["d"] = face.detector
    if face.points is not None:
        row["p"] = [None if np.isnan(v) else v for v in face.points.ravel().tolist()]
    if face.embedding is not None:
        row["e"] = b64encode(face.embedding.astype("<f4").tobytes()).decode()
    if face.liveness is not None:
        row["l"] = asdict(face.liveness)
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
        liveness=_liveness(row["l"]) if "l" in row else None,
    )


def _liveness(row: Row) -> Liveness:
    made: Row = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Liveness(**made)


def _vector(text: str) -> Floats:
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32)
