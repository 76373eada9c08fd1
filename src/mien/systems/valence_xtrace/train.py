"""Train the temporal network: mien train valence-xtrace --data DATA --out runs/valence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import TrainingError
from mien.metrics import bootstrap_weights, concordance
from mien.systems.valence_xtrace.data import (
    NEUTRAL,
    WORDS,
    Places,
    Tracks,
    changing,
    even_weights,
    ferplus,
    held,
    passing,
    taiwan,
)
from mien.systems.valence_xtrace.head import MOMENTS, SPREADS, UNITS
from mien.systems.valence_xtrace.model import Net
from mien.train import export, fit, seeded
from mien.types import Doubles, Floats, OnStep

LARGE = 0.2  # change of an axis whose sign counts


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one training."""

    width: int = 48
    loss: Literal["both", "squared"] = "both"  # concordance with likelihood, or squared error
    use: Literal["all", "units", "words"] = "units"  # descriptors
    over_time: bool = True  # false: the network sees the last moment only
    even: bool = True  # draw rare places more often
    power: float = 0.5  # of the variance that weights the likelihood; 0: the usual likelihood
    epochs: int = 20
    batch: int = 256
    rate: float = 1e-3
    seed: int = 0


def train(
    config: Config, data: Path | None, out: Path, on_step: OnStep | None = None
) -> Mapping[str, Any]:
    """Train on FERPlus; calibrate on halves of two other sets, and measure the other halves once.

    Args:
        config: settings.
        data: folder with ferplus/ and taiwan/.
        out: run folder.
        on_step: progress.

    Returns:
        Figures on both sets with intervals, and the neutral face for the card.
    """
    if data is None:
        raise TrainingError(
            "Valence and arousal are learnt from photographs with votes; name a folder with "
            "ferplus/ and taiwan/ with --data."
        )
    sets = load(data, out, on_step)
    net = network(config, sets, out, on_step)
    example = torch.from_numpy(held(limited(config, sets.tests["FERPlus"]), MOMENTS, 0).x[:16])
    apart = export(net, out / "weights.onnx", example, outputs=("mean", "spread"))
    found: dict[str, Any] = {"learnt from": len(sets.learn.place), "graph differs by": apart}
    for name, some in sets.tests.items():
        mean, spread = answers(net, held(limited(config, some), MOMENTS, 1))
        found[name] = measured(mean, spread, some.place) | intervals(mean, some)
    found["Taiwan, change of one person"] = change_scores(
        lambda x: answers(net, Tracks(x, np.zeros(0))), limited(config, sets.tests["Taiwan"])
    )
    found["neutral"] = neutral_face(limited(config, sets.learn), sets.learn).round(4).tolist()
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Photographs to learn from, to calibrate with, and to test."""

    learn: Places
    choose: Mapping[str, Places]  # the first one also selects the epoch
    tests: Mapping[str, Places]


def load(data: Path, out: Path, on_step: OnStep | None = None) -> Sets:
    """FERPlus and the Taiwanese actors."""
    learn, choose, test = ferplus(data / "ferplus", out / "ferplus", on_step)
    first, second = taiwan(data / "taiwan", out / "taiwan", on_step)
    return Sets(learn, {"FERPlus": choose, "Taiwan": first}, {"FERPlus": test, "Taiwan": second})


def neutral_face(used: Places, some: Places) -> Doubles:
    """(D,) median of the used descriptors of photographs that are neutral."""
    neutral = some.views[:, 0, len(UNITS) + WORDS.index("neutral")] > NEUTRAL
    return np.asarray(np.median(used.views[neutral, 0], axis=0), np.float64)


class Changing:
    """Batches of tracks of photographs; each epoch has new ones."""

    def __init__(self, config: Config, some: Places) -> None:
        self._config, self._some, self._epoch = config, some, 0
        weight = even_weights(some.place) if config.even else np.ones(len(some.place))
        self._weight = weight / weight.sum()

    def set_epoch(self, epoch: int) -> None:
        """Select the tracks of that epoch; `fit` does so."""
        self._epoch = epoch

    def __len__(self) -> int:
        return max(1, len(self._some.place) // self._config.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        seed = self._config.seed * 1000 + self._epoch
        rng = np.random.default_rng([5, 3, seed])
        count = len(self) * self._config.batch
        rows = rng.choice(len(self._some.place), count, p=self._weight)
        yield from batches(changing(self._some, rows, MOMENTS, seed), self._config.batch)


def batches(tracks: Tracks, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Tensors of inputs and places."""
    for k in range(0, len(tracks.x), size):
        yield (torch.from_numpy(tracks.x[k : k + size]),
               torch.from_numpy(tracks.y[k : k + size].astype(np.float32)))  # fmt: skip


def network(
    config: Config, sets: Sets, out: Path | None = None, on_step: OnStep | None = None
) -> Net:
    """A trained network with calibrated spreads."""
    learn = limited(config, sets.learn)
    judges = [held(limited(config, some), MOMENTS, 2) for some in sets.choose.values()]
    flat = learn.views.reshape(-1, learn.views.shape[-1]).astype(np.float64)
    seeded(config.seed)
    dilations = (1, 2, 4) if config.over_time else ()
    net = Net(flat.mean(0), flat.std(0) + 1e-3, config.width, dilations)

    def validate(model: nn.Module) -> Mapping[str, float]:
        mean, _ = answers(model, judges[0])
        return {"concordance": float(np.mean(concordances(mean, judges[0].y[:, -1])))}

    optimiser = torch.optim.Adam(net.parameters(), config.rate)
    fit(
        lambda model, batch: loss_of(config, model, batch), net, Changing(config, learn), optimiser,
        epochs=config.epochs, seed=config.seed, schedule="cosine", validate=validate, out=out,
        config=config, on_step=on_step,
    )  # fmt: skip
    calibrate(net, judges)
    return net


def limited(config: Config, some: Places) -> Places:
    """The descriptors that are used."""
    units = slice(0, len(UNITS))
    cut = {"all": slice(None), "units": units, "words": slice(len(UNITS), None)}[config.use]
    return replace(some, views=some.views[..., cut])


def loss_of(config: Config, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The loss over all moments that have a frame."""
    x, y = batch
    mean, log = (model if isinstance(model, Net) else _inner(model)).moments(x)
    known = x[..., -1] > 0
    return loss(config, mean[known], log[known], y[known])


def loss(config: Config, mean: Tensor, log: Tensor, y: Tensor) -> Tensor:
    """1 - mean concordance over the batch, plus the weighted likelihood; or the squared error.

    Args:
        config: settings.
        mean: (K, 2).
        log: (K, 2) logarithms of variances.
        y: (K, 2) places.

    Source: Seitzer et al., "On the pitfalls of heteroscedastic uncertainty estimation", ICLR 2022.
    """
    squared = (y - mean) ** 2
    if config.loss == "squared":
        return squared.mean()
    offset = (mean.mean(0) - y.mean(0)) ** 2
    apart = mean.var(0, unbiased=False) + y.var(0, unbiased=False) + offset
    together = 2 * ((mean - mean.mean(0)) * (y - y.mean(0))).mean(0) / apart.clamp(min=1e-6)
    weight = torch.exp(config.power * log).detach()
    likelihood = (weight * (squared / (2 * torch.exp(log)) + log / 2)).mean()
    return 1 - together.mean() + likelihood


def _inner(model: nn.Module) -> Net:
    """The network inside the wrapper of the training loop."""
    inner = model.module
    assert isinstance(inner, Net)
    return inner


@torch.no_grad()
def answers(model: nn.Module, tracks: Tracks) -> tuple[Doubles, Doubles]:
    """Means and spreads (N, 2) at the end of each track."""
    mean, spread = model.eval()(torch.from_numpy(tracks.x))
    return mean.double().numpy(), spread.double().numpy()


@torch.no_grad()
def calibrate(net: Net, judges: Sequence[Tracks]) -> None:
    """Scale the spreads of each axis by one number, the largest that one of the sets asks for.

    The scale with the best likelihood on photographs like those of the training is too small for
    other raters and other words, so other sets have a say.
    """
    scales = []
    for judge in judges:
        mean, spread = answers(net, judge)
        scales.append(np.sqrt(np.mean(((judge.y[:, -1] - mean) / spread) ** 2, axis=0)))
    net.heat.mul_(torch.from_numpy(np.max(scales, axis=0).astype(np.float32)))


def concordances(mean: Doubles, place: Doubles) -> tuple[float, float]:
    """Of valence and arousal."""
    return concordance(place[:, 0], mean[:, 0]), concordance(place[:, 1], mean[:, 1])


def measured(mean: Doubles, spread: Doubles, place: Doubles) -> dict[str, float]:
    """Concordance, error, and how well the spread predicts the error, of both axes."""
    from scipy.stats import spearmanr

    error = np.abs(place - mean)
    found: dict[str, float] = {}
    for k, axis in enumerate(("valence", "arousal")):
        sure = spread[:, k] <= np.median(spread[:, k])
        constant = np.ptp(spread[:, k]) < 1e-9
        rank = 0.0 if constant else float(spearmanr(spread[:, k], error[:, k]).statistic)
        found |= {
            f"{axis} CCC": concordance(place[:, k], mean[:, k]),
            f"{axis} MAE": float(error[:, k].mean()),
            f"{axis} Spearman": rank,
            f"{axis} coverage": float((error[:, k] <= SPREADS * spread[:, k]).mean()),
            f"{axis} MAE of the sure half": float(error[sure, k].mean() / error[:, k].mean()),
        }
    return found


def change_scores(
    estimate: Callable[[Floats], tuple[Doubles, Doubles]], some: Places
) -> dict[str, float]:
    """How well the change of one person's face is followed, from one photograph to another.

    Args:
        estimate: (N, 10, 17) -> means and spreads (N, 2).
        some: photographs with the used descriptors; a group is a person.

    Returns:
        For each axis: concordance of the change with that of the raters, with a bootstrap interval
        over people; share of changes of 0.2 or more whose sign is right; share in the 90 % interval
        of the difference; and the slope of the change after 0.4, 1.0 and 2.0 s, by that of 2.0 s.
    """
    ends = []
    for after in (0, 2, 5, MOMENTS):  # moments that show the second photograph
        tracks, pairs = passing(some, MOMENTS, after, 0)
        ends.append(estimate(tracks.x))
    change = ends[-1][0] - ends[0][0]
    true = some.place[pairs[:, 1]] - some.place[pairs[:, 0]]
    reach = SPREADS * np.hypot(ends[0][1], ends[-1][1])
    who = [some.group[row] for row in pairs[:, 0]]
    between = Places(np.zeros((len(true), 0), np.float32), true, tuple(who))
    found = intervals(change, between)
    for k, axis in enumerate(("valence", "arousal")):
        large = np.abs(true[:, k]) >= LARGE
        slopes = [float(np.polyfit(true[:, k], end[0][:, k] - ends[0][0][:, k], 1)[0])
                  for end in ends[1:]]  # fmt: skip
        whole = slopes[-1] or np.nan
        found |= {
            f"{axis} CCC": concordance(true[:, k], change[:, k]),
            f"{axis} sign": float((np.sign(change) == np.sign(true))[large, k].mean()),
            f"{axis} coverage": float((np.abs(change - true) <= reach)[:, k].mean()),
            f"{axis} after 0.4 s": slopes[0] / whole,
            f"{axis} after 1.0 s": slopes[1] / whole,
        }
    return found


def intervals(mean: Doubles, some: Places, resamples: int = 1000) -> dict[str, float]:
    """95 % intervals of the concordances from a bootstrap over groups."""
    names, who = np.unique(some.group, return_inverse=True)
    times = bootstrap_weights(len(names), resamples, 0)[:, who].astype(int)
    drawn = np.array([concordances(*(np.repeat(a, w, axis=0) for a in (mean, some.place)))
                      for w in times])  # fmt: skip
    return {
        f"{axis} CCC {end}": float(np.quantile(drawn[:, k], at))
        for k, axis in enumerate(("valence", "arousal"))
        for end, at in (("low", 0.025), ("high", 0.975))
    }
