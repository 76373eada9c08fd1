"""Answers as one table: a row per face of a photo, or per appearance in a film."""

import csv
from io import StringIO
from pathlib import Path

from mien.export.saved import FaceOf, Row, faces, films, photos
from mien.media import write_bytes
from mien.tables.formulas import harmless

COLUMNS = (
    "source", "face", "person", "outcome", "candidate", "similarity", "threshold", "probability",
    "left", "top", "right", "bottom", "score", "start_s", "end_s", "reason",
)  # fmt: skip


def write_csv(rows: list[Row], place: Path) -> int:
    """Write the table in UTF-8; return its number of rows.

    `person` is the name of a match; the best candidate of a review is in `candidate`. Text that a
    spreadsheet would run as a formula begins with an apostrophe.

    Raises:
        MienError: the file cannot be written.
    """
    lines = [_of_face(face) for row in photos(rows) for face in faces(row)]
    lines += [line for row in films(rows) for line in _of_film(row)]
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({
            key: harmless(value) if isinstance(value, str) else "" if value is None else value
            for key, value in line.items()
        })  # fmt: skip
    write_bytes(place, text.getvalue().encode("utf-8", "replace"))
    return len(lines)


def _of_face(face: FaceOf) -> Row:
    sides = dict(zip(("left", "top", "right", "bottom"), face.row["box"], strict=True))
    about = {"source": face.image, "face": face.number, "score": face.row["score"], **sides}
    return about | _of_decision(face.decision, face.person, face.candidate)


def _of_film(row: Row) -> list[Row]:
    decisions = {one["label"]: one["decision"] or {} for one in row["people"]}
    lines = []
    for one in row["appearances"]:
        decision = decisions.get(one["label"], {})
        listed = decision.get("candidates") or ()
        best = next((c["person"] for c in listed), one["person"])
        about = {"source": row["film"], "face": one["label"]}
        about |= {"start_s": one["start"], "end_s": one["end"]}
        lines.append(about | _of_decision(decision, one["person"], best))
    return lines


def _of_decision(decision: Row, person: str | None, candidate: str | None) -> Row:
    kept = ("outcome", "similarity", "threshold", "probability", "reason")
    found = {key: decision.get(key) for key in kept}
    return {**found, "person": person, "candidate": candidate}
