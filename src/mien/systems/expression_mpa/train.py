"""Train prompts of a frozen image-text pair: mien train expression-mpa --data DATA."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError
from mien.metrics import balanced_accuracy, confusion, divergence, softmax
from mien.systems.expression_mpa.data import Photos, ferplus
from mien.systems.expression_mpa.head import CLASSES
from mien.systems.expression_mpa.model import (
    Net,
    Prompts,
    SmallTowers,
    Towers,
    prompt_alignment,
    prototype_alignment,
    scores,
    token_alignment,
)
from mien.systems.expression_mpa.prompts import Descriptions, read
from mien.train import Batches, export, fit, seeded
from mien.types import Doubles, OnStep

Text = Literal["soft", "names", "descriptions"]
ENOUGH, SIDE_PATCHES = 30, 5  # photographs of a unit that is pointed at; patches per side
BETWEEN = 0.3  # similarity at which a unit counts as shown in pretraining
SCALE = 20.0  # of similarities; 100 in CLIP, whose vectors have 512 numbers


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    text: Text = "soft"  # learnt words before the names, or fixed prompts
    context: int = 4  # learnt words; 10 in the source
    own: bool = True  # words of its own for each class: the small pair does not know the names
    visual: int = 4  # learnt tokens per layer of the image tower; 8 in the source
    beta: float = 1.0  # of the alignment of soft and hard prompts
    gamma: float = 1.0  # of the alignment to prototypes
    best: int = 5  # patches whose similarity counts; 16 of 196 in the source; 0: none
    local: float = 1.0  # their weight
    images: int = 2000  # photographs to learn from
    epochs: int = 8
    batch: int = 64
    rate: float = 1e-2  # of learnt words
    rate_visual: float = 2e-3
    pretraining: int = 12  # epochs of the own image-text pair
    phrases: float = 0.0  # weight of single patches against the phrases of single units
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Pretrain the own pair on captions, freeze it, learn the prompts, measure once."""
    if data is None:
        raise TrainingError(
            "Prompts are learnt from photographs with votes; name the folder of FERPlus: --data."
        )
    learn, choose, test = ferplus(data, out, on_step)
    words = read()
    towers = pretrained(config, words, learn, on_step)
    prompts = adapted(config, towers, words, learn, choose, on_step)
    texts = texts_of(config, towers, words, prompts)
    net = Net(towers, prompts.tokens(), texts, config.best, SCALE, config.local)
    example = torch.rand(4, 3, 64, 64)
    apart = export(net, out / "weights.onnx", example, outputs=("logits", "patches"))
    logits = answers(config, towers, prompts, texts, test)
    return {"graph differs by": apart, "learnt values": count(prompts),
            **measured(logits, test)}  # fmt: skip


def vocabulary(words: Descriptions) -> list[str]:
    """All words of captions, prompts and class names."""
    texts = [words.caption(list(words.units)), words.caption([])]
    texts += [words.hard(name) for name in words.classes]
    return sorted({word for text in texts for word in text.split()})


def pretrained(
    config: Config, words: Descriptions, learn: Photos, on_step: OnStep | None = None
) -> SmallTowers:
    """The own pair, trained to match photographs with captions of their action units."""
    seeded(config.seed)
    towers = SmallTowers(vocabulary(words))
    names = list(words.units)
    codes, number = np.unique(learn.units, axis=0, return_inverse=True)
    captions = [words.caption([names[k] for k in np.flatnonzero(row)]) for row in codes]
    shown = torch.from_numpy(codes.astype(np.float32))

    def step(model: nn.Module, batch: Any) -> Tensor:
        inner = model if isinstance(model, SmallTowers) else model.module
        assert isinstance(inner, SmallTowers)
        maps, which = batch
        some, place = torch.unique(which, return_inverse=True)
        texts = inner.text([inner.words(captions[int(k)]) for k in some])
        whole, patches = inner.image(maps, None)
        logits = SCALE * whole @ texts.T
        # Photographs of one caption share it, so each caption is matched with their mean.
        both = F.one_hot(place, len(some)).float()
        to_image = -(F.log_softmax(logits.T, 1) * both.T).sum(1) / both.sum(0)
        loss = F.cross_entropy(logits, place) + to_image.mean()
        if config.phrases:
            each = inner.text([inner.words(words.units[name]) for name in names])
            loss = loss + config.phrases * phrase_loss(patches, each, shown[which])
        return loss

    maps = torch.from_numpy(learn.maps.astype(np.float32))
    rows = Batches(maps, torch.from_numpy(number.ravel()), size=128, seed=config.seed)
    optimiser = torch.optim.AdamW(towers.parameters(), 1e-3, weight_decay=0.01)
    fit(step, towers, rows, optimiser, epochs=config.pretraining, seed=config.seed,
        schedule="cosine", on_step=on_step)  # fmt: skip
    return towers.requires_grad_(False).eval()


def phrase_loss(patches: Tensor, phrases: Tensor, shown: Tensor) -> Tensor:
    """Cross entropy of which units are shown, from the best patch for the phrase of each.

    Args:
        patches: (N, P, D) unit vectors.
        phrases: (U, D) unit vectors.
        shown: (N, U) 1 or 0.
    """
    best = (patches @ phrases.T).amax(1)  # (N, U)
    return F.binary_cross_entropy_with_logits(SCALE * (best - BETWEEN), shown)


@torch.no_grad()
def pointing(towers: SmallTowers, words: Descriptions, some: Photos) -> float:
    """How often the best patch for the phrase of a shown unit lies in its rows of the face.

    Returns:
        Mean over units that at least 30 photographs show, in [0, 1]; NaN if there is none.
    """
    maps = torch.from_numpy(some.maps.astype(np.float32)).split(256)
    patches = torch.cat([towers.image(part, None)[1] for part in maps])
    hits = []
    for place, name in enumerate(words.units):
        mine = np.flatnonzero(some.units[:, place])
        if len(mine) < ENOUGH:
            continue
        phrase = towers.text([towers.words(words.units[name])])[0]
        row = (patches[mine] @ phrase).argmax(1) // SIDE_PATCHES
        hits.append(float(np.isin(row.numpy(), rows_of_unit(name)).mean()))
    return float(np.mean(hits)) if hits else float("nan")


def rows_of_unit(name: str) -> tuple[int, ...]:
    """Rows of patches, 0 on top of 5, in which a unit moves the face."""
    number = int(name[2:])
    if number in (6, 9):
        return (1, 2, 3)
    return (0, 1, 2) if number < 9 else (3, 4)


def adapted(
    config: Config, towers: Towers, words: Descriptions, learn: Photos, choose: Photos,
    on_step: OnStep | None = None,
) -> Prompts:  # fmt: skip
    """Prompts that were learnt from vote shares; the epoch is chosen on other photographs."""
    seeded(config.seed)
    learn = learn.rows(np.arange(min(config.images, len(learn.share))))
    soft = config.text == "soft"
    own = len(CLASSES) if config.own else 0
    prompts = Prompts(towers, config.context if soft else 0, config.visual, own)
    if not prompts.context.numel() and not prompts.visual.numel():
        return prompts
    hard = [towers.words(words.hard(name)) for name in CLASSES]
    with torch.no_grad():
        coded = towers.text(hard)
    prototypes = prototypes_of(towers, learn)

    def step(model: nn.Module, batch: Any) -> Tensor:
        inner = model if isinstance(model, Prompts) else model.module
        assert isinstance(inner, Prompts)
        maps, share = batch
        rows = _rows(config, towers, words, inner)
        texts, image = towers.text(rows), towers.image(maps, inner.tokens())
        logits = SCALE * scores(image, texts, config.best, config.local)
        loss = F.cross_entropy(logits, share)
        if soft and config.beta:
            aligned = token_alignment(rows, hard) + prompt_alignment(texts, coded)
            loss = loss + config.beta * aligned
        if config.visual and config.gamma:
            loss = loss + config.gamma * prototype_alignment(image[0], prototypes, share)
        return loss

    def validate(model: nn.Module) -> Mapping[str, float]:
        assert isinstance(model, Prompts)
        logits = answers(config, towers, model, texts_of(config, towers, words, model), choose)
        return {"KL error": measured(logits, choose)["KL"]}

    groups = [{"params": [prompts.context]}, {"params": [prompts.visual], "lr": config.rate_visual}]
    columns = (learn.maps.astype(np.float32), learn.share)
    rows_of = Batches(*map(torch.from_numpy, columns), size=config.batch, seed=config.seed)
    fit(step, prompts, rows_of, torch.optim.AdamW(groups, config.rate, weight_decay=0.01),
        epochs=config.epochs, seed=config.seed, schedule="cosine", validate=validate,
        on_step=on_step)  # fmt: skip
    return prompts


@torch.no_grad()
def prototypes_of(towers: Towers, some: Photos) -> Tensor:
    """(7, D) mean vector of the photographs of each first word, without prompts; 0: no such one."""
    whole = _whole(towers, some)
    label = torch.from_numpy(some.share.argmax(1))
    found = torch.zeros(len(CLASSES), whole.shape[1])
    for k in range(len(CLASSES)):
        if (label == k).any():
            found[k] = F.normalize(whole[label == k].mean(0), dim=0)
    return found


@torch.no_grad()
def _whole(towers: Towers, some: Photos) -> Tensor:
    maps = torch.from_numpy(some.maps.astype(np.float32)).split(256)
    return torch.cat([towers.image(part, None)[0] for part in maps])


def _rows(config: Config, towers: Towers, words: Descriptions, prompts: Prompts) -> list[Tensor]:
    if config.text == "descriptions":
        return [towers.words(words.hard(name)) for name in CLASSES]
    if config.text == "names":
        return [towers.words(name) for name in CLASSES]
    return prompts.soft(towers, CLASSES)


@torch.no_grad()
def texts_of(config: Config, towers: Towers, words: Descriptions, prompts: Prompts) -> Tensor:
    """(7, D) encoded prompts of the classes."""
    return towers.text(_rows(config, towers, words, prompts))


@torch.no_grad()
def answers(
    config: Config, towers: Towers, prompts: Prompts, texts: Tensor, some: Photos
) -> Doubles:
    """(N, 7) logits."""
    found = []
    for part in torch.from_numpy(some.maps.astype(np.float32)).split(256):
        image = towers.image(part, prompts.tokens())
        found.append(SCALE * scores(image, texts, config.best, config.local))
    return np.asarray(torch.cat(found).double().numpy())


def probe(towers: Towers, learn: Photos, test: Photos, seed: int) -> Doubles:
    """(N, 7) logits of a linear layer on the frozen vectors, the rival of the prompts."""
    seeded(seed)
    x, y = SCALE * _whole(towers, learn), torch.from_numpy(learn.share)
    layer = nn.Linear(x.shape[1], len(CLASSES))
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(layer(x), y) + 1e-3 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        return np.asarray(layer(SCALE * _whole(towers, test)).double().numpy())


def measured(logits: Doubles, some: Photos) -> dict[str, float]:
    """Accuracy and mean recall of the raters' first word where it is alone; KL from their votes."""
    p, share = softmax(logits), some.share.astype(np.float64)
    first = share.argmax(1)
    alone = (share == share.max(1, keepdims=True)).sum(1) == 1
    names = tuple(str(k) for k in range(len(CLASSES)))
    table = confusion(first[alone], p.argmax(1)[alone], names)
    share = share / share.sum(1, keepdims=True)
    return {"KL": float(divergence(share, p).mean()), "recall": balanced_accuracy(table),
            "accuracy": float(table.trace() / table.sum())}  # fmt: skip


def count(prompts: nn.Module | Sequence[Tensor]) -> int:
    """Number of learnt values."""
    some = prompts.parameters() if isinstance(prompts, nn.Module) else prompts
    return sum(p.numel() for p in some)
