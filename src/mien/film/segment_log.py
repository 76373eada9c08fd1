"""What was seen in a film, half a second a line, so that a run that was stopped goes on.

A journal holds vectors of faces. It is written for the owner's eyes only (mode 600), and the
command line deletes it as soon as the film is done, unless it is asked to keep it.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from mien.errors import FilmError
from mien.track import FrameFaces, KeyFace, Segment
from mien.types import Face, Floats, Quality

Row = dict[str, Any]


class SegmentLog:
    """A file of segments. Open it, read what it holds, then append; or only read."""

    def __init__(self, path: str | os.PathLike[str], settings: Row) -> None:
        """Open or begin a journal.

        Args:
            path: the file.
            settings: all that decides what is seen; kept in the first line, and must be the same
                to go on.

        Raises:
            FilmError: the file belongs to another film or other settings, or cannot be written.
        """
        self.path, self._settings = Path(path), settings
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FilmError(f"{self.path} cannot be opened: {error.strerror}.") from error
        self._file = os.fdopen(handle, "r+b")
        try:
            self._mend()
        except Exception:
            self._file.close()
            raise

    def _mend(self) -> None:
        """Check the first line, and cut off half a line that a killed run left behind."""
        head = (json.dumps({"mien": self._settings}) + "\n").encode()
        first = self._file.readline()
        if first.endswith(b"\n") and first != head:
            raise FilmError(
                f"{self.path} holds what was seen in another film or with other settings; "
                "choose another file, or delete it."
            )
        end = 0
        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
        self._file.seek(end)
        self._file.truncate()
        if not end:
            self._file.write(head)
            self._file.flush()

    def segments(self) -> Iterator[Segment]:
        """All that is saved, in the order of time; one segment in memory at a time."""
        return read_segments(self.path)

    def append(self, segment: Segment) -> None:
        """Save one segment.

        Raises:
            FilmError: the disk is full or gone; what is saved stays whole.
        """
        line = (json.dumps(segment_to_row(segment), separators=(",", ":")) + "\n").encode()
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise FilmError(
                f"{self.path} cannot be written ({error.strerror}). What was seen until then is "
                "kept, and the same command goes on from there."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read_segments(path: str | os.PathLike[str]) -> Iterator[Segment]:
    """What a journal holds, in the order of time; one segment in memory at a time."""
    with open(path, "rb") as file:
        next(file)
        for line in file:
            yield segment_from_row(json.loads(line))


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
