"""Selection and loading of heads for the photo engine."""

from collections.abc import Mapping

from mien.contracts import ChipHead
from mien.errors import UnknownModelError
from mien.zoo import cards, load
from mien.zoo import find as card


def split_heads(names: str | None, commercial_only: bool = False) -> tuple[list[str], list[str]]:
    """Return the cards of chip heads and of clip heads, from "expression,age-fahr".

    Args:
        names: separated by commas; None: those enabled by default; "none": no head.
        commercial_only: of the heads enabled by default, use only those whose licence permits
            commercial use. A head that is named is never skipped silently.

    Raises:
        UnknownModelError: the card does not exist, or is not a head.
    """
    if names is None:
        enabled = [one for one in cards().values() if one.default]
        allowed = [one for one in enabled if one.commercial is True or not commercial_only]
        return _by_kind({one.name: one.kind for one in allowed})
    chosen = [name.strip() for name in names.split(",") if name.strip() not in ("", "none")]
    kinds = {name: card(name).kind for name in chosen}
    for name, kind in kinds.items():
        if kind not in ("chip-head", "clip-head"):
            raise UnknownModelError(
                f"'{name}' is a {kind}, not a head; list the models with: mien models list"
            )
    return _by_kind(kinds)


def _by_kind(kinds: Mapping[str, str]) -> tuple[list[str], list[str]]:
    chips = [name for name, kind in kinds.items() if kind == "chip-head"]
    return chips, [name for name, kind in kinds.items() if kind == "clip-head"]


def open_heads(names: str | None, device: str, commercial_only: bool) -> list[ChipHead]:
    """Open the chip heads that `split_heads` returns; clip heads enabled by default are for films.

    Raises:
        UnknownModelError: a clip head is named, which needs a film.
    """
    chips, clips = split_heads(names, commercial_only)
    if clips and names is not None:
        raise UnknownModelError(
            f"'{clips[0]}' is a clip head and cannot read an image; run it on a film: "
            f"mien analyze FILM --heads {clips[0]}"
        )
    return [load(name, device=device, commercial_only=commercial_only) for name in chips]
