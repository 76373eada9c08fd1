"""Train and prove a system by name: settings from text, proof into its README."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mien.errors import TrainingError
from mien.media import write_bytes
from mien.train.finish import finish_run
from mien.types import OnStep
from mien.zoo import Option, System, fill_options, list_options

MARKS = ("<!-- proof: written by `mien systems prove` -->", "<!-- /proof -->")


def options_of(system: System) -> list[Option]:
    """The settings of a system's training, in their order."""
    return list_options(_lab(system, "train").Config)


def config_of(system: System, pairs: Sequence[str]) -> Any:
    """Return a system's Config with some settings changed.

    Args:
        system: with a train.py that has a flat frozen dataclass Config.
        pairs: such as "epochs=3".

    Raises:
        OptionError: an unknown key, or a value of the wrong type.
    """
    return fill_options(_lab(system, "train").Config, pairs, system.card.name)


def train_system(
    system: System, pairs: Sequence[str], data: Path | None, out: Path, on_step: OnStep | None
) -> Mapping[str, Any]:
    """Run `train(config, data, out, on_step)` of a system, and make its run folder a model.

    Returns:
        The measurements of the training, and `model`: the name of the card in `out`.

    Raises:
        TrainingError: the training wrote no weights, or the folder cannot be written.
        WeightsError: the weights do not fit the card.
    """
    module = _lab(system, "train")
    config = config_of(system, pairs)
    measured: Mapping[str, Any] = module.train(config, data, out, on_step)
    return {**measured, "model": finish_run(system, config, data, out, measured).name}


def prove_system(system: System, data: Path | None, out: Path, on_step: OnStep | None) -> str:
    """Run `prove(data, out, on_step)` of a system; write its Markdown into the README, return it.

    The text goes between two marks of README.md, which every system with a proof has.

    Raises:
        TrainingError: the README lacks the marks.
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
    proof: str = module.prove(data, out, on_step)
    text = f"{page[: start + len(MARKS[0])]}\n\n{proof.strip()}\n\n{page[end:]}"
    write_bytes(system.page, text.encode())
    return proof


def _lab(system: System, part: str) -> Any:
    if not system.has(part):
        raise TrainingError(f"{system.card.name} has no {part}.py, so there is nothing to run.")
    return import_module(f"{system.module}.{part}")
