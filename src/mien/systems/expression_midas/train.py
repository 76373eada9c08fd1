"""Train on vote shares with mixed clips: mien train expression-midas --data DFEW.

Source: arXiv:2506.20867 and arXiv:2503.00202: x~(t) = l x_i(t) + (1 - l) x_j(t) for every frame t,
y~ = l y_i + (1 - l) y_j, l from a Beta distribution. Their code is not public; one l per pair,
alpha 0.4 and the network are our choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.metrics import bootstrap_weights, calibration_error, divergence, entropy, jensen_shannon
from mien.systems.expression_midas.data import Clips, read, rendered, stills
from mien.systems.expression_midas.model import BACKBONES, OverTime
from mien.train import Augment, Batches, export, fit, held_out, predict_batches, seeded
from mien.types import Doubles, OnStep


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    backbone: Literal["small", "transformer", "r2plus1d"] = "small"  # of films; see model.py
    labels: Literal["soft", "hard"] = "soft"  # vote shares, or the majority alone
    mix: bool = True  # whether clips are mixed
    alpha: float = 0.4  # of the Beta distribution; near 0 it mixes nothing
    balanced: bool = False  # draw clips of rare majorities more often; biases the learnt shares
    epochs: int = 48
    batch: int = 32
    rate: float = 3e-3  # of AdamW, along a cosine
    decay: float = 0.01  # of the weights
    held: float = 0.1  # share of the training groups that selects the epoch; 0: the last is kept
    precision: Literal["32", "bf16"] = "bf16"
    device: str = "cpu"
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> dict[str, Any]:
    """Train, measure on the test clips once, write out/weights.onnx.

    Args:
        config: all settings.
        data: folder of DFEW, FERV39k, clips.csv or FERPlus (photographs); None: rendered people.
        out: run folder.
        on_step: progress.
    """
    if data is None:
        learnt, test = rendered(out / "clips.npz", on_step)
        lost = ""
    elif any((data / name).is_file() for name in ("fer2013new.csv", "votes.csv")):
        learnt, test, lost = stills(data, out, on_step)
    else:
        learnt, test, lost = read(data, on_step)
    net = network(config, learnt, out, on_step)
    example = tensor(test.x[:8])
    apart = export(net, out / "weights.onnx", example)
    p = probabilities(net, test)
    return {**measured(p, test), **intervals(p, test), "test clips": len(test.x), "lost": lost,
            "graph differs by": apart}  # fmt: skip


def network(
    config: Config, clips: Clips, out: Path | None, on_step: OnStep | None = None
) -> nn.Module:
    """Return a trained network; hard labels leave out clips without a majority."""
    if config.labels == "hard":
        clips = clips.some(np.flatnonzero(clips.majority >= 0))
    judge = None
    if config.held:
        rows, held = held_out(clips.group, config.held, config.seed)
        clips, judge = clips.some(rows), clips.some(held)
    target = clips.share if config.labels == "soft" else np.eye(7)[clips.majority]
    seeded(config.seed)
    moving = clips.x.ndim == 4
    net: nn.Module = BACKBONES[config.backbone](7) if moving else OverTime(clips.x.shape[2], 7)
    change = Augment(flip=0.5, shift=0.05, turn=5, scale=0.06, light=0.1, contrast=0.2)
    rows_of = Batches(
        torch.from_numpy(clips.x[:, :, None] if moving else clips.x),
        torch.from_numpy(target.astype(np.float32)),
        size=config.batch,
        seed=config.seed,
        change=change if moving else None,  # the same change for all frames of a clip
        weight=_weights(clips) if config.balanced else None,
    )

    def step(model: nn.Module, batch: Any) -> Tensor:
        x, y = batch
        x = x[:, :, 0] * 2 - 1 if moving else x
        if config.mix:
            x, y = mixed(x, y, config.alpha)
        return soft_cross_entropy(model(x), y)

    def validate(model: nn.Module) -> Mapping[str, float]:
        assert judge is not None
        p = probabilities(model, judge)
        return {"KL error": float(divergence(judge.share, p).mean())}

    optimiser = torch.optim.AdamW(net.parameters(), config.rate, weight_decay=config.decay)
    fit(step, net, rows_of, optimiser, epochs=config.epochs, seed=config.seed, schedule="cosine",
        validate=validate if judge else None, precision=config.precision, device=config.device,
        out=out, config=config, on_step=on_step)  # fmt: skip
    return net


def mixed(x: Tensor, y: Tensor, alpha: float, share: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mix each clip with another one of the batch, frame by frame.

    Args:
        x: (N, T, ...) clips of one length.
        y: (N, C) shares.
        alpha: of Beta(alpha, alpha); 0 mixes nothing.
        share: (N,) of the first clip; default: drawn.

    Returns:
        Clips and shares of the same shapes.
    """
    if share is None:
        if not alpha:
            return x, y
        share = torch.distributions.Beta(alpha, alpha).sample((len(x),)).to(x.device)
    other = torch.randperm(len(x), device=x.device)
    across = share.view(-1, *[1] * (x.ndim - 1))
    down = share[:, None]
    return across * x + (1 - across) * x[other], down * y + (1 - down) * y[other]


def soft_cross_entropy(logits: Tensor, share: Tensor) -> Tensor:
    """-sum_c y[c] log softmax(f)[c], mean over clips."""
    return -(share * F.log_softmax(logits, 1)).sum(1).mean()


def tensor(x: NDArray[Any]) -> Tensor:
    """Grey values to [-1, 1]; signals as they are."""
    return torch.from_numpy(x.astype(np.float32) / 127.5 - 1 if x.dtype == np.uint8 else x)


def probabilities(model: nn.Module, clips: Clips) -> Doubles:
    """(N, 7) output of the network."""
    return predict_batches(model, clips.x, tensor).softmax(1).double().numpy()


def measured(p: Doubles, clips: Clips) -> dict[str, float]:
    """WAR and UAR on clips with a majority; divergence from the votes, all and ambiguous."""
    majority, predicted = clips.majority, p.argmax(1)
    clear = majority >= 0
    right = predicted[clear] == majority[clear]
    recalls = [right[majority[clear] == k].mean() for k in range(7) if (majority == k).any()]
    apart, unclear = divergence(clips.share, p), clips.ambiguous
    return {
        "WAR": float(right.mean()),
        "UAR": float(np.mean(recalls)),
        "KL": float(apart.mean()),
        "KL, ambiguous": float(apart[unclear].mean()) if unclear.any() else float("nan"),
        "Jensen-Shannon": float(jensen_shannon(clips.share, p).mean()),
        "calibration error": calibration_error(p.max(1)[clear], right),
        "doubt follows votes": _spearman(entropy(p), entropy(clips.share)),
    }


def intervals(p: Doubles, clips: Clips, resamples: int = 2000, seed: int = 0) -> dict[str, float]:
    """95 % intervals of WAR and KL from a bootstrap over people (groups)."""
    people, who = np.unique(clips.group, return_inverse=True)
    times = bootstrap_weights(len(people), resamples, seed)[:, who]  # (R, N)
    clear = clips.majority >= 0
    right = p.argmax(1)[clear] == clips.majority[clear]
    drawn = {
        "WAR": times[:, clear] @ right / times[:, clear].sum(1),
        "KL": times @ divergence(clips.share, p) / times.sum(1),
    }
    ends = {"low": 0.025, "high": 0.975}
    return {f"{name} {end}": float(np.quantile(values, at))
            for name, values in drawn.items() for end, at in ends.items()}  # fmt: skip


def _weights(clips: Clips) -> Tensor:
    majority = np.where(clips.majority < 0, 7, clips.majority)
    return torch.from_numpy(1 / np.bincount(majority, minlength=8)[majority])


def _spearman(one: Doubles, two: Doubles) -> float:
    from scipy.stats import spearmanr

    if np.ptp(one) < 1e-12 or np.ptp(two) < 1e-12:  # a constant has no rank correlation
        return float("nan")
    return float(spearmanr(one, two).statistic)
