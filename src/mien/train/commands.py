"""Train and prove a system by its name: its settings from text, its proof into its page."""

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mien.errors import TrainingError
from mien.media import write_bytes
from mien.types import OnStep
from mien.zoo import System

MARKS = ("<!-- proof: written by `mien systems prove` -->", "<!-- /proof -->")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a training."""

    key: str
    kind: str  # as in the source: "int", "Literal['a', 'b']"
    default: Any
    about: str  # the comment beside it


def options_of(system: System) -> list[Option]:
    """The settings of a system's training, in their order."""
    config = _lab(system, "train").Config
    hints = get_type_hints(config)
    comments = dict(re.findall(r"^    (\w+):[^#\n]*#\s*(.+)$", inspect.getsource(config), re.M))
    return [
        Option(f.name, _told(hints[f.name]), f.default, comments.get(f.name, ""))
        for f in dataclasses.fields(config)
    ]


def config_of(system: System, pairs: Sequence[str]) -> Any:
    """A system's Config with some settings changed.

    Args:
        system: has a train.py with a flat frozen dataclass Config.
        pairs: such as "epochs=3".

    Raises:
        TrainingError: a key that it does not have, or a value of another kind.
    """
    config = _lab(system, "train").Config
    hints, given = get_type_hints(config), {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or key not in hints:
            raise TrainingError(
                f"'{pair}' sets nothing of {system.card.name}: write KEY=VALUE with one of "
                f"{', '.join(f.name for f in dataclasses.fields(config))}."
            )
        given[key] = _value(hints[key], key, text)
    return config(**given)


def train_system(
    system: System, pairs: Sequence[str], data: Path | None, out: Path, on_step: OnStep | None
) -> Mapping[str, Any]:
    """Run `train(config, data, out, on_step)` of a system; give what it measured and wrote."""
    module = _lab(system, "train")
    told: Mapping[str, Any] = module.train(config_of(system, pairs), data, out, on_step)
    return told


def prove_system(system: System, data: Path | None, out: Path, on_step: OnStep | None) -> str:
    """Run `prove(data, out, on_step)` of a system; give its Markdown, and write it into its page.

    The text goes between two marks of README.md, which a page of a proven system has.

    Raises:
        TrainingError: the page lacks the marks.
    """
    module = _lab(system, "proof")
    if not hasattr(module, "prove"):
        raise TrainingError(
            f"The proof of {system.card.name} is run by hand: python -m {module.__name__} FOLDER"
        )
    page = system.page.read_text("utf-8")
    start, end = (page.find(mark) for mark in MARKS)
    if not 0 <= start < end:  # before the work, not after it
        raise TrainingError(f"{system.page} lacks the lines {MARKS[0]} and {MARKS[1]}; add them.")
    out.mkdir(parents=True, exist_ok=True)
    told: str = module.prove(data, out, on_step)
    text = f"{page[: start + len(MARKS[0])]}\n\n{told.strip()}\n\n{page[end:]}"
    write_bytes(system.page, text.encode())
    return told


def _lab(system: System, part: str) -> Any:
    if not system.has(part):
        raise TrainingError(f"{system.card.name} has no {part}.py, so there is nothing to run.")
    return import_module(f"{system.module}.{part}")


def _told(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _value(hint: Any, key: str, text: str) -> Any:
    """A value of the kind that a field has; fields are plain, or tuples of plain values."""
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise TrainingError(f"{key} is one of {', '.join(get_args(hint))}, not '{text}'.")
        return text
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], key, part) for part in text.split(",") if part)
    if hint is bool:
        if text not in ("true", "false"):
            raise TrainingError(f"{key} is true or false, not '{text}'.")
        return text == "true"
    try:
        return hint(text)
    except (ValueError, TypeError):
        raise TrainingError(f"{key} is of kind {_told(hint)}; '{text}' is not.") from None
