"""Proof: does the balanced stage help, and does masked pretraining? On photographs, five seeds."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import TrainingError
from mien.media import stretched
from mien.systems.age_fahr.data import balance, parts
from mien.systems.age_fahr.head import YEARS
from mien.systems.age_fahr.model import Autoencoder, Encoder, Net
from mien.systems.age_fahr.train import CHANGE, Config, errors, loss_of
from mien.train import Batches, Faces, fit, seeded
from mien.train.seed_summary import markdown, spread_of
from mien.train.trunk import Trunk
from mien.types import Floats, OnStep, Pixels

SEEDS = range(5)
SIDE, PATCH, FEW = 48, 8, 300  # px, px, labelled faces
PRETRAIN, FINE = 20, 25  # epochs
OLD = "error from 65"
# Criteria set before the measurement: errors of the old and of all, balanced over plain, and from
# few labels, pretrained over not.
BAR_OLD, BAR_ALL, BAR_START = 0.85, 1.10, 0.90


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Run the proof; return the tables for the README.

    Args:
        data: UTKFace.
        out: run folder; `chips.npz` of a training there is used.
        on_step: progress.
    """
    if data is None:
        raise TrainingError("This proof needs photographs; name UTKFace's folder with --data.")
    learn, _, test, _ = parts(data, "utkface", out, on_step)
    return "\n\n".join([balanced(learn, test, on_step), pretrained(learn, test, out, on_step)])


def balanced(learn: Faces, test: Faces, on_step: OnStep | None = None) -> str:
    """Compare the second stage with the first, on frozen vectors of dlib's network."""
    seeded(0)
    trunk = Trunk(14, 112)
    trunk.settle(batch / 255 for batch in _pixels(learn.images[:1024], 112).split(128))
    trunk.eval()
    known, new = (_vectors(trunk, faces.images) for faces in (learn, test))
    ages = torch.from_numpy(np.minimum(learn.label, YEARS[-1])).float()
    chances = torch.from_numpy(balance(learn.label))
    found: dict[str, list[Mapping[str, float]]] = {"first": [], "second": [], "first, longer": []}
    for seed in SEEDS:
        seeded(seed)
        head = Net(nn.Identity(), known.shape[1], 0.2)
        _taught(head, known, ages, seed, 1e-3, 15)
        found["first"].append(errors(_shares(head, new), test.label))
        state = {k: v.clone() for k, v in head.state_dict().items()}
        _taught(head, known, ages, seed + 100, 3e-4, 6, chances)
        found["second"].append(errors(_shares(head, new), test.label))
        head.load_state_dict(state)
        _taught(head, known, ages, seed + 100, 3e-4, 6)
        found["first, longer"].append(errors(_shares(head, new), test.label))
        if on_step:
            on_step("balance", seed + 1, len(SEEDS))
    names = ("error", "balanced error", OLD)
    rows = [
        (stage, *(spread_of([one[name] for one in runs], 2) for name in names))
        for stage, runs in found.items()
    ]

    def most(name: str) -> float:
        pairs = zip(found["second"], found["first"], strict=True)
        return max(two[name] / one[name] for two, one in pairs)

    bars = [
        ("65 and older: second stage at most 0.85 of the first", most(OLD), BAR_OLD),
        ("all: at most 1.10 of the first", most("error"), BAR_ALL),
        ("mean over bands of ten years: below the first", most("balanced error"), 1.0),
    ]
    return "\n\n".join(
        [
            f"**Balance.** A head on vectors of dlib's network, which was not trained on age; "
            f"{len(learn.label)} faces for training, {len(test.label)} for test, five seeds, "
            "errors in years (95 % interval over seeds). The third row is the control: as long as "
            "the second, without balance.",
            markdown(("Stage", "Error", "Mean over bands of ten years", "65 and older"), rows),
            markdown(
                ("Criterion", "Worst seed", "Met"),
                [(n, f"{v:.2f}", "yes" if v <= bar else "**no**") for n, v, bar in bars],
            ),
        ]
    )


def pretrained(learn: Faces, test: Faces, out: Path, on_step: OnStep | None = None) -> str:
    """Compare a small transformer with masked pretraining with one without."""
    known, new = _pixels(learn.images, SIDE), _pixels(test.images, SIDE)
    seeded(0)
    auto = Autoencoder(Encoder(SIDE, PATCH, 128, 4, 4), 64, 2, 4)
    optimiser = torch.optim.AdamW(auto.parameters(), 1e-3, (0.9, 0.95), weight_decay=0.05)
    history = fit(
        lambda network, batch: network(batch[0]), auto,
        Batches(known, size=128, change=CHANGE), optimiser, epochs=PRETRAIN, precision="bf16",
        out=out / "patches", config={"epochs": PRETRAIN, "side": SIDE, "patch": PATCH},
        on_step=on_step,
    )  # fmt: skip
    start = auto.encoder.state_dict()
    found: dict[str, list[float]] = {"hidden patches first": [], "labels only": []}
    for seed in SEEDS:
        some = np.random.default_rng(seed).permutation(len(learn.label))[:FEW]
        ages = torch.from_numpy(np.minimum(learn.label[some], YEARS[-1])).float()
        for name, errors_of in found.items():
            seeded(seed)
            encoder = Encoder(SIDE, PATCH, 128, 4, 4)
            if name == "hidden patches first":
                encoder.load_state_dict(start)
            net = Net(encoder, encoder.width, 0.1)
            _taught(net, known[some], ages, seed, 5e-4, FINE, change=True)
            errors_of.append(errors(_shares(net, new / 255), test.label)["error"])
        if on_step:
            on_step("few labels", seed + 1, len(SEEDS))
    ratios = [a / b for a, b in zip(*found.values(), strict=True)]
    met = sum(ratio <= BAR_START for ratio in ratios)
    middle = float(np.abs(test.label - np.median(learn.label)).mean())
    rows = [(name, spread_of(values, 2)) for name, values in found.items()]
    return "\n\n".join(
        [
            f"**Hidden patches.** A transformer of 4 layers, width 128, patches of {PATCH} px at "
            f"{SIDE} px, pretrained to predict three quarters of the patches of all "
            f"{len(learn.label)} faces for {PRETRAIN} epochs (error {history[0]['loss']:.2f} to "
            f"{history[-1]['loss']:.2f} "
            f"of the variance), then trained on {FEW} labels. The error of always predicting the "
            f"median is {middle:.1f} years.",
            markdown(("Start", "Error in years (95 % interval over seeds)"), rows),
            f"Criterion: at least a tenth lower in four of five seeds. Result: {met} of 5 "
            f"(ratios {', '.join(f'{r:.2f}' for r in ratios)}): "
            f"{'met' if met >= 4 else '**not met**'}.",
        ]
    )


def _taught(
    net: Net, rows: Tensor, ages: Tensor, seed: int, rate: float, epochs: int,
    chances: Tensor | None = None, *, change: bool = False,
) -> None:  # fmt: skip
    blur = Config().blur

    def step(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return loss_of(network(batch[0]).float(), batch[1], blur)

    optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=0.05)
    batches = Batches(
        rows, ages, size=64, seed=seed, weight=chances, change=CHANGE if change else None
    )
    fit(step, net, batches, optimiser, epochs=epochs, seed=seed)


def _pixels(images: Pixels, side: int) -> Tensor:
    """(N, 3, side, side) uint8."""
    small = np.stack([stretched(image, side) for image in images])
    return torch.from_numpy(small).permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def _vectors(trunk: Trunk, images: Pixels) -> Tensor:
    def each() -> Iterator[Tensor]:
        for start in range(0, len(images), 128):
            yield trunk(_pixels(images[start : start + 128], 112) / 255)

    return torch.cat(list(each()))


@torch.no_grad()
def _shares(net: Net, rows: Tensor) -> Floats:
    found = [net(part).softmax(1).numpy() for part in rows.split(256)]
    return np.concatenate(found)
