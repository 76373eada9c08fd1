"""The schema of results: JSON rows that may leave the machine, without embeddings and pixels.

Times are seconds, lengths are pixels of the upright image, unknown values are null, never 0.
"""

import math
import time as clocks
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mien.albums.groups import Group
from mien.film.live import LiveRecord
from mien.film.presence import PresenceEvent
from mien.media import is_film
from mien.service.enrolment import Enrolled
from mien.service.identify import Identified
from mien.types import Answer, Appearance, Decision, Face, FilmAnswer, Floats, Reading

Row = dict[str, Any]
OLD_CONFIRMED = "told"  # name of `confirmed` before 0.2.0; goes in 0.3.0
SCHEMA = 1  # raised if a key changes its meaning or is removed; new keys do not raise it


def answer_row(answer: Answer, image: str) -> Row:
    """Return the row of one image; `reason` is a code of mien.detect.REASONS."""
    return {
        "schema": SCHEMA,
        "image": image,
        "size": list(answer.size),
        "turned": answer.turned,
        "padded": answer.padded,
        "reason": answer.reason,
        "faces": [face_row(face) for face in answer.faces],
        "models": answer.models,
        "seconds": {step: round(time, 4) for step, time in answer.seconds.items()},
    }


def group_row(group: Group) -> Row:
    """Faces of one person, as grouping photos found them."""
    faces = [
        {
            "face": face.id,
            "images": list(face.paths),
            "box": _numbers(face.box, 1),
            "confirmed": face.confirmed,
            OLD_CONFIRMED: face.confirmed,
        }
        for face in group.faces
    ]
    return {"schema": SCHEMA, "group": group.id, "name": group.name, "faces": faces}


def face_row(face: Face) -> Row:
    """Return the row of one face."""
    quality = face.quality
    return {
        "box": _numbers(face.box, 1),
        "score": round(face.score, 4),
        "points": _numbers(face.points, 1),
        "quality": quality
        and {
            "components": {name: round(value, 1) for name, value in quality.components.items()},
            "measures": {name: round(value, 4) for name, value in quality.measures.items()},
            "advice": list(quality.advice),
        },
        "readings": [reading_row(reading) for reading in face.readings],
        "decision": face.decision and decision_row(face.decision),
    }


def decision_row(decision: Decision, candidates: int = 3) -> Row:
    """Return a decision with its threshold and the origin of the threshold."""
    row: Row = {
        "outcome": decision.outcome,
        "person": decision.person,
        "similarity": _rounded(decision.similarity),
        "probability": _rounded(decision.probability, 6),
        "prior": decision.prior,
        "margin": _rounded(decision.margin),
        "reason": decision.reason,
        "basis": decision.basis and asdict(decision.basis),
    }
    if decision.candidates:
        row["candidates"] = [
            {**asdict(one), "similarity": _rounded(one.similarity)}
            for one in decision.candidates[:candidates]
        ]
    return row


def reading_row(reading: Reading) -> Row:
    """Return one reading of one head, without dense arrays."""
    return {
        "task": reading.task,
        "values": reading.values,
        "unit": reading.unit,
        "model": reading.model,
        "low": reading.low,
        "high": reading.high,
        "text": reading.text,
        "derived": [reading_row(one) for one in reading.derived],
    }


def film_row(answer: FilmAnswer, film: str) -> Row:
    """Return the row of one film; `reason` is a code of mien.media.film.REASONS."""
    return {
        "schema": SCHEMA,
        "film": film,
        "seconds": round(answer.seconds, 3),
        "complete": answer.complete,
        "reason": answer.reason,
        "people": [
            {
                "person": one.person,
                "seconds": round(one.seconds, 3),
                "best": round(one.best.time or 0.0, 3),
                "tracks": list(one.tracks),
                "decision": one.decision and decision_row(one.decision),
            }
            for one in answer.people
        ],
        "appearances": [_appearance(one) for one in answer.appearances],
        "prominent": [_appearance(one) for one in answer.prominent],
        "tracks": [
            {
                "track": one.number,
                "spans": [[round(start, 3), round(end, 3)] for start, end in one.spans],
                "observations": one.observations,
                "width": round(one.width, 1),
                "decision": one.decision and decision_row(one.decision, candidates=1),
            }
            for one in answer.tracks
        ],
        "cuts": [round(cut, 3) for cut in answer.cuts],
        "frames": answer.counts,
        "models": answer.models,
        "times": {step: round(time, 3) for step, time in answer.times.items()},
    }


def _appearance(one: Appearance) -> dict[str, Any]:
    return {
        "person": one.person,
        "start": round(one.start, 3),
        "end": round(one.end, 3),
        "tracks": list(one.tracks),
    }


def identified_row(found: Identified) -> Row:
    """Return the row of one image or film that was searched for known people."""
    if found.film is not None:
        return film_row(found.film, found.source)
    if found.answer is not None:
        return answer_row(found.answer, found.source)
    kind = "film" if found.source != "-" and is_film(found.source) else "image"
    return {"schema": SCHEMA, kind: found.source, "error": found.error}


def verified_row(first: str, second: str, decision: Decision) -> Row:
    """Return the row of a 1:1 comparison of two images."""
    return {"schema": SCHEMA, "images": [first, second], **decision_row(decision)}


def enrolled_row(result: Enrolled) -> Row:
    """Return the row of one enrolment."""
    item = result.item
    return {
        "schema": SCHEMA,
        "person": item.person,
        "image": str(item.path),
        "outcome": result.outcome,
        "reason": result.reason,
        "detail": result.detail,
        "id": result.template,
    }


def event_row(event: PresenceEvent, started: float | None) -> Row:
    """Return the row of one presence event.

    Args:
        event: a person enters, is named, or leaves.
        started: wall clock of 0:00, seconds since 1970; None for a film.
    """
    return {
        "kind": event.kind,
        "person": event.person,
        **({"was": event.was} if event.was else {}),
        **clock_fields(started, event.time),
        "decision": event.decision and decision_row(event.decision, candidates=1),
    }


def record_row(record: LiveRecord, started: float | None) -> Row:
    """Return the row of one face in one live frame, or of one facial event."""
    if record.event is not None:
        who = {"track": record.track, "person": record.person}
        event = record.event.row()
        return {"row": "event", **who, **event, **clock_fields(started, record.event.offset)}
    values = table_row(record.row or {})
    return {
        "row": "face",
        **values,
        "baseline": record.mode,
        **clock_fields(started, values["time"]),
    }


def table_row(row: Row) -> Row:
    """Return a row of a table: numbers with six digits; missing values are null."""
    kept = {name: _plain(value) for name, value in row.items() if name != "time"}
    moment = row["time"]
    return {**kept, "time": None if moment != moment else round(moment, 6)}


def clock_fields(started: float | None, time: float | None) -> Row:
    """Return seconds from the start; for a camera also the time of day with zone."""
    fields: Row = {"time": None if time is None else round(time, 3)}
    if started is not None:
        moment = clocks.time() if time is None else started + time
        fields["clock"] = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.6g}")
    if value is None or isinstance(value, str | int):
        return value
    return None if value != value or str(value) == "<NA>" else value


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _numbers(values: Floats | None, digits: int) -> Any:
    return None if values is None else values.astype(float).round(digits).tolist()
