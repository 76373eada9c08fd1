"""What leaves the server: the rows of `mien.service.schema`, with or without scores."""

import math
from datetime import UTC, datetime
from typing import Any

from mien.decision import Calibration
from mien.service.schema import Row

# Without the scope `scores`, an answer is a decision. Numbers that say how close it was let a
# caller build an image that passes for a person.
WITHHELD = ("similarity", "score", "threshold", "probability", "margin", "one_in")
REASONS = {
    "match": "The face is similar enough to this person at this rate.",
    "review": "A person must decide: the face is similar, but not sure enough for a name.",
    "unknown": "The face is not similar enough to anybody at this rate.",
}


def visible(
    row: Row, scores: bool, calibration: Calibration | None = None, people: int | None = None
) -> Row:
    """Return a row with its scores and `one_in`, or with decisions only.

    Args:
        row: with decisions at any depth.
        scores: whether they may be shown.
        calibration: that gave them.
        people: number of people that were searched; None: a comparison of two faces.
    """
    shown: Row = _shown(row, scores, calibration, people)
    return shown


def _shown(value: Any, scores: bool, *how: Any) -> Any:
    if isinstance(value, list):
        return [_shown(each, scores, *how) for each in value]
    if not isinstance(value, dict):
        return value
    row = {key: _shown(each, scores, *how) for key, each in value.items()}
    if isinstance(row.get("liveness"), dict) and not scores:
        row["liveness"] = {**row["liveness"], "score": None}
    if "outcome" not in row or "person" not in row:
        return row
    return {**row, "one_in": one_in(row.get("score"), *how)} if scores else _decision(row)


def _decision(row: Row) -> Row:
    kept: Row = {key: None if key in WITHHELD else each for key, each in row.items()}
    kept["reason"] = REASONS[row["outcome"]]
    kept.pop("basis", None)
    if "candidates" in kept:
        bare = {"similarity": None, "score": None}
        kept["candidates"] = [{"person": one["person"], **bare} for one in kept["candidates"]]
    return kept


def one_in(score: float | None, calibration: Calibration | None, people: int | None) -> int | None:
    """Return how rarely a search for a stranger would find somebody this similar.

    Args:
        score: of the best candidate.
        calibration: which knows the rarest rate that its data show.
        people: number of people searched; None: one comparison.

    Returns:
        N of "1 in N searches", with two digits; never more than the calibration shows.
    """
    if score is None or calibration is None:
        return None
    rate = max(10.0**-score, calibration.rarest)
    number = 1 / (calibration.fpir_of(min(rate, 0.5), people) if people else rate)
    digits = max(0, math.floor(math.log10(max(number, 1.0))) - 1)
    return int(round(number / 10**digits) * 10**digits)


def moment(seconds: float | datetime | None) -> str | None:
    """Return a time as ISO 8601, UTC."""
    if seconds is None:
        return None
    if not isinstance(seconds, datetime):
        seconds = datetime.fromtimestamp(seconds, UTC)
    return seconds.astimezone(UTC).isoformat(timespec="seconds")
