"""Train a system by name, with settings from text."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mien.errors import TrainingError
from mien.train.finish import finish_run
from mien.types import OnStep
from mien.zoo import Option, System, fill_options, list_options


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


def _lab(system: System, part: str) -> Any:
    if not system.has(part):
        raise TrainingError(f"{system.card.name} has no {part}.py, so there is nothing to run.")
    return import_module(f"{system.module}.{part}")
