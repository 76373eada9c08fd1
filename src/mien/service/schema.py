"""What may leave the machine about a face, as plain rows: no vectors and no pixels."""

from dataclasses import asdict
from typing import Any

from mien.types import Answer, Decision, Face, Floats, Reading

Row = dict[str, Any]


def answer_row(answer: Answer, image: str) -> Row:
    """One image as a row of JSON.

    Lengths are pixels of the upright image; `reason` is a code of mien.detect.REASONS; what was
    not computed is null, never 0.
    """
    return {
        "image": image,
        "size": list(answer.size),
        "turned": answer.turned,
        "padded": answer.padded,
        "reason": answer.reason,
        "faces": [face_row(face) for face in answer.faces],
        "models": answer.models,
        "seconds": {step: round(time, 4) for step, time in answer.seconds.items()},
    }


def face_row(face: Face) -> Row:
    """One face as a row of JSON."""
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
    """A decision with the threshold it rests on and where that comes from."""
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
    """One answer of one head; dense arrays stay behind."""
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


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _numbers(values: Floats | None, digits: int) -> Any:
    return None if values is None else values.astype(float).round(digits).tolist()
