"""Make the run folder of a finished training a model: card, digest, options and figures."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.errors import TrainingError
from mien.media import write_bytes
from mien.zoo import Card, File, System, load, write_card
from mien.zoo.runs import CARD, FIGURES
from mien.zoo.weights.cache import own_path, sha256_of

WEIGHTS = "weights.onnx"  # what train.py of a head writes
FURTHER = "further files"  # key of the measurements: names of graphs beside the weights
UNSTATED = "LicenseRef-Unstated"  # of weights that learnt from data whose terms we do not know


def finish_run(
    system: System, config: Any, data: Path | None, out: Path, measured: Mapping[str, Any]
) -> Card:
    """Write card.toml and figures.json beside the weights, and open the model once.

    The card is that of the system with the new weights: its name ends in their digest, its
    results are those of this training, and options that the training measured (such as the
    interval scale `reach` of an age head) are taken from it. If the training had data, the licence
    is unstated: the terms of the data apply, and only its user knows them.

    Args:
        system: that was trained.
        config: its settings.
        data: the data set; None: synthetic.
        out: run folder, with the weights.
        measured: result of the training; FURTHER lists graphs beside the weights.

    Raises:
        TrainingError: the weights are missing, or the folder cannot be written.
        WeightsError: the weights do not fit the card.
    """
    card = system.card
    files = _files(system, out, measured.get(FURTHER, ()))
    about = f"{data.resolve().name}" if data else "synthetic data"
    command = f"mien train {card.name}{' --data ' + about if data else ''}"
    command += "".join(f" --set {key}={_plain(value)}" for key, value in _changed(config))
    made = dataclasses.replace(
        card,
        files=files,
        package=None,
        default=False,
        trained_on=f"{about}, by: {command}",
        options={key: measured.get(key, value) for key, value in card.options.items()},
        results=tuple(
            {"protocol": "measured by the training", "metric": name, "value": value,
             "command": command}
            for name, value in _numbers(measured)
        ),
        licence=UNSTATED if data else card.licence,
        commercial="unknown" if data else card.commercial,
    )  # fmt: skip
    made = dataclasses.replace(made, name=f"{card.name}-{made.digest[:6]}")
    facts = {"system": card.name, "model": made.name, "data": about if data else None,
             "settings": dataclasses.asdict(config), "measured": dict(measured)}  # fmt: skip
    text = json.dumps(facts, indent=2, default=str)
    try:
        out.mkdir(parents=True, exist_ok=True)  # a system without weights writes nothing itself
        write_bytes(out / FIGURES, f"{text}\n".encode())
        write_card(made, out / CARD)
        load(str(out.absolute()))
    except OSError as error:
        raise TrainingError(
            f"{out / CARD} cannot be written ({error.strerror}). The weights are complete: free "
            "some space, and run the same command again."
        ) from error
    except Exception:
        (out / CARD).unlink(missing_ok=True)  # a folder without a card is no model
        raise
    return made


def _files(system: System, out: Path, further: Sequence[str]) -> tuple[File, ...]:
    """The weights that were trained, and copies of the graphs of other systems that it reads.

    A part that a setting adds may have a graph of its own: `further` names it.
    """
    own = f"repo:systems/{system.folder.name}/"
    found = []
    for file in system.card.files:
        borrowed = file.source.startswith("repo:") and not file.source.startswith(own)
        if borrowed:
            write_bytes(out / file.ready, own_path(file).read_bytes())
        found.append(_file(out, file.ready if borrowed else file.raw))
    if (out / WEIGHTS).is_file() and all(file.raw != WEIGHTS for file in found):
        found.append(_file(out, WEIGHTS))  # of a system that ships none
    found += [_file(out, name) for name in further]
    return tuple(found)


def _file(out: Path, name: str) -> File:
    path = out / name
    if not path.is_file():
        raise TrainingError(
            f"The training wrote no {name} into {out}, which the card of its system names; its "
            "train.py must write it."
        )
    return File(source=f"beside:{name}", sha256=sha256_of(path), size=path.stat().st_size)


def _changed(config: Any) -> Iterator[tuple[str, Any]]:
    """The settings that are not the defaults."""
    start = type(config)()
    for one in dataclasses.fields(config):
        value = getattr(config, one.name)
        if value != getattr(start, one.name):
            yield one.name, value


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _numbers(measured: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """The finite numbers of nested measurements, by their names joined with ": "."""
    for key, value in measured.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{name}: ")
        elif isinstance(value, int | float) and type(value) is not bool and math.isfinite(value):
            yield name, value
