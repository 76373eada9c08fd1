"""A callable of the user as the subject of an audit."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from mien.contracts import Embedder, Subject, SubjectKind
from mien.errors import MienError, ScopeError
from mien.types import Crop, Device, Doubles, Floats, Pixels, Reading

Score = Callable[[Pixels, Pixels], float]  # probe, reference


class CallableModel:
    """A function that takes chips, with the attributes of a model."""

    digest = ""

    def __init__(self, function: Callable[[Pixels], Any], name: str, crop: Crop) -> None:
        self.name, self.crop, self._function = name, crop, function
        self.device, self.contract = Device("cpu", "callable", 1), f"{name}/callable"

    def __call__(self, chips: Pixels) -> Any:
        """Run the function on (N, S, S, 3) chips."""
        return self._function(chips)


class ScoreMatcher:
    """A matcher that answers with scores only, beside an embedder that stands in for it."""

    def __init__(self, score: Score, stand_in: Embedder, name: str) -> None:
        self.name, self.digest, self.contract = name, "", f"{name}/callable"
        self.device, self.crop = stand_in.device, stand_in.crop
        self.stand_in, self._score = stand_in, score

    def __call__(self, chips: Pixels) -> Floats:
        """Embed (N, S, S, 3) chips with the stand-in; the matcher itself has no vectors."""
        return self.stand_in(chips)

    def score(self, probes: Pixels, reference: Pixels) -> Doubles:
        """(N, S, S, 3) probes and one (S, S, 3) reference -> (N,) scores.

        Raises:
            MienError: an answer is no finite number.
        """
        found = [self._score(probe, reference) for probe in probes]
        right = [isinstance(v, Real) and not isinstance(v, bool | np.bool_) for v in found]
        if not all(right) or not np.isfinite(np.asarray(found, np.float64)).all():
            wrong = next((v for v, ok in zip(found, right, strict=True) if not ok), float("nan"))
            raise MienError(f"'{self.name}' answers {wrong!r}; a finite number is expected.")
        return np.asarray(found, np.float64)


def matcher_of(score: Score, *, stand_in: Embedder, name: str = "callable") -> Subject:
    """Return a subject of a matcher without vectors: (probe, reference) chips -> score.

    Args:
        score: larger for more similar faces; it gets two (S, S, 3) chips of the stand-in's crop.
        stand_in: another embedder; the audit reckons with its vectors.
        name: in reports.

    Raises:
        ScopeError: it is no function, such as an address.
    """
    _require_function(score)
    return Subject("embedder", ScoreMatcher(score, stand_in, name))


def embedder_of(
    function: Callable[[Pixels], Floats], *, name: str = "callable", size: int = 112
) -> Subject:
    """Return a subject of a function: (N, size, size, 3) chips -> (N, D) vectors.

    The vectors are scaled to length 1.
    """
    _require_function(function)

    def unit(chips: Pixels) -> Floats:
        vectors = np.asarray(function(chips))
        if vectors.dtype.kind != "f" or vectors.ndim != 2:
            return vectors  # the counter of the audit reports what is wrong
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)

    return _subject("embedder", unit, name, size)


def head_of(
    function: Callable[[Pixels], list[dict[str, float]]],
    *,
    task: str,
    unit: str = "probability",
    name: str = "callable",
    size: int = 112,
) -> Subject:
    """Return a subject of a function: (N, size, size, 3) chips -> N times label -> number."""
    _require_function(function)

    def read(chips: Pixels) -> list[Reading]:
        return [Reading(task, dict(values), unit, name) for values in function(chips)]

    return _subject("chip-head", read, name, size)


def _require_function(function: object) -> None:
    if not callable(function):
        raise ScopeError(
            f"The subject of an audit is a function or a model of this process, not {function!r}."
        )


def _subject(kind: SubjectKind, function: Callable[[Pixels], Any], name: str, size: int) -> Subject:
    return Subject(kind, CallableModel(function, name, Crop(size=size)))


def require_no_url(name: str) -> None:
    """Refuse an address as subject.

    Raises:
        ScopeError: it is a URL: an audit never asks another machine.
    """
    if "://" in name:
        raise ScopeError(
            f"'{name}' is an address, and an audit examines models of this process only; give a "
            "card, a run folder, or a function."
        )
