"""Which heads read faces, and who opens them."""

from mien.contracts import ChipHead
from mien.errors import UnknownModelError
from mien.zoo import cards, load
from mien.zoo import find as card


def heads_of(names: str | None, commercial_only: bool = False) -> list[str]:
    """The cards of heads, from "expression,age-fahr"; None: those that answer unasked.

    "none" is none of them.

    With `commercial_only` those that answer unasked are the ones whose licence allows it; a head
    that is named is never left out in silence.

    Raises:
        UnknownModelError: there is no such card, or it is no head of chips.
    """
    if names is None:
        unasked = [one for one in cards().values() if one.kind == "chip-head" and one.default]
        return [one.name for one in unasked if one.commercial is True or not commercial_only]
    chosen = [name.strip() for name in names.split(",") if name.strip() not in ("", "none")]
    for name in chosen:
        if card(name).kind != "chip-head":
            raise UnknownModelError(
                f"'{name}' is a {card(name).kind}, not a head that reads faces; list the models "
                "with: mien models list"
            )
    return list(dict.fromkeys(chosen))


def open_heads(names: str | None, device: str, commercial_only: bool) -> list[ChipHead]:
    """Open what `heads_of` names."""
    chosen = heads_of(names, commercial_only)
    return [load(name, device=device, commercial_only=commercial_only) for name in chosen]
