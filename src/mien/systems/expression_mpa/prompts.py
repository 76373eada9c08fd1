"""The reviewed descriptions of classes and units, and captions made of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import TrainingError

OWN = Path(__file__).with_name("descriptions.json")
NONE = "no movement"


@dataclass(frozen=True, slots=True)
class Descriptions:
    """What the prompts are made of."""

    template: str
    units: Mapping[str, str]  # "AU12" -> what is seen
    classes: Mapping[str, str]  # class -> what is seen

    def hard(self, name: str) -> str:
        """The fixed prompt of a class: template, name and description.

        Raises:
            TrainingError: the class has no description.
        """
        if name not in self.classes:
            raise TrainingError(
                f"The class '{name}' has no description; add it to the descriptions "
                f"({', '.join(self.classes)})."
            )
        return f"{self.template} {name} {self.classes[name]}"

    def caption(self, units: Sequence[str]) -> str:
        """What a face with these units shows."""
        seen = " and ".join(self.units[unit] for unit in units)
        return f"a face showing {seen or NONE}"


def read(path: Path = OWN) -> Descriptions:
    """Descriptions from a JSON file with `template`, `units` and `classes`.

    Raises:
        TrainingError: the file cannot be read, or lacks one of them.
    """
    try:
        table = json.loads(path.read_text("utf-8"))
        return Descriptions(table["template"], table["units"], table["classes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} is no file of descriptions ({error!r}); it needs template, units, classes."
        ) from None
