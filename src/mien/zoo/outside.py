"""Systems of other distributions, which join through the entry-point group `mien.systems`.

An installed distribution names a package that has a card.toml beside its head.py:

    [project.entry-points."mien.systems"]
    smile = "nice_smile"

Its card is checked as ours are; nothing is imported until somebody opens the model. What is wrong
with one of them is kept as a fault and reported; it never keeps another system from working.
"""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from mien.errors import MienError
from mien.zoo.card import OURS, Card, Origin, own_cards, read_card

GROUP = "mien.systems"


@dataclass(frozen=True, slots=True)
class Fault:
    """A system of another distribution that cannot be used."""

    name: str  # of its card, or of its entry point if there is no readable card
    distribution: str  # "nice-smile 1.0"
    reason: str  # a sentence: what is wrong, where, and what to do


@dataclass(frozen=True, slots=True)
class Outside:
    """The systems of other distributions."""

    cards: tuple[Card, ...]
    folders: tuple[Path, ...]  # in the order of the cards
    faults: tuple[Fault, ...]


def outside() -> Outside:
    """All systems of other distributions, sound and faulty. Imports none of their code."""
    return _outside(tuple(sys.path))


def read_again() -> None:
    """Forget what was read, after a distribution was installed or removed in this process."""
    _outside.cache_clear()


@lru_cache(maxsize=8)
def _outside(places: tuple[str, ...]) -> Outside:
    """What these places hold; kept, since reading every distribution takes tens of milliseconds."""
    taken = dict.fromkeys(own_cards(), "mien itself")
    cards: list[Card] = []
    folders: list[Path] = []
    faults: list[Fault] = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: (_distribution(p), p.name)):
        told = _distribution(point)
        name = point.name
        try:
            card, folder = _read(point)
            name = card.name
            if name in taken:
                raise MienError(
                    f"{folder / 'card.toml'} is named '{name}', which {taken[name]} has already; "
                    "its makers must choose another name."
                )
        except (MienError, OSError, ValueError, ImportError) as error:
            faults.append(Fault(name, told, str(error)))
            continue
        taken[name] = told
        cards.append(card)
        folders.append(folder)
    return Outside(tuple(cards), tuple(folders), tuple(faults))


def _read(point: EntryPoint) -> tuple[Card, Path]:
    """The card that an entry point leads to, and its folder."""
    package = point.value.strip()
    if not all(part.isidentifier() for part in package.split(".")):
        raise MienError(
            f"The entry point '{point.name}' of {GROUP} must name a package with a card.toml, "
            f"got '{package}'."
        )
    if package.partition(".")[0] == OURS:
        raise MienError(
            f"The entry point '{point.name}' of {GROUP} names '{package}', which is mien's own; "
            "it must name a package of its own distribution."
        )
    folder = next((place for place in _folders(package) if (place / "card.toml").is_file()), None)
    if folder is None:
        raise MienError(
            f"The entry point '{point.name}' of {GROUP} names '{package}', and no package of that "
            "name with a card.toml is installed; install the distribution again."
        )
    assert point.dist is not None  # entry_points() knows where each comes from
    origin = Origin(point.dist.name, point.dist.version, package)
    card = read_card(folder / "card.toml", origin)
    module = card.entry.partition(":")[0]
    rest = folder.joinpath(*module.removeprefix(f"{package}.").split("."))
    if not rest.with_suffix(".py").is_file() and not (rest / "__init__.py").is_file():
        raise MienError(
            f"{folder / 'card.toml'}: 'entry' names the module {module}, which is missing; install "
            "the distribution again."
        )
    return card, folder


def _folders(package: str) -> Iterator[Path]:
    """Where a package lies; nothing is imported.

    Finding a dotted name would import its parents, so only the first part is looked up.
    """
    first, *rest = package.split(".")
    spec = importlib.util.find_spec(first)
    for place in (spec.submodule_search_locations if spec else None) or ():
        yield Path(place).joinpath(*rest)


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
