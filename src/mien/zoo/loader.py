"""Open a model by the name of its card."""

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from mien.errors import LicenceError, UnknownModelError
from mien.zoo.card import Card
from mien.zoo.outside import outside
from mien.zoo.systems import cards
from mien.zoo.weights.fetch import fetch

DETECTOR, EMBEDDER = "mtcnn", "dlib-resnet29-int8"  # the defaults


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
        name: of a card; `mien models list` shows them.
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
    return cls(*paths, name=card.name, digest=card.digest, device=device, **given)


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
    """The card of that name, or an error with the most similar name."""
    known = cards()
    if name not in known:
        fault = next((f for f in outside().faults if f.name == name), None)
        if fault:
            raise UnknownModelError(
                f"'{name}' of the distribution {fault.distribution} cannot be used: {fault.reason}"
            )
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "List them with: mien models list"
        raise UnknownModelError(f"There is no model '{name}'. {hint}")
    return known[name]


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
