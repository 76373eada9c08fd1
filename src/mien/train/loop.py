"""One training loop for all systems: seeded, resumable, on one processor or several.

Lightning Fabric moves it to other processors, precisions and machines. (Accelerate does the same,
but needs the client of a model hub; Fabric's wheel is a tenth of a megabyte.) One process is
started as usual; several with `torchrun --nproc-per-node 4 -m mien train NAME ...`, on several
machines with torchrun's own options.
"""

import atexit
import copy
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mien.errors import DeviceError, TrainingError
from mien.train.averaging import blend_weights
from mien.train.folder import RunFolder
from mien.types import OnStep

Row = dict[str, float]
Weights = dict[str, Tensor]
Schedule = Literal["one-cycle", "cosine", "constant"]
Precision = Literal["32", "bf16"]
RISE, START = 0.3, 0.04  # of one-cycle: share of rising steps, and first rate over peak rate
LOW_IS_GOOD = ("error", "rate", "loss")  # name endings for which lower is better


class Loader(Sized, Iterable[Any], Protocol):
    """Batches with a length. If it has set_epoch(number), it is called with the epoch."""


def seeded(seed: int) -> None:
    """Seed torch. Call it before a network is created, so that it starts with the same weights."""
    torch.manual_seed(seed)


def fit(
    step: Callable[[nn.Module, Any], Tensor],
    model: nn.Module,
    loader: Loader,
    optimiser: torch.optim.Optimizer,
    *,
    epochs: int,
    seed: int = 0,
    schedule: Schedule = "one-cycle",
    average: float = 0.0,
    clip: float = 0.0,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    patience: int = 0,
    precision: Precision = "32",
    device: str = "cpu",
    out: Path | None = None,
    config: Any = None,
    on_step: OnStep | None = None,
) -> list[Row]:
    """Train a network in place; it ends with its best weights, in eval mode.

    Args:
        step: returns the loss of (network, batch): a scalar, mean over the batch. It must call the
            network itself, not its parts: precision and processors are handled there.
        model: created after `seeded`.
        loader: batches, the same for the same epoch; see Batches.
        optimiser: of the model's parameters; its rate is the peak of the schedule.
        epochs: largest number of epochs.
        seed: of dropout and other random numbers of torch.
        schedule: of the rate, over all steps.
        average: decay of a moving average of the weights, such as 0.999, which is then
            validated and returned; 0: none.
        clip: largest norm of the gradient; 0: no limit.
        validate: measures the network after each epoch, on held-out TRAINING data. Its first
            name selects the epoch that is kept; for names ending in error, rate or loss lower is
            better, for all others higher. Without it the last epoch is kept.
        patience: epochs without improvement after which training stops; 0: never.
        precision: "bf16" for mixed precision, with convolutions in channels-last order.
        device: "cpu", "cuda" or "mps"; there is no silent fallback.
        out: run folder: config.json, log.jsonl, curves.png, checkpoint.pt. If it holds a
            checkpoint of the same config, training resumes from it, with the same result.
        config: dataclass or mapping that defines the model and the loader.
        on_step: called with ("steps", done, all) after each step.

    Returns:
        One row per epoch: epoch, loss, rate, seconds, and the results of `validate`.

    Raises:
        TrainingError: a loss that is not a number (the batch is saved), an empty loader, a run
            folder of another config, or a checkpoint that cannot be written.
        DeviceError: the device is not available.
    """
    fabric = launched(device, precision)
    if precision == "bf16":  # twice as fast on CPUs that have bf16
        model.to(memory_format=torch.channels_last)
    steps = len(loader)
    if not steps:
        raise TrainingError("The loader has no batch; add rows, or use a smaller batch.")
    settings = {"epochs": epochs, "seed": seed, "schedule": schedule, "average": average,
                "clip": clip, "patience": patience, "precision": precision}  # fmt: skip
    folder = RunFolder(out, config, settings, writes=fabric.global_rank == 0)
    peaks = [group["lr"] for group in optimiser.param_groups]
    state = _State(model, optimiser, copy.deepcopy(model) if average else None)
    state.load(folder.resume())
    network, stepper = fabric.setup(model, optimiser)
    if state.average:
        state.average.to(fabric.device)
    batches: Any = loader
    shared = not isinstance(loader, DataLoader)  # then all processes get the same batches
    if isinstance(loader, DataLoader):
        batches = fabric.setup_dataloaders(loader)

    def one_epoch(epoch: int) -> float:
        """Mean loss of the steps."""
        total = 0.0
        for number, batch in enumerate(batches):
            done = epoch * steps + number
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * factor(schedule, done, epochs * steps)
            mine = _rows(batch, fabric.global_rank, fabric.world_size) if shared else batch
            loss = step(network, fabric.to_device(mine))
            if not torch.isfinite(loss):
                folder.refuse(batch, epoch, number, float(loss.detach()))
            optimiser.zero_grad()
            fabric.backward(loss)
            if clip:
                fabric.clip_gradients(network, stepper, max_norm=clip)
            stepper.step()
            state.blend(average, done)
            total += float(loss.detach())
            if on_step and fabric.global_rank == 0:
                on_step("steps", done + 1, epochs * steps)
        return total / steps

    while state.epoch < epochs and not state.over(patience):
        # Each epoch has its own random numbers, so an interrupted epoch is run again from its
        # start.
        torch.manual_seed((seed * 1_000_003 + state.epoch) * 1009 + fabric.global_rank)
        if hasattr(loader, "set_epoch"):
            loader.set_epoch(state.epoch)
        network.train()
        began = time.perf_counter()
        row = {"epoch": state.epoch + 1.0, "loss": one_epoch(state.epoch)}
        row["rate"] = optimiser.param_groups[0]["lr"]
        row["seconds"] = time.perf_counter() - began
        with torch.no_grad():
            here = fabric.global_rank == 0  # the first process measures for all
            measured = dict(validate(state.kept().eval())) if validate and here else {}
        state.close(row, fabric.broadcast(measured))
        folder.save(state.save, state.history)
    model.load_state_dict(state.best or state.kept().state_dict())
    model.eval()
    return state.history


def factor(schedule: Schedule, done: int, steps: int) -> float:
    """Rate over peak rate after `done` of `steps` steps.

    one-cycle rises linearly over 30 % and falls along a cosine to 0; cosine only falls.

    Source: Smith and Topin, "Super-convergence", arXiv:1708.07120; SGDR, arXiv:1608.03983.
    """
    if schedule == "constant":
        return 1.0
    share = done / steps
    if schedule == "one-cycle":
        if share < RISE:
            return START + (1 - START) * share / RISE
        share = (share - RISE) / (1 - RISE)
    elif schedule != "cosine":
        raise TrainingError(f"There is no schedule '{schedule}'; use one-cycle, cosine, constant.")
    return 0.5 * (1 + math.cos(math.pi * share))


def launched(device: str, precision: Precision) -> Fabric:
    """Return Fabric for this process, one of those that torchrun started, or the only one."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device, False):
        raise DeviceError(
            f"Device '{device}' is not available; this machine trains on "
            f"{', '.join(name for name, is_there in there.items() if is_there)}."
        )
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # mien reports on stderr
    world = int(os.environ.get("WORLD_SIZE", 1))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    fabric = Fabric(
        accelerator=device,
        devices=here,
        num_nodes=max(1, world // here),
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )
    fabric.launch()
    if world > 1:
        atexit.register(_part)
    return fabric


def _part() -> None:
    """Shut down the process group.

    Fabric does so for NCCL only. Threads of Gloo that still run when a process ends abort it, in
    one of eight trainings on a busy machine.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@dataclass(slots=True)
class _State:
    """The content of a checkpoint."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    average: nn.Module | None
    epoch: int = 0  # next epoch
    history: list[Row] = field(default_factory=list)
    best: Weights | None = None
    waited: int = 0  # epochs since the best one

    def kept(self) -> nn.Module:
        """The network that is validated and returned."""
        return self.average or self.model

    def over(self, patience: int) -> bool:
        return bool(patience) and self.waited >= patience

    def blend(self, decay: float, done: int) -> None:
        """Move the average, if there is one, towards the weights."""
        if self.average is not None:
            blend_weights(self.average, self.model, decay, done)

    def close(self, row: Row, measured: Mapping[str, float]) -> None:
        """End an epoch; keep its weights if it is the best."""
        self.epoch += 1
        self.history.append({**row, **measured})
        if not measured:
            return
        name = next(iter(measured))
        sign = -1 if name.endswith(LOW_IS_GOOD) else 1
        before = [sign * past[name] for past in self.history[:-1]]
        better = not before or sign * measured[name] > max(before)
        self.waited = 0 if better else self.waited + 1
        if better or self.best is None:
            self.best = {k: v.detach().clone() for k, v in self.kept().state_dict().items()}

    def save(self) -> dict[str, Any]:
        """The whole state, as content of a file."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "epoch": self.epoch,
            "history": self.history,
            "best": self.best,
            "waited": self.waited,
        }

    def load(self, saved: dict[str, Any] | None) -> None:
        """Restore the state from a file, if there is one."""
        if saved is None:
            return
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        if self.average:
            self.average.load_state_dict(saved["average"])
        self.epoch, self.history = saved["epoch"], saved["history"]
        self.best, self.waited = saved["best"], saved["waited"]


def _rows(batch: Any, rank: int, world: int) -> Any:
    """Every world-size-th row of the tensors in lists, tuples or mappings."""
    if world == 1:
        return batch
    if isinstance(batch, Tensor):
        if len(batch) < world:
            raise TrainingError(f"A batch of {len(batch)} rows is too small for {world} processes.")
        return batch[rank::world]
    if isinstance(batch, Mapping):
        return {key: _rows(value, rank, world) for key, value in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(_rows(value, rank, world) for value in batch)
    return batch
