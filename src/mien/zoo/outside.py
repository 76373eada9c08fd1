"""Systems of other distributions, found through the entry-point group `mien.systems`.

An installed distribution names a package that has a card.toml beside its head.py:

    [project.entry-points."mien.systems"]
    smile = "nice_smile"

Its card is checked as ours are; nothing is imported until the model is opened. An error in a card
is stored as a fault and reported; it does not prevent the use of other systems.
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
    reason: str  # a sentence: the fault, its place, and the remedy


@dataclass(frozen=True, slots=True)
class Outside:
    """The systems of other distributions."""

    cards: tuple[Card, ...]
    folders: tuple[Path, ...]  # in the order of the cards
    faults: tuple[Fault, ...]


def outside() -> Outside:
    """All systems of other distributions, valid and faulty. Imports none of their code."""
    return _outside(tuple(sys.path))


def read_again() -> None:
    """Clear the cache, after a distribution was installed or removed in this process."""
    _outside.cache_clear()


@lru_cache(maxsize=8)
def _outside(places: tuple[str, ...]) -> Outside:
    """The systems of these paths; cached, since reading every distribution takes 10 to 100 ms."""
    taken = dict.fromkeys(own_cards(), "mien itself")
    cards: list[Card] = []
    folders: list[Path] = []
    faults: list[Fault] = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: (_distribution(p), p.name)):
        distribution = _distribution(point)
        name = point.name
        try:
            card, folder = _read(point)
            name = card.name
            if name in taken:
                raise MienError(
                    f"{folder / 'card.toml'} is named '{name}', a name of {taken[name]}; "
                    "its authors must choose another name."
                )
        except (MienError, OSError, ValueError, ImportError) as error:
            faults.append(Fault(name, distribution, str(error)))
            continue
        taken[name] = distribution
        cards.append(card)
        folders.append(folder)
    return Outside(tuple(cards), tuple(folders), tuple(faults))


def _read(point: EntryPoint) -> tuple[Card, Path]:
    """The card of an entry point, and its folder."""
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
    assert point.dist is not None  # entry_points() always knows the distribution
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
    """The folders of a package; nothing is imported.

    Finding a dotted name would import its parents, so only the first part is searched.
    """
    first, *rest = package.split(".")
    spec = importlib.util.find_spec(first)
    for place in (spec.submodule_search_locations if spec else None) or ():
        yield Path(place).joinpath(*rest)


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
