"""Count of the queries to a subject, with a limit, and the ledger that records them."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mien.contracts import Scope, Subject
from mien.errors import MienError, ScopeError
from mien.types import Pixels


class CountedModel:
    """A model that counts its chips and checks its answers; all else is delegated to the model."""

    def __init__(self, subject: Subject, limit: int | None, ledger: Path | None = None) -> None:
        model: Any = subject.model
        self.name, self.digest, self.device = model.name, model.digest, model.device
        self.crop: Any = getattr(model, "crop", None)  # detectors have none
        self.asked, self.limit, self.ledger, self._model = 0, limit, ledger, model
        self._kind = subject.kind
        self._width: int | None = None  # of the vectors of an embedder

    def __call__(self, chips: Pixels) -> Any:
        """Run the model.

        Raises:
            ScopeError: the number of chips exceeds the agreed limit, or the ledger cannot be
                written.
            MienError: the model answers with something else than its contract says.
        """
        self.note(chips)
        answer = self._model(chips)
        self._check(answer, len(chips))
        return answer

    def note(self, chips: Pixels) -> None:
        """Count chips that are about to be given to the model in another way, and record them.

        Raises:
            ScopeError: see `__call__`.
        """
        self.asked += len(chips)
        if self.limit is not None and self.asked > self.limit:
            raise ScopeError(
                f"The audit would run {self.name} on {self.asked:,} images, but the agreed limit "
                "is "
                f"{self.limit:,}; use fewer images, or raise the limit (--queries)."
            )
        self._record(chips)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)

    def _record(self, chips: Pixels) -> None:
        if self.ledger is None:
            return
        row = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "model": f"{self.name}@{self.digest}" if self.digest else self.name,
            "images": len(chips),
            "in_all": self.asked,
            "sha256": hashlib.sha256(np.ascontiguousarray(chips).tobytes()).hexdigest(),
        }
        try:
            with self.ledger.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise ScopeError(
                f"The query ledger {self.ledger} cannot be written ({error.strerror}), and a query "
                "that is not recorded is not asked."
            ) from error

    def _check(self, answer: Any, count: int) -> None:
        if self._kind == "embedder":
            self._check_vectors(np.asarray(answer), count)
        elif self._kind == "chip-head" and (
            not isinstance(answer, list | tuple) or len(answer) != count
        ):
            got = f"{len(answer)} answers" if isinstance(answer, list | tuple) else "no list"
            raise MienError(f"'{self.name}' gave {got} for {count} images; one each is expected.")

    def _check_vectors(self, vectors: Any, count: int) -> None:
        width = vectors.shape[1] if vectors.ndim == 2 else None
        self._width = self._width or width
        if vectors.ndim != 2 or len(vectors) != count or width != self._width or not width:
            raise MienError(
                f"'{self.name}' gave an array of shape {vectors.shape} for {count} images; vectors "
                f"of one length, ({count}, {self._width or 'D'}), are expected."
            )
        if vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
            raise MienError(
                f"'{self.name}' answers with {vectors.dtype} or NaN; finite floats are expected."
            )


def counted(subject: Subject, scope: Scope) -> tuple[Subject, CountedModel]:
    """Return a subject with counted queries, and its counter, for chip heads and embedders.

    A subject that is counted already keeps its counter.
    """
    if isinstance(subject.model, CountedModel):
        return subject, subject.model
    model = CountedModel(subject, scope.queries, scope.ledger)
    return replace(subject, model=model), model
