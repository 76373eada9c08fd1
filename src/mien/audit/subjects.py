"""A callable of the user as the subject of an audit."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mien.contracts import Subject, SubjectKind
from mien.errors import ScopeError
from mien.types import Crop, Device, Floats, Pixels, Reading


class CallableModel:
    """A function that takes chips, with the attributes of a model."""

    digest = ""

    def __init__(self, function: Callable[[Pixels], Any], name: str, crop: Crop) -> None:
        self.name, self.crop, self._function = name, crop, function
        self.device, self.contract = Device("cpu", "callable", 1), f"{name}/callable"

    def __call__(self, chips: Pixels) -> Any:
        """Run the function on (N, S, S, 3) chips."""
        return self._function(chips)


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
