"""Train one small network, predict every test image, write the network as ONNX.

mien train gender-disparity --data UTKFACE_FOLDER    makes weights.onnx of the card
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx import helper as h

from mien.datasets import LABELS
from mien.errors import TrainingError
from mien.evaluate.fairness.grid import NetAnswers, parted, read_grid
from mien.evaluate.fairness.labelled_faces import Faces, faces_of
from mien.runtime import Session
from mien.systems.gender_disparity.model import Net, build, logits_of, loss_of
from mien.train import tensor
from mien.types import Pixels

TOLERANCE = 1e-4  # between the network and its ONNX file


@dataclass(frozen=True, slots=True)
class Config:
    """One training."""

    model: str = "cnn-small"
    loss: str = "cross-entropy"
    seed: int = 0
    epochs: int = 10
    batch: int = 128
    rate: float = 2e-3  # of Adam, falling to 0 along a cosine
    patience: int = 4  # epochs without a better validation accuracy before it stops
    held: float = 0.15  # share of the training images used only for early stopping


def learnt(config: Config, faces: Faces) -> Net:
    """Train on these faces; the same seed gives the same network on one machine."""
    torch.manual_seed(config.seed)
    random = np.random.default_rng(config.seed)
    net = build(config.model, faces.images.shape[1])
    order = random.permutation(len(faces))
    cut = int(len(order) * config.held)
    held, rows = order[:cut], order[cut:]
    pixels, male = tensor(faces.images), torch.from_numpy(faces.male.astype(np.int64))
    share = torch.tensor([float((~faces.male).mean()), float(faces.male.mean())])
    steps = max(1, len(rows) // config.batch)
    optimiser = torch.optim.Adam(net.parameters(), config.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.epochs * steps)
    best, kept, waited = -1.0, _weights(net), 0
    for _ in range(config.epochs):
        net.train()
        shuffled = random.permutation(rows)
        for step in range(steps):
            part = torch.from_numpy(shuffled[step * config.batch : (step + 1) * config.batch])
            x = pixels[part]
            x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
            optimiser.zero_grad()
            loss_of(config.loss, net, x, male[part], share).backward()
            optimiser.step()
            schedule.step()
        right = (probability(config.loss, net, faces.images[held])[0] > 0.5) == faces.male[held]
        if right.mean() > best:
            best, kept, waited = float(right.mean()), _weights(net), 0
        else:
            waited += 1
            if waited >= config.patience:
                break
    net.load_state_dict(kept)
    return net


def _folded(conv: Any, norm: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Merge a convolution and the batch norm after it into one convolution."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    return (conv.weight * scale[:, None, None, None]).detach().numpy(), shift.detach().numpy()


def _weights(net: Net) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


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
    net = learnt(Config(model, loss, seed), faces)
    male, features = probability(loss, net, test.images)
    return NetAnswers(male, features)


def export(net: Net, path: Path) -> float:
    """Write a network of plain convolutions as ONNX and run it; return the maximum difference.

    The graph takes (N, 3, S, S) in [-1, 1] and gives `male`, (N,) probabilities. Batch norms are
    folded into the convolutions. Written by hand, so that training needs no exporter.

    Raises:
        ValueError: the graph and the network differ by more than 1e-4.
    """
    nodes: list[onnx.NodeProto] = []
    weights: list[TensorProto] = []
    last = "pixels"

    def add(kind: str, arrays: list[NDArray[np.float32]], **options: Any) -> None:
        nonlocal last
        names = [f"{kind}{len(nodes)}-{k}" for k in range(len(arrays))]
        weights.extend(numpy_helper.from_array(a, n) for a, n in zip(arrays, names, strict=True))
        nodes.append(h.make_node(kind, [last, *names], [f"x{len(nodes)}"], **options))
        last = f"x{len(nodes) - 1}"

    for layer in net.trunk.children():
        if isinstance(layer, torch.nn.Sequential):
            folded, shift = _folded(layer[0], layer[1])
            add("Conv", [folded, shift], strides=[2, 2], pads=[1, 1, 1, 1])
            add("Relu", [])
        elif isinstance(layer, torch.nn.AdaptiveAvgPool2d):
            add("GlobalAveragePool", [])
        elif isinstance(layer, torch.nn.Flatten):
            add("Flatten", [])
        elif isinstance(layer, torch.nn.Linear):
            add("Gemm", [layer.weight.detach().numpy(), layer.bias.detach().numpy()], transB=1)
        else:
            add("Relu", [])
    add("Gemm", [net.last.weight.detach().numpy(), net.last.bias.detach().numpy()], transB=1)
    add("Softmax", [], axis=1)
    add("Gather", [np.array(1, np.int64)], axis=1)
    nodes[-1].output[0] = "male"
    graph = h.make_graph(
        nodes,
        "gender-disparity",
        [h.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, "S", "S"])],
        [h.make_tensor_value_info("male", TensorProto.FLOAT, ["N"])],
        weights,
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    images = np.random.default_rng(0).integers(0, 256, (8, 48, 48, 3), dtype=np.uint8)
    theirs = Session(path, (None, 3, None, None))(tensor(images).numpy())["male"]
    apart = float(np.abs(theirs - probability("cross-entropy", net, images)[0]).max())
    if apart > TOLERANCE:
        raise ValueError(f"The graph in {path} differs from the network by {apart:.2g}.")
    return apart


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
    faces = faces_of(LABELS["utkface"](data), grid.datasets, grid.size, on_step)
    train_part, test = parted(grid, faces)
    net = learnt(config, train_part)
    out.mkdir(parents=True, exist_ok=True)
    apart = export(net, out / "weights.onnx")
    right = (probability(config.loss, net, test.images)[0] > 0.5) == test.male
    return {"accuracy": float(right.mean()), "pictures": len(test), "graph differs by": apart}
