"""Train and prove a system by its name: its settings from text, its proof into its page."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mien.errors import TrainingError
from mien.media import write_bytes
from mien.types import OnStep
from mien.zoo import Option, System, fill_options, list_options

MARKS = ("<!-- proof: written by `mien systems prove` -->", "<!-- /proof -->")


def options_of(system: System) -> list[Option]:
    """The settings of a system's training, in their order."""
    return list_options(_lab(system, "train").Config)


def config_of(system: System, pairs: Sequence[str]) -> Any:
    """A system's Config with some settings changed.

    Args:
        system: has a train.py with a flat frozen dataclass Config.
        pairs: such as "epochs=3".

    Raises:
        OptionError: a key that it does not have, or a value of another kind.
    """
    return fill_options(_lab(system, "train").Config, pairs, system.card.name)


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
