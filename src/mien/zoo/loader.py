"""Open a model by the name of its card."""

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import LicenceError, MienError, UnknownModelError, WeightsError
from mien.types import Clip
from mien.zoo.card import Card
from mien.zoo.runs import is_run_folder, opened_run
from mien.zoo.systems import cards, faults
from mien.zoo.weights.fetch import fetch

DETECTOR, EMBEDDER = "mtcnn", "dlib-resnet29-int8"  # the defaults
TRIED = 32  # frames on which a trained clip head is tried


def load(
    name: str,
    *,
    device: str = "cpu",
    commercial_only: bool = False,
    from_dir: Path | None = None,
    **options: Any,
) -> Any:
    """Open a model; fetch its weights if they are missing.

    Args:
        name: of a card, as `mien models list` shows them; or the run folder of a training.
        device: processor to run on; there is no fallback.
        commercial_only: refuse weights whose licence is not known to allow commercial use.
        from_dir: folder to take the weights from instead of the network.
        options: for the model's class, in addition to the card's own.

    Example:
        >>> embedder = mien.load("dlib-resnet29-int8")
        >>> embedder.name, embedder.crop.size
        ('dlib-resnet29-int8', 150)
    """
    card = find(name)
    if commercial_only:
        require_commercial(card)
    cls = entry_of(card)
    paths = fetch(card, from_dir=from_dir)
    given = options if card.kind in ("maker", "audit") else {**card.options, **options}
    model = cls(*paths, name=card.name, digest=card.digest, device=device, **given)
    if card.run:
        _require_fit(card, model)
    return model


def _require_fit(card: Card, model: Any) -> None:
    """Run a trained head once: its hash does not show whether the card describes it.

    Raises:
        WeightsError: the head fails, or its answer lacks a class of the card.
    """
    try:
        if card.kind == "chip-head":
            side = model.crop.size
            readings = model(np.zeros((1, side, side, 3), np.uint8))
        elif card.kind == "clip-head" and set(card.needs) == {"chips"}:
            side = model.crop.size
            readings = model(
                Clip(np.arange(TRIED) / 25, np.zeros((TRIED, side, side, 3), np.uint8))
            )
        else:
            return
    except MienError:
        raise
    except Exception as error:  # whatever a graph with other outputs leads to
        raise WeightsError(
            f"The weights of {card.run} do not fit their card: {card.entry} fails with them "
            f"({type(error).__name__}: {error}). Train the model again."
        ) from error
    given = {label for reading in readings for label in reading.values}
    lacking = sorted(set(card.eval.classes if card.eval else ()) - given)
    if lacking:
        raise WeightsError(
            f"The weights of {card.run} do not fit their card: the answer has no "
            f"{', '.join(lacking)}. Train the model again."
        )


def entry_of(card: Card) -> Any:
    """The class that a card names; its module is imported.

    Raises:
        UnknownModelError: it belongs to another distribution and cannot be imported.
    """
    module, _, attribute = card.entry.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        if card.origin is None:
            raise
        raise UnknownModelError(
            f"'{card.name}' of the distribution {card.origin.distribution} "
            f"{card.origin.version} cannot be opened: {card.entry} fails ({error}). Install that "
            "distribution again, or ask its authors."
        ) from error


def options_type(card: Card) -> type[Any]:
    """The dataclass with the settings of a maker or an audit; imports it, opens no weights."""
    kind: type[Any] = entry_of(card).options
    return kind


def find(name: str) -> Card:
    """The card of that name or run folder, or an error with the most similar name.

    Raises:
        UnknownModelError: there is none.
        CardError: a run folder without a valid card.
    """
    known = cards()
    if name not in known:
        if is_run_folder(name):
            return opened_run(Path(name))
        fault = next((f for f in faults() if f.name == name), None)
        if fault:
            raise UnknownModelError(
                f"'{name}' of {fault.distribution} cannot be used: {fault.reason}"
            )
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "List them with: mien models list"
        raise UnknownModelError(f"There is no model '{name}'. {hint}")
    return known[name]


def card_of_contract(contract: str) -> str | None:
    """Return the card of the embedder of a contract id; None if it is not known here."""
    name, digest, *_ = [*contract.split("/"), ""]
    known = cards().get(name)
    return name if known is not None and known.digest == digest else None


def require_commercial(card: Card) -> None:
    """Refuse a card whose weights are not known to allow commercial use."""
    if card.commercial is True:
        return
    doubt = "forbids commercial use" if card.commercial is False else "is unclear on commercial use"
    others = [other.name for other in cards(card.task).values() if other.commercial is True]
    instead = f"use one of: {', '.join(others)}" if others else "no other card of its task does"
    raise LicenceError(
        f"The licence of the weights of '{card.name}' ({card.licence}) {doubt}, and only weights "
        f"that allow it were requested; for '{card.task}', {instead}."
    )
