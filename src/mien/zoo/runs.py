"""Models that were trained here: a run folder with a card beside its weights, or one by name.

`mien train` writes such a folder. It is opened by its path wherever a model is named, or by a name
after `mien models add`, which copies it to HOME/trained/NAME/.
"""

import os
import re
import secrets
import shutil
import tomllib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mien.errors import UnknownModelError
from mien.zoo.card import NAME, Card, CardError, Origin, own_cards, read_card
from mien.zoo.outside import Fault, outside
from mien.zoo.weights import cache
from mien.zoo.write import write_card

CARD, FIGURES = "card.toml", "figures.json"
_opened: dict[str, Card] = {}  # by the name that their readings carry


def is_run_folder(name: str) -> bool:
    """Whether a model is named by a path: it has a separator, or is a folder with a card."""
    return any(sign and sign in name for sign in (os.sep, os.altsep)) or (
        bool(name) and (Path(name) / CARD).is_file()
    )


def read_run(place: Path) -> Card:
    """The card of a run folder. Its weights are hashed when they are opened.

    Raises:
        UnknownModelError: there is no such folder.
        CardError: the folder has no card, or a faulty one.
    """
    if not place.is_dir():
        raise UnknownModelError(f"There is no folder '{place}'; give the run folder of a training.")
    path = place / CARD
    if not path.is_file():
        raise CardError(
            f"{place} has no {CARD}, so it is not a trained model. `mien train` writes the card "
            "when a training is complete; run its command again to continue it."
        )
    return _read(path.absolute(), path.stat().st_mtime_ns, outside().cards)


def opened_run(place: Path) -> Card:
    """The card of a run folder, which `cards` knows from now on: its readings name it."""
    card = read_run(place)
    _opened[card.name] = card
    return card


def opened_runs() -> dict[str, Card]:
    """The cards of run folders that this process has opened by their path."""
    return dict(_opened)


@lru_cache(maxsize=256)
def _read(path: Path, written: int, others: tuple[Card, ...]) -> Card:
    """Read a card whose code is that of an installed system, and whose files lie beside it."""
    card = replace(read_card(path, _origin(path, others)), run=path.parent)
    if not card.entry.startswith("mien.systems.") and card.origin is None:
        raise CardError(f"{path}: 'entry' must name a system, such as mien.systems.x.head:X.")
    far = [file.source for file in card.files if not file.source.startswith("beside:")]
    if far or card.convert:
        raise CardError(
            f"{path}: the weights of a run folder are in it, written beside:NAME, and need no "
            f"converter, got {far[0] if far else card.convert}."
        )
    return card


def _origin(path: Path, others: tuple[Card, ...]) -> Origin | None:
    """The distribution whose code a card names; None: ours."""
    try:
        entry = tomllib.loads(path.read_text("utf-8")).get("entry")
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None  # read_card names the fault
    return next((card.origin for card in others if card.entry == entry), None)


def shelf() -> Path:
    """The folder of the models that were added by name."""
    return cache.home() / "trained"


def added() -> tuple[dict[str, Card], tuple[Fault, ...]]:
    """The models that were added by name, and those whose card is faulty."""
    found: dict[str, Card] = {}
    faults: list[Fault] = []
    for path in sorted(shelf().glob(f"*/{CARD}")):
        try:
            card = read_run(path.parent)
        except (CardError, OSError) as error:
            faults.append(Fault(path.parent.name, str(path.parent), str(error)))
            continue
        found[card.name] = card
    return found, tuple(faults)


def add_run(place: Path, name: str = "") -> Card:
    """Copy a run folder's model into the cache, under its name or another one.

    Args:
        place: the run folder.
        name: lower-case words joined by hyphens; default: the card's.

    Returns:
        The card of the copy.

    Raises:
        CardError: the folder has no valid card, or the name is used by another model.
        WeightsError: the weights are not those of the card, or the copy cannot be written.
    """
    card = read_run(place)
    cache.require_intact(card)
    name = name or card.name
    if not re.fullmatch(NAME, name):
        raise CardError(f"'{name}' is no name: write lower-case words joined by hyphens.")
    taken = (own_cards() | {one.name: one for one in outside().cards} | added()[0]).get(name)
    if taken and (taken.run is None or taken.digest != card.digest):
        raise CardError(
            f"'{name}' is the name of another model ({taken.digest}); give one with --name, or "
            f"remove that model: mien models remove {name}"
        )
    target = shelf() / name
    with cache.writing(target):
        work = shelf() / f".{secrets.token_hex(8)}.part"
        work.mkdir(parents=True)
        try:
            for file in card.files:
                shutil.copyfile(cache.own_path(file), work / file.raw)
            if (place / FIGURES).is_file():
                shutil.copyfile(place / FIGURES, work / FIGURES)
            beside = tuple(replace(file, source=f"beside:{file.raw}") for file in card.files)
            write_card(replace(card, name=name, files=beside), work / CARD)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(work, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return read_run(target)


def remove_run(name: str) -> Path:
    """Delete a model that was added by name; return its folder.

    Raises:
        UnknownModelError: none of that name was added.
    """
    known: dict[str, Any] = {path.name: path for path in shelf().glob("*") if path.is_dir()}
    if name not in known or name.startswith("."):
        raise UnknownModelError(
            f"No model '{name}' was added; there are: {', '.join(sorted(known)) or 'none'}."
        )
    place: Path = known[name]
    with cache.writing(place):
        shutil.rmtree(place)
    return place
