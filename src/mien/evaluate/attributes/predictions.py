"""Truths with their predictions, from a head or from a file of another program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError
from mien.metrics import Clusters


@dataclass(frozen=True, slots=True)
class Prediction:
    """One truth with its prediction."""

    truth: str
    predicted: str | None  # None: no answer, which counts as wrong
    probability: float | None = None  # stated for the predicted class
    low: float | None = None  # stated interval of a number
    high: float | None = None
    person: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)  # by class; empty: not stated
    groups: Mapping[str, str] = field(default_factory=dict)  # other labels, such as race


FORMER = {"said": "predicted"}  # heading before 0.2.0; goes in 0.3.0


def answers_in(path: Path) -> list[Prediction]:
    """Read CSV with truth, predicted; optionally probability, low, high, person; empty: no answer.

    Raises:
        MienError: a probability is outside [0, 1] or not a number, by line.
    """
    found = []
    for line, row in enumerate(rows_of(path, ("truth", "predicted"), renamed=FORMER), 2):
        values: dict[str, float | None] = {}
        for key in ("probability", "low", "high"):
            text = (row.get(key) or "").strip()
            try:
                values[key] = float(text) if text else None
            except ValueError:
                raise MienError(f"{path}, line {line}: {key} '{text}' is not a number.") from None
        p = values["probability"]
        if (p is not None and not 0 <= p <= 1) or not row["truth"].strip():
            raise MienError(
                f"{path}, line {line}: expected a truth and a probability in [0, 1], got "
                f"'{row['truth']}' and {p}."
            )
        predicted = row["predicted"].strip() or None
        details = (values["probability"], values["low"], values["high"], row.get("person") or "")
        found.append(Prediction(row["truth"].strip(), predicted, *details))
    return found


def clusters_of(answers: Sequence[Prediction]) -> Clusters:
    """The people of the answers; an image of nobody counts as a person of its own."""
    return Clusters([a.person or f"\0{k}" for k, a in enumerate(answers)])
