"""Train the network of the card: mien train liveness-mmda --data DATA --out runs/mmda."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.metrics import roc_area
from mien.systems.liveness_mmda.data import REAL, Frames, frames
from mien.systems.liveness_mmda.head import ABSENT, PARTS, PLANES
from mien.systems.liveness_mmda.model import (
    WIDTH,
    Concatenation,
    Early,
    Encoder,
    Mmda,
    Net,
    PerModality,
    present,
)
from mien.systems.liveness_mmda.prompts import prompts
from mien.train import Batches, adamw, export, fit, predict_batches, seeded
from mien.types import Doubles, OnStep

Kind = Literal["mmda", "concatenation", "early"]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    kind: Kind = "mmda"  # or one of the baselines
    md2a: bool = True  # the differential attention
    rs2: bool = True  # alignment to the words of a class
    udsa: bool = True  # the adapters down and up
    shuffled_domains: bool = False  # control: partners come from anywhere
    shuffled_labels: bool = False  # control: the labels of people are drawn
    encoder_epochs: int = 30
    epochs: int = 12  # of the head on frozen tokens
    batch: int = 32
    encoder_rate: float = 6e-4  # peak of AdamW
    rate: float = 1e-3
    decay: float = 1e-3
    align: float = 0.5  # weight of the alignment
    warm: float = 0.07  # divides the cosines of the alignment
    drop: float = 0.3  # probability that a modality is left out of a row
    precision: Literal["32", "bf16"] = "32"
    device: str = "cpu"
    seed: int = 0


HALF = 0.02  # by which logits may differ if weights have 16 bits
POINTS = {"bpcer1": 0.01, "bpcer5": 0.05, "bpcer10": 0.10}  # shares of live people refused
COMPANIONS = [frozenset(c) for n in range(len(PARTS)) for c in combinations(PARTS[1:], n)]


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on all domains, measure on people that no training sees, write out/weights.onnx.

    Args:
        config: settings.
        data: folder with `nuaa`; None: rendered people only.
        out: run folder, with the chips of each domain.
        on_step: progress.

    Returns:
        Area under the curve for each set of modalities, the scores of the operating points, and
        what passes at bpcer5 by domain and species.
    """
    every = frames(data, out, on_step)
    learn, test = every.rows(~every.test), every.rows(every.test)
    encoder = train_encoder(config, learn, out / "encoder", on_step)
    net = Net(encoder, train_head(config, encoder, learn, out / "head", on_step)).eval()
    some = torch.from_numpy(every.inputs()[:8])
    apart = export(net, out / "weights.onnx", some, half=True, tolerance=HALF)
    points: dict[str, float] = {}
    found: dict[str, Any] = {}
    for parts in COMPANIONS:
        ending = "".join(f"+{name}" for name in PARTS if name in parts)
        here = test.rows(test.has) if parts else test
        p = scores(net, here.inputs(parts))
        points |= {f"half{ending}": 0.5}
        points |= {f"{n}{ending}": float(np.quantile(p[here.live], q)) for n, q in POINTS.items()}
        found |= measured(p, here, ending or "colour", points[f"bpcer5{ending}"])
    return {"graph differs by": apart, "points": points, **found}


def measured(p: Doubles, test: Frames, name: str, threshold: float) -> dict[str, Any]:
    """Area under the curve, rendered and real, and counts of what is taken for live."""
    found: dict[str, Any] = {}
    for place, here in (("rendered", test.domain != REAL), (REAL, test.domain == REAL)):
        if not here.any():
            continue
        found[f"auc {place} {name}"] = roc_area(p[here & test.live], p[here & ~test.live])
        for species in sorted(set(test.species[here])):
            rows = here & (test.species == species)
            people = len(set(test.person[rows]))
            passed = int((p[rows] > threshold).sum())
            found[f"live at bpcer5 {place} {species} {name}"] = (
                f"{passed} of {int(rows.sum())}, {people} people"
            )
    return found


def train_encoder(
    config: Config, learn: Frames, out: Path | None, on_step: OnStep | None = None
) -> Encoder:
    """Train the encoder with one linear head per modality; later it is frozen."""
    seeded(config.seed)
    encoder = Encoder()

    def step(model: nn.Module, batch: Any) -> Tensor:
        x, live, _ = batch
        logits = model(varied(x))
        loss = F.binary_cross_entropy_with_logits(
            logits, live[:, None].expand_as(logits), reduction="none"
        )
        here = present(x)
        return (loss * here).sum() / here.sum()

    _fit(config, step, PerModality(encoder), rows_of(config, learn), config.encoder_epochs,
         config.encoder_rate, out, on_step)  # fmt: skip
    return encoder


def train_head(
    config: Config,
    encoder: Encoder,
    learn: Frames,
    out: Path | None,
    on_step: OnStep | None = None,
) -> nn.Module:
    """Train MMDA or the concatenation on tokens of the frozen encoder."""
    seeded(config.seed)
    head: nn.Module = (
        Concatenation() if config.kind == "concatenation" else Mmda(config.md2a, config.udsa)
    )
    inputs = learn.inputs()
    tokens = predict_batches(encoder, inputs, torch.from_numpy)
    words = torch.from_numpy(prompts(WIDTH).astype(np.float32))

    def step(model: nn.Module, batch: Any) -> Tensor:
        rows, live, domain, here = batch
        kept = dropped(here, config.drop)
        logits, aligned = model(rows, kept, rows[partners(domain)])
        loss = F.binary_cross_entropy_with_logits(logits[:, 0], live)
        if config.rs2 and aligned:
            parts = [alignment(v, words, live, kept, config.warm) for v in aligned]
            loss = loss + config.align * torch.stack(parts).mean()
        return loss

    _, live, domain, weight = columns(config, learn)
    here = present(torch.from_numpy(inputs))
    batches = Batches(
        tokens, live, domain, here, size=config.batch, seed=config.seed, weight=weight
    )
    _fit(config, step, head, batches, config.epochs, config.rate, out, on_step)
    return head


def train_early(config: Config, learn: Frames, out: Path | None = None) -> nn.Module:
    """Train the baseline that takes all planes as one picture."""
    seeded(config.seed)
    net = Early()

    def step(model: nn.Module, batch: Any) -> Tensor:
        x, live, _ = batch
        kept = dropped(present(x), config.drop).repeat_interleave(PLANES, 1)[..., None, None]
        x = torch.where(kept > 0, varied(x), torch.full_like(x, ABSENT))
        return F.binary_cross_entropy_with_logits(model(x)[:, 0], live)

    _fit(config, step, net, rows_of(config, learn), config.encoder_epochs, config.encoder_rate,
         out, None)  # fmt: skip
    return net


def _fit(
    config: Config, step: Any, net: nn.Module, rows: Batches, epochs: int, rate: float,
    out: Path | None, on_step: OnStep | None,
) -> None:  # fmt: skip
    fit(step, net, rows, adamw(net, rate, config.decay), epochs=epochs, seed=config.seed,
        schedule="one-cycle", precision=config.precision, device=config.device, out=out,
        config=config, on_step=on_step)  # fmt: skip


def columns(config: Config, learn: Frames) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs, labels, numbers of domains, and weights: each domain and class counts the same."""
    live, domain = learn.live, learn.domain
    rng = np.random.default_rng(config.seed)
    if config.shuffled_labels:  # of frames: each person is in both classes
        live = rng.permutation(live)
    kinds = [f"{d} {one}" for d, one in zip(domain, live, strict=True)]
    _, which, count = np.unique(kinds, return_inverse=True, return_counts=True)
    numbers = np.unique(domain, return_inverse=True)[1]
    if config.shuffled_domains:
        numbers = rng.permutation(numbers)
    return (
        torch.from_numpy(learn.inputs()),
        torch.from_numpy(live.astype(np.float32)),
        torch.from_numpy(numbers),
        torch.from_numpy(1.0 / count[which]),
    )


def rows_of(config: Config, learn: Frames) -> Batches:
    """The frames as batches."""
    x, live, domain, weight = columns(config, learn)
    return Batches(x, live, domain, size=config.batch, seed=config.seed, weight=weight)


def partners(domain: Tensor) -> Tensor:
    """(N,) for each row another row of its domain in the batch; for half of the rows itself.

    A row alone has no domain when the network is used, so it must also work with itself.
    """
    same = (domain[:, None] == domain[None]).float()
    other = torch.multinomial(same, 1)[:, 0]
    return torch.where(torch.rand(len(domain)) < 0.5, other, torch.arange(len(domain)))


def dropped(here: Tensor, share: float) -> Tensor:
    """(N, M) modalities that are left; a row that would lose all keeps all."""
    kept = here * (torch.rand(here.shape) >= share)
    return torch.where(kept.sum(1, keepdim=True) > 0, kept, here)


def varied(x: Tensor) -> Tensor:
    """Mirror half of the rows, and change light and contrast of colour and infrared."""
    here = (x > ABSENT + 0.5).to(x.dtype)
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    gain = 1 + 0.5 * (torch.rand(len(x), x.shape[1], 1, 1) - 0.5)
    light = 0.4 * (torch.rand(len(x), x.shape[1], 1, 1) - 0.5)
    changes = torch.ones(x.shape[1])
    changes[PLANES : 2 * PLANES] = 0  # relief has a scale
    changed = torch.clamp(x * gain + light, -1, 1)
    mixed = torch.where(changes[None, :, None, None] > 0, changed, x)
    mixed = torch.clamp(mixed + 0.04 * torch.randn_like(x), -1, 1)
    return torch.where(here > 0, mixed, torch.full_like(x, ABSENT))


def alignment(vectors: Tensor, words: Tensor, live: Tensor, here: Tensor, warm: float) -> Tensor:
    """RS2: distance to the words of the right class against those of both, smooth nearest first.

    Args:
        vectors: (N, M, D).
        words: (2, M, J, D) unit vectors: attack and live.
        live: (N,) 1 for live.
        here: (N, M) 1 where a modality is there.
        warm: divides the cosines.
    """
    close = torch.einsum("nmd,cmjd->nmcj", F.normalize(vectors, dim=-1), words) / warm
    classes = close.logsumexp(-1)
    right = classes.gather(2, live.long()[:, None, None].expand(-1, classes.shape[1], 1))[..., 0]
    loss = classes.logsumexp(-1) - right
    return (loss * here).sum() / here.sum()


def scores(net: nn.Module, inputs: np.ndarray) -> Doubles:
    """(N,) probabilities of a live face."""
    logits = predict_batches(net, inputs, torch.from_numpy)
    return np.asarray(torch.sigmoid(logits[:, 0].double()).numpy())
