"""The folder of one training: config, log, curves, and a checkpoint to resume from."""

import dataclasses
import json
import os
import pickle
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import torch

from mien.errors import TrainingError
from mien.media import write_bytes
from mien.train.curves import draw_curves

Row = dict[str, float]


class RunFolder:
    """config.json, log.jsonl, curves.png, checkpoint.pt; nothing is written without a folder."""

    def __init__(
        self, out: Path | None, config: Any, settings: Mapping[str, Any], *, writes: bool
    ) -> None:
        """Open or create a folder.

        Args:
            out: the folder, or None.
            config: dataclass or mapping that defines the model and its data.
            settings: those of the loop.
            writes: whether this process writes; only the first of several does.

        Raises:
            TrainingError: the folder holds a training of another config.
        """
        self.out, self.writes = out, writes
        if out is None:
            return
        given = _plain(config)
        plain = json.loads(json.dumps({"config": given, "loop": settings}, default=str))
        place = out / "config.json"
        if place.is_file():
            _require_same(_flat(json.loads(place.read_text("utf-8"))), _flat(plain), out)
        elif writes:
            out.mkdir(parents=True, exist_ok=True)
            write_bytes(place, (json.dumps(plain, indent=2) + "\n").encode())

    def resume(self) -> dict[str, Any] | None:
        """The content of the last checkpoint, or None."""
        if self.out is None or not (self.out / "checkpoint.pt").is_file():
            return None
        place = self.out / "checkpoint.pt"
        try:
            saved: dict[str, Any] = torch.load(place, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            why = next(iter(str(error).splitlines()), "it is empty")
            raise TrainingError(
                f"{place} cannot be read ({why}); delete it to start again, or copy it again from "
                "an intact source."
            ) from error
        return saved

    def save(self, state: Callable[[], dict[str, Any]], history: Sequence[Row]) -> None:
        """Save the checkpoint after an epoch, then the files made from it."""
        if self.out is None or not self.writes:
            return
        try:
            write_tensors(self.out / "checkpoint.pt", state())
            lines = "".join(json.dumps(row) + "\n" for row in history)
            write_bytes(self.out / "log.jsonl", lines.encode())
            draw_curves(history, self.out / "curves.png")
        except (OSError, ValueError, RuntimeError) as error:
            done = len(history)
            raise TrainingError(
                f"Epoch {done} cannot be saved in {self.out} ({error}). The previous checkpoint is "
                "intact: free some space, and run the same command again to resume."
            ) from error

    def refuse(self, batch: Any, epoch: int, number: int, loss: float) -> NoReturn:
        """Stop at a loss that is not a number; the batch is saved for inspection."""
        kept = "pass a run folder (out) to save the batch"
        if self.out is not None:
            self.out.mkdir(parents=True, exist_ok=True)
            place = self.out / "bad-batch.pt"
            write_tensors(place, {"batch": batch, "epoch": epoch, "step": number, "loss": loss})
            kept = f"the batch is in {place}"
        raise TrainingError(
            f"The loss of step {number + 1} of epoch {epoch + 1} is {loss}; {kept}. Check it for "
            "values that are not numbers; if there are none, lower the rate or set clip."
        )


def _plain(config: Any) -> Any:
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return dataclasses.asdict(config)
    return config or {}


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write a file completely or not at all, also when the disk is full."""
    beside = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        torch.save(content, beside)
        os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink()


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings by dotted name."""
    if not isinstance(value, dict):
        return {name: value}
    found = {}
    for key, inner in value.items():
        found.update(_flat(inner, f"{name}.{key}" if name else key))
    return found


def _require_same(was: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    changed = [k for k in sorted({*was, *now}) if was.get(k) != now.get(k)]
    if changed:
        changes = "; ".join(f"{k} was {was.get(k)!r}, is {now.get(k)!r}" for k in changed)
        raise TrainingError(
            f"{out} holds a training with other settings ({changes}). Choose another folder, or "
            "pass the old settings."
        )
