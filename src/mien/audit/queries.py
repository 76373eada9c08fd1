"""What a subject was asked: counted, and stopped where more was not agreed."""

from dataclasses import replace
from typing import Any

from mien.contracts import Scope, Subject
from mien.errors import ScopeError
from mien.types import Pixels


class CountedModel:
    """A model of chips that counts them; everything else is that of the model."""

    def __init__(self, model: Any, limit: int | None) -> None:
        self.name, self.digest, self.device = model.name, model.digest, model.device
        self.crop = model.crop
        self.asked, self.limit, self._model = 0, limit, model

    def __call__(self, chips: Pixels) -> Any:
        """Answer as the model does.

        Raises:
            ScopeError: more chips than were agreed.
        """
        self.asked += len(chips)
        if self.limit is not None and self.asked > self.limit:
            raise ScopeError(
                f"The audit would show {self.name} {self.asked:,} pictures, and {self.limit:,} "
                "were agreed; give it fewer pictures, or agree on more queries."
            )
        return self._model(chips)


def counted(subject: Subject, scope: Scope) -> tuple[Subject, CountedModel]:
    """A subject whose questions are counted, and its counter. For chip heads and embedders."""
    model = CountedModel(subject.model, scope.queries)
    return replace(subject, model=model), model
