"""Training that does not learn a group from a link between labels and groups in its data.

One function for any network: arms of the proof of `trust-faa` use it, and any training can.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.train.augment import Augment
from mien.train.batches import Batches, Change
from mien.types import Doubles, Pixels

Mitigation = Literal["none", "reweighing", "oversampling", "counterfactual", "consistency"]
MITIGATIONS: tuple[Mitigation, ...] = get_args(Mitigation)
PAIRED = ("counterfactual", "consistency")  # need each face with another group, all else equal
STRENGTH = 1.0  # of the consistency loss beside the loss of the label
Step = Callable[[nn.Module, Any], Tensor]
Losses = Callable[[Tensor, Tensor], Tensor]  # outputs (N, ...), labels (N,) -> (N,)


def cell_weights(group: NDArray[Any], label: NDArray[Any]) -> Doubles:
    """Weights that make label and group independent: P(group) P(label) / P(group, label).

    Args:
        group: (N,) names or numbers.
        label: (N,) names or numbers.

    Returns:
        (N,); the mean over all rows is 1 if each group has each label.

    Source: Kamiran and Calders, "Data preprocessing techniques for classification without
    discrimination", Knowledge and Information Systems 33, 2012.
    """
    of_cell, of_group, of_label = _counts(group, label), _counts(group), _counts(label)
    return np.asarray(of_group * of_label / (of_cell * len(of_cell)))


def equal_cells(*columns: NDArray[Any]) -> Doubles:
    """(N,) sampling weights with which each combination of values is drawn equally often."""
    return np.asarray(1.0 / _counts(*columns))


def _counts(*columns: NDArray[Any]) -> Doubles:
    """(N,) how many rows have the same combination of values."""
    numbers = [np.unique(column, return_inverse=True)[1] for column in columns]
    _, cell, count = np.unique(np.stack(numbers), axis=1, return_inverse=True, return_counts=True)
    return np.asarray(count[cell.ravel()], np.float64)


def mitigated(
    kind: Mitigation,
    pixels: Pixels,
    label: Tensor,
    group: NDArray[Any],
    others: Pixels | None = None,
    *,
    size: int,
    see: Callable[[nn.Module, Tensor], Tensor],
    losses: Losses | None = None,
    seed: int = 0,
    change: Change | None = None,
    strength: float = STRENGTH,
) -> tuple[Batches, Step]:
    """Batches and a step for `fit`, with one mitigation.

    Args:
        kind: "none"; "reweighing": losses by `cell_weights`; "oversampling": rows drawn by
            `equal_cells`; "counterfactual": each row is shown as itself or as its counterfactual,
            by lot in each epoch; "consistency": the mean square of the difference of both outputs
            is added to the loss.
        pixels: (N, S, S, 3).
        label: (N,) class numbers, or what `losses` takes.
        group: (N,) names or numbers.
        others: (N, S, S, 3) counterfactuals: the same faces, as if of another group.
        size: rows in a batch. "consistency" runs the network on twice as many images.
        see: output of the network for pixels in [0, 1], (N, 3, S, S).
        losses: of outputs and labels, one per row; default: cross-entropy.
        seed: of order, draws and changes.
        change: such as an Augment; a face and its counterfactual are changed alike.
        strength: factor of the consistency loss.

    Raises:
        TrainingError: an unknown kind, or one that needs counterfactuals without them.
    """
    if kind not in MITIGATIONS:
        raise TrainingError(f"Mitigation '{kind}' is unknown; choose {', '.join(MITIGATIONS)}.")
    if kind in PAIRED and (others is None or others.shape != pixels.shape):
        raise TrainingError(
            f"Mitigation '{kind}' needs each face also as it is in another group: one "
            "counterfactual per face, of the same size."
        )
    each = losses or (lambda out, truth: F.cross_entropy(out, truth, reduction="none"))
    classes = label.numpy()
    weight = cell_weights(group, classes) if kind == "reweighing" else np.ones(len(classes))
    columns = _tensor(pixels), label, torch.from_numpy(weight).float()
    if kind in PAIRED:
        assert others is not None
        columns = torch.stack([columns[0], _tensor(others)], 1), *columns[1:]
    drawn = torch.from_numpy(equal_cells(group, classes)) if kind == "oversampling" else None
    change = change or Augment(flip=0.0)
    moved = _one_of(change) if kind == "counterfactual" else change
    batches = Batches(*columns, size=size, seed=seed, change=moved, weight=drawn)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        x, truth, importance = batch
        if kind != "consistency":
            return (each(see(model, x), truth) * importance).mean()
        out = see(model, x.flatten(0, 1)).unflatten(0, (len(x), 2))
        same = (out[:, 0] - out[:, 1]).square().mean()
        return each(out[:, 0], truth).mean() + strength * same

    return batches, step


def _one_of(change: Change) -> Change:
    """Change both images of each pair alike, and keep one of them by lot."""

    def changed(pairs: Tensor, generator: Generator) -> Tensor:
        both = change(pairs, generator)
        side = torch.randint(2, (len(both),), generator=generator)
        return both[torch.arange(len(both)), side]

    return changed


def _tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
