"""Systems: one folder each, found by its card; our own, and those of other distributions."""

from dataclasses import dataclass
from pathlib import Path

from mien.errors import UnknownModelError
from mien.zoo.card import Card, card_paths, own_cards, read_card
from mien.zoo.outside import Fault, outside
from mien.zoo.runs import added, opened_runs


@dataclass(frozen=True, slots=True)
class System:
    """One folder with a card, a head (or maker, or audit), and its training and proof."""

    card: Card
    folder: Path

    @property
    def module(self) -> str:
        """Its package: mien.systems.NAME, or one of another distribution."""
        origin = self.card.origin
        return origin.package if origin else f"mien.systems.{self.folder.name}"

    def has(self, part: str) -> bool:
        """Whether it has that file: train, proof, data, ..."""
        return (self.folder / f"{part}.py").is_file()

    @property
    def page(self) -> Path:
        """Its README."""
        return self.folder / "README.md"


def cards(task: str | None = None) -> dict[str, Card]:
    """Every card, or those of one task, by name. Imports no model code.

    They are those of mien, of other distributions, of trainings added by name, and of run folders
    that this process has opened.

    Example:
        >>> mien.cards()["mtcnn"].licence
        'MIT'
    """
    others = {card.name: card for card in outside().cards}
    found = opened_runs() | added()[0] | others | own_cards()
    return {name: card for name, card in sorted(found.items()) if task in (None, card.task)}


def faults() -> tuple[Fault, ...]:
    """The cards that cannot be used: of other distributions, and of added trainings."""
    return (*outside().faults, *added()[1])


def systems() -> dict[str, System]:
    """Every system by the name of its card."""
    places = [path for path in card_paths() if path.name == "card.toml"]
    found = [System(read_card(path), path.parent) for path in places]
    others = outside()
    found += [System(*one) for one in zip(others.cards, others.folders, strict=True)]
    return {system.card.name: system for system in sorted(found, key=lambda s: s.card.name)}


def find_system(name: str) -> System:
    """The system whose card, or whose folder, has that name.

    Raises:
        UnknownModelError: there is none.
    """
    known = systems()
    for system in known.values():
        if name in (system.card.name, system.folder.name):
            return system
    raise UnknownModelError(f"There is no system '{name}'; there are {', '.join(known)}.")
