"""Settings of makers, audits and trainings: a flat frozen dataclass, filled from KEY=VALUE.

A field is a number, a word, a flag, a Literal of words, or a tuple of these. It has a default, and
the comment beside it is its description.
"""

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mien.errors import OptionError


@dataclass(frozen=True, slots=True)
class Option:
    """One setting."""

    key: str
    kind: str  # as in the source: "int", "Literal['a', 'b']"
    default: Any
    about: str  # the comment beside it


def list_options(config: type[Any], defaults: Mapping[str, Any] | None = None) -> list[Option]:
    """The settings of a dataclass, in their order.

    Args:
        config: the dataclass.
        defaults: values of a card that replace the defaults of the dataclass.
    """
    hints = get_type_hints(config)
    written = [inspect.getsource(one) for one in config.__mro__ if dataclasses.is_dataclass(one)]
    comments = dict(re.findall(r"^    (\w+):[^#\n]*#\s*(.+)$", "\n".join(written), re.M))
    start = fill_options(config, (), "the card", defaults)
    return [
        Option(f.name, _type_name(hints[f.name]), getattr(start, f.name), comments.get(f.name, ""))
        for f in dataclasses.fields(config)
    ]


def fill_options(
    config: type[Any],
    pairs: Sequence[str],
    owner: str,
    defaults: Mapping[str, Any] | None = None,
) -> Any:
    """Return a dataclass with some settings changed.

    Args:
        config: the dataclass.
        pairs: such as "epochs=3".
        owner: name of the settings' owner, for errors.
        defaults: values of a card that replace the defaults of the dataclass.

    Raises:
        OptionError: an unknown key, or a value of the wrong type.
    """
    hints, given = get_type_hints(config), {}
    names = [f.name for f in dataclasses.fields(config)]
    for key, value in (defaults or {}).items():
        if key not in names:
            raise OptionError(
                f"'options' of {owner} has '{key}', which is not a setting; it has: "
                f"{', '.join(names)}."
            )
        given[key] = _plain(hints[key], key, value)
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or key not in names:
            raise OptionError(
                f"'{pair}' is not a setting of {owner}: write KEY=VALUE with one of "
                f"{', '.join(names)}."
            )
        given[key] = _value(hints[key], key, text)
    try:
        return config(**given)
    except (TypeError, ValueError) as error:  # raised by the dataclass itself
        raise (
            error if isinstance(error, OptionError) else OptionError(f"{owner}: {error}")
        ) from None


def _plain(hint: Any, key: str, value: Any) -> Any:
    """A value of a card, checked by the rules for text."""
    if isinstance(value, list | tuple):
        return _value(hint, key, ",".join(map(str, value)))
    return _value(hint, key, str(value).lower() if isinstance(value, bool) else str(value))


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _value(hint: Any, key: str, text: str) -> Any:
    """Parse a value of the type of a field; fields are plain, or tuples of plain values."""
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise OptionError(f"{key} must be one of {', '.join(get_args(hint))}, got '{text}'.")
        return text
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], key, part) for part in text.split(",") if part)
    if hint is bool:
        if text not in ("true", "false"):
            raise OptionError(f"{key} must be true or false, got '{text}'.")
        return text == "true"
    try:
        return hint(text)
    except (ValueError, TypeError):
        raise OptionError(f"{key} must be of type {_type_name(hint)}, got '{text}'.") from None
