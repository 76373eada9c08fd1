"""The schema of results: JSON rows that may leave the machine, without embeddings and pixels.

Times are seconds, lengths are pixels of the upright image, unknown values are null, never 0.
`answer.schema.json` beside this file is the published form of the rows of `mien identify`.
"""

import json
import math
import time as clocks
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mien.media import is_film
from mien.types import (
    Answer,
    Appearance,
    Candidate,
    Decision,
    Face,
    FilmAnswer,
    Floats,
    Liveness,
    Quality,
    Reading,
)

if TYPE_CHECKING:  # the schema of photos does not need the engine for films
    from mien.albums.groups import Group
    from mien.film.live import LiveRecord
    from mien.film.presence import PresenceEvent
    from mien.liveness import Motion
    from mien.service.enrolment import Enrolled
    from mien.service.identification import Identified
    from mien.service.liveness import LivenessResult

Row = dict[str, Any]
OLD_CONFIRMED = "told"  # name of `confirmed` before 0.2.0; goes in 0.3.0
SCHEMA = 2  # raised if a key changes its meaning or is removed; new keys do not raise it
LISTED = 3  # candidates of a review; a person decides between them


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of an answer its row holds; by default at most 1 kB per face."""

    details: bool = False  # all candidates, the origin of each threshold, all quality components
    sources: bool = False  # with details: the paths of the enrolled pictures of the candidates


BRIEF = Extent()


def answer_schema() -> Row:
    """Return the JSON Schema (draft 2020-12) of the rows of `mien identify`."""
    text = (files("mien") / "service" / "answer.schema.json").read_text("utf-8")
    schema: Row = json.loads(text)
    return schema


def answer_row(answer: Answer, image: str, extent: Extent = BRIEF) -> Row:
    """Return the row of one image; `reason` is a code of mien.detect.REASONS."""
    decisions = [face.decision for face in answer.faces]
    return {
        "schema": SCHEMA,
        "image": image,
        "size": list(answer.size),
        "turned": answer.turned,
        "padded": answer.padded,
        "brightened": answer.brightened,
        "smallest": None if answer.smallest is None else round(answer.smallest, 1),
        "reason": answer.reason,
        **({"images": answer.images} if answer.images > 1 else {}),
        "faces": [face_row(face, extent) for face in answer.faces],
        "search": _search(decisions),
        "models": answer.models,
        "seconds": {step: round(time, 4) for step, time in answer.seconds.items()},
    }


def group_row(group: "Group") -> Row:
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


def face_row(face: Face, extent: Extent = BRIEF) -> Row:
    """Return the row of one face."""
    return {
        "box": _numbers(face.box, 1),
        "score": round(face.score, 4),
        "points": _numbers(face.points, 1),
        "quality": face.quality and _quality_row(face.quality, extent),
        "occluded": list(face.occluded),
        "liveness": liveness_row(face.liveness),
        "readings": [reading_row(reading) for reading in face.readings],
        "decision": face.decision and decision_row(face.decision, extent),
    }


def liveness_row(liveness: Liveness | None) -> Row | None:
    """Return whether a face is live; None if that was not checked."""
    if liveness is None:
        return None
    row = asdict(liveness)
    return {**row, "score": _rounded(liveness.score), "threshold": round(liveness.threshold, 4)}


def motion_row(motion: "Motion") -> Row:
    """Return the measures of one face over time."""
    row = {**asdict(motion), "signs": motion.signs}
    return {name: _rounded(v) if isinstance(v, float) else v for name, v in row.items()}


def _quality_row(quality: Quality, extent: Extent) -> Row:
    row: Row = {"advice": list(quality.advice)}
    if extent.details:
        row["components"] = {name: round(v, 1) for name, v in quality.components.items()}
        row["measures"] = {name: round(v, 4) for name, v in quality.measures.items()}
    return row


def decision_row(decision: Decision, extent: Extent = BRIEF) -> Row:
    """Return a decision: a name in `person` for a match only, else in `candidates`.

    Without details the candidates are those of a review, at most three.
    """
    row: Row = {
        "outcome": decision.outcome,
        "person": decision.person if decision.outcome == "match" else None,
        "similarity": _rounded(decision.similarity),
        "score": _rounded(decision.score),
        "threshold": decision.basis and _rounded(decision.basis.threshold),
        "probability": _rounded(decision.probability, 6),
        "margin": _rounded(decision.margin),
        "reason": decision.reason,
        "code": decision.code,
    }
    if extent.details:
        row |= {"prior": decision.prior, "basis": decision.basis and asdict(decision.basis)}
    if extent.details or decision.outcome == "review":
        shown = decision.candidates if extent.details else decision.candidates[:LISTED]
        row["candidates"] = [_candidate_row(one, extent) for one in shown]
    return row


def _candidate_row(candidate: Candidate, extent: Extent) -> Row:
    row: Row = {
        "person": candidate.person,
        "similarity": _rounded(candidate.similarity),
        "score": _rounded(candidate.score),
    }
    if extent.details:
        row["template"] = candidate.template
    if extent.sources:
        row["source"] = candidate.source
    return row


def _search(decisions: Iterable[Decision | None]) -> Row | None:
    """Return what all decisions of an answer share: prior and origin of the threshold."""
    found = [{"prior": d.prior, **(asdict(d.basis) if d.basis else {})} for d in decisions if d]
    if not found:
        return None
    return {key: v for key, v in found[0].items() if all(key in f and f[key] == v for f in found)}


def reading_row(reading: Reading) -> Row:
    """Return one reading of one head, without dense arrays; absent parts have no key."""
    row: Row = {"task": reading.task, "values": reading.values, "unit": reading.unit}
    row |= {"model": reading.model, "low": reading.low, "high": reading.high}
    row |= {"text": reading.text, "derived": [reading_row(one) for one in reading.derived]}
    return {key: value for key, value in row.items() if value or key == "values"}


def film_row(answer: FilmAnswer, film: str, extent: Extent = BRIEF) -> Row:
    """Return the row of one film; `reason` is a code of mien.media.film.REASONS.

    A person of a film has a `label`, such as "Ada" or "unknown-3"; `person` is the name of a match.
    """
    decisions = {one.person: one.decision for one in answer.people}
    tracks = [one.decision for one in answer.tracks]
    return {
        "schema": SCHEMA,
        "film": film,
        "seconds": round(answer.seconds, 3),
        "complete": answer.complete,
        "reason": answer.reason,
        "people": [
            {
                **_who(one.person, one.decision),
                "seconds": round(one.seconds, 3),
                "best": round(one.best.time or 0.0, 3),
                "tracks": list(one.tracks),
                "liveness": liveness_row(one.best.liveness),
                "decision": one.decision and decision_row(one.decision, extent),
            }
            for one in answer.people
        ],
        "appearances": [_appearance(one, decisions) for one in answer.appearances],
        "prominent": [_appearance(one, decisions) for one in answer.prominent],
        "tracks": [
            {
                "track": one.number,
                "spans": [[round(start, 3), round(end, 3)] for start, end in one.spans],
                "observations": one.observations,
                "width": round(one.width, 1),
                "liveness": liveness_row(one.best.liveness),
                "decision": one.decision and decision_row(one.decision, extent),
            }
            for one in answer.tracks
        ],
        "cuts": [round(cut, 3) for cut in answer.cuts],
        "frames": answer.counts,
        "search": _search([*decisions.values(), *tracks]),
        "models": answer.models,
        "times": {step: round(time, 3) for step, time in answer.times.items()},
    }


def _who(label: str, decision: Decision | None) -> Row:
    sure = decision is not None and decision.outcome == "match"
    return {"label": label, "person": decision.person if decision and sure else None}


def _appearance(one: Appearance, decisions: dict[str, Decision | None]) -> Row:
    return {
        **_who(one.person, decisions.get(one.person)),
        "start": round(one.start, 3),
        "end": round(one.end, 3),
        "tracks": list(one.tracks),
    }


def identified_row(found: "Identified", extent: Extent = BRIEF) -> Row:
    """Return the row of one image or film that was searched for known people."""
    if found.film is not None:
        return film_row(found.film, found.source, extent)
    if found.answer is not None:
        return answer_row(found.answer, found.source, extent)
    kind = "film" if found.source != "-" and is_film(found.source) else "image"
    return {"schema": SCHEMA, kind: found.source, "error": found.error}


def checked_row(result: "LivenessResult") -> Row:
    """Return the row of one image, film or camera whose faces were checked for liveness."""
    film = bool(result.tracks) or result.answer is None
    row: Row = {"schema": SCHEMA, "film" if film else "image": result.source}
    if result.error:
        return {**row, "error": result.error}
    row |= {"outcome": result.outcome, "reason": result.reason}
    if result.answer is not None:
        faces = [{"box": _numbers(f.box, 1), "liveness": liveness_row(f.liveness)}
                 for f in result.answer.faces]  # fmt: skip
        row |= {"size": list(result.answer.size), "turned": result.answer.turned}
    else:
        faces = [{"track": one.track, "start": round(one.start, 3), "end": round(one.end, 3),
                  "box": _numbers(one.largest.box, 1), "liveness": liveness_row(one.liveness),
                  "motion": motion_row(one.motion)}
                 for one in result.tracks]  # fmt: skip
        challenge = result.challenge and asdict(result.challenge)
        row |= {"seconds": round(result.seconds, 3), "challenge": challenge}
    return {**row, "faces": faces, "models": result.models}


def skipped_row(sentence: str) -> Row:
    """Return the row of an entry that was left out of a search, with the reason."""
    return {"schema": SCHEMA, "skipped": sentence}


def verified_row(first: str, second: str, decision: Decision) -> Row:
    """Return the row of a 1:1 comparison of two images."""
    row = decision_row(decision, Extent(details=True))
    checked = {"liveness": liveness_row(decision.liveness)}
    return {"schema": SCHEMA, "images": [first, second], **row, **checked}


def enrolled_row(result: "Enrolled") -> Row:
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
        **({"doubts": [asdict(doubt) for doubt in result.doubts]} if result.doubts else {}),
        **({"liveness": liveness_row(result.liveness)} if result.liveness else {}),
    }


def event_row(event: "PresenceEvent", started: float | None) -> Row:
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
        "decision": event.decision and decision_row(event.decision),
        **({"liveness": liveness_row(event.liveness)} if event.liveness else {}),
    }


def record_row(record: "LiveRecord", started: float | None) -> Row:
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
    """Return nested lists; NaN, such as a point that was not found, is null."""
    if values is None:
        return None
    if values.ndim > 1:
        return [_numbers(row, digits) for row in values]
    return [None if math.isnan(v) else round(v, digits) for v in values.astype(float).tolist()]
