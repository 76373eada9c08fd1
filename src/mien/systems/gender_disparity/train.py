"""Train one small network, predict every test image, write the network as ONNX.

mien train gender-disparity --data UTKFACE_FOLDER    makes weights.onnx of the card
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.datasets import LABELS
from mien.datasets.labels import GENDERS
from mien.errors import TrainingError
from mien.evaluate.fairness.grid import NetAnswers, parted, read_grid
from mien.evaluate.fairness.labelled_faces import Faces, faces_of
from mien.media.skin import UTKFACE_POINTS
from mien.systems.gender_disparity.model import Net, build, logits_of, loss_of
from mien.train import Augment, Batches, export, fit, seeded, tensor
from mien.train.grouped import Draws, Grouping
from mien.types import Crop, Pixels

Model = Literal["cnn-tiny", "cnn-small", "cnn-residual", "vit-small", "cnn-weak"]
Loss = Literal["cross-entropy", "weighted", "focal", "margin"]


@dataclass(frozen=True, slots=True)
class Config:
    """One training."""

    model: Model = "cnn-small"
    loss: Loss = "cross-entropy"
    seed: int = 0
    epochs: int = 10
    batch: int = 128
    rate: float = 2e-3  # of Adam, falling to 0 along a cosine
    patience: int = 4  # epochs without a better validation accuracy before it stops
    held: float = 0.15  # share of the training images used only for early stopping
    mitigate: Draws = "none"  # how groups of people are drawn, so that their labels are not learnt
    group: str = ""  # of that: a label of the data set such as race, or tone


def learnt(config: Config, faces: Faces, group: NDArray[np.str_] | None = None) -> Net:
    """Train on these faces; the same seed gives the same network on one machine.

    Args:
        config: settings.
        faces: all to learn from.
        group: (N,) of a mitigation, "" where unknown.
    """
    order = np.random.default_rng(config.seed).permutation(len(faces))
    cut = int(len(order) * config.held)
    held, rows = order[:cut], order[cut:]
    share = torch.tensor([float((~faces.male).mean()), float(faces.male.mean())])

    def step(net: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return loss_of(config.loss, cast(Net, net), batch[0] * 2 - 1, batch[1], share)

    def validate(net: nn.Module) -> dict[str, float]:
        male = probability(config.loss, cast(Net, net), faces.images[held])[0] > 0.5
        return {"accuracy": float((male == faces.male[held]).mean())}

    seeded(config.seed)
    net = build(config.model, faces.images.shape[1])
    pixels = torch.from_numpy(faces.images[rows].transpose(0, 3, 1, 2).copy())
    male = torch.from_numpy(faces.male[rows].astype(np.int64))
    chances = Grouping(config.mitigate, config.group).weight(
        None if group is None else group[rows], np.array(GENDERS)[1 - male.numpy()]
    )
    batches = Batches(pixels, male, size=config.batch, seed=config.seed, change=Augment(flip=0.5),
                      weight=chances)  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), config.rate)
    fit(step, net, batches, optimiser, epochs=config.epochs, seed=config.seed, schedule="cosine",
        validate=validate, patience=config.patience)  # fmt: skip
    return net


def probability(
    loss: str, net: Net, images: Pixels
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Probability of "male" (N,), and the features (N, 64) behind it."""
    net.eval()
    out, features = [], []
    with torch.no_grad():
        for start in range(0, len(images), 512):
            seen = net.trunk(tensor(images[start : start + 512]))
            out.append(logits_of(loss, net, seen).softmax(1)[:, 1].double().numpy())
            features.append(seen.numpy())
    return np.concatenate(out), np.concatenate(features)


def run(model: str, loss: str, seed: int, faces: Faces, test: Faces) -> NetAnswers:
    """Train one cell of a grid and return its test predictions; see evaluate.fairness.grid."""
    net = learnt(Config(cast(Model, model), cast(Loss, loss), seed), faces)
    male, features = probability(loss, net, test.images)
    return NetAnswers(male, features)


class Answer(nn.Module):
    """The network as the head runs it: (N, 3, S, S) in [-1, 1] to probabilities of "male" (N,)."""

    def __init__(self, net: Net, loss: str) -> None:
        super().__init__()
        self.net, self.loss = net, loss

    def forward(self, pixels: Tensor) -> Tensor:
        """With the logits that the loss defines."""
        return logits_of(self.loss, self.net, self.net.trunk(pixels)).softmax(1)[:, 1]


def write(net: Net, loss: str, path: Path, images: Pixels) -> float:
    """Write a network as ONNX and compare the file with it; return the maximum difference.

    Args:
        net: trained with `loss`.
        loss: defines the logits.
        path: of the file; it takes (N, 3, S, S) in [-1, 1] and gives `male` (N,).
        images: (N, S, S, 3), at least two, for the comparison.

    Raises:
        TrainingError: they differ by more than 1e-4.
    """
    # The fused attention of torch has no ONNX operator; the plain one gives the same.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        return export(Answer(net, loss), path, tensor(images), outputs=("male",))
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def train(
    config: Config, data: Path | None, out: Path, on_step: Callable[[str, int, int], None] | None
) -> dict[str, Any]:
    """Train on the training half of grid-utkface.toml, measure on the other, write weights.onnx.

    Args:
        config: the card's network is the default.
        data: folder of UTKFace.
        out: output folder for weights.onnx.
        on_step: called after each image that was read.

    Raises:
        MienError: no data, or no UTKFace.
    """
    if data is None:
        raise TrainingError(
            "There is no synthetic data for this system; pass --data, UTKFace's folder."
        )
    grid = read_grid(Path(__file__).parent / "grid-utkface.toml")
    records = LABELS["utkface"](data)
    grouping = Grouping(config.mitigate, config.group)
    grouping.check(records)
    faces = faces_of(records, grid.datasets, grid.size, on_step)
    train_part, test = parted(grid, faces)
    named = {record.path.name: record for record in records}
    shown = [named[name] for name in train_part.names]
    group = grouping.of(shown, train_part.images, Crop(grid.size, points=UTKFACE_POINTS))
    net = learnt(config, train_part, group)
    out.mkdir(parents=True, exist_ok=True)
    apart = write(net, config.loss, out / "weights.onnx", test.images[:16])
    right = (probability(config.loss, net, test.images)[0] > 0.5) == test.male
    return {"accuracy": float(right.mean()), "pictures": len(test), **grouping.about(group),
            "graph differs by": apart}  # fmt: skip
