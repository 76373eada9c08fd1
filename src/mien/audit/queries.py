"""Count of the queries to a subject, with a limit."""

from dataclasses import replace
from typing import Any

from mien.contracts import Scope, Subject
from mien.errors import ScopeError
from mien.types import Pixels


class CountedModel:
    """A model that counts its chips; all else is delegated to the model."""

    def __init__(self, model: Any, limit: int | None) -> None:
        self.name, self.digest, self.device = model.name, model.digest, model.device
        self.crop = model.crop
        self.asked, self.limit, self._model = 0, limit, model

    def __call__(self, chips: Pixels) -> Any:
        """Run the model.

        Raises:
            ScopeError: the number of chips exceeds the agreed limit.
        """
        self.asked += len(chips)
        if self.limit is not None and self.asked > self.limit:
            raise ScopeError(
                f"The audit would run {self.name} on {self.asked:,} images, but the agreed limit "
                "is "
                f"{self.limit:,}; use fewer images, or raise the limit (--queries)."
            )
        return self._model(chips)


def counted(subject: Subject, scope: Scope) -> tuple[Subject, CountedModel]:
    """Return a subject with counted queries, and its counter, for chip heads and embedders."""
    model = CountedModel(subject.model, scope.queries)
    return replace(subject, model=model), model
