"""Our own systems: one folder each, found by its card."""

from dataclasses import dataclass
from pathlib import Path

from mien.errors import UnknownModelError
from mien.zoo.card import Card, card_paths, read_card


@dataclass(frozen=True, slots=True)
class System:
    """One folder of mien.systems."""

    card: Card
    folder: Path

    @property
    def module(self) -> str:
        """Its package: mien.systems.NAME."""
        return f"mien.systems.{self.folder.name}"

    def has(self, part: str) -> bool:
        """Whether it has that file: train, proof, data, ..."""
        return (self.folder / f"{part}.py").is_file()

    @property
    def page(self) -> Path:
        """Its model card for people."""
        return self.folder / "README.md"


def systems() -> dict[str, System]:
    """Every system by the name of its card."""
    places = [path for path in card_paths() if path.name == "card.toml"]
    found = [System(read_card(path), path.parent) for path in places]
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
