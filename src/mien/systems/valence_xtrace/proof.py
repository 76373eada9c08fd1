"""Proof: what do time, uncertainty and each kind of descriptor add?

mien systems prove valence-xtrace --data DATA --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.behaviour.circumplex import places_of
from mien.systems.valence_xtrace.data import WORDS, Places, Tracks, held, simulated
from mien.systems.valence_xtrace.head import MOMENTS, UNITS, contributions
from mien.systems.valence_xtrace.model import Net
from mien.systems.valence_xtrace.train import (
    Config,
    Sets,
    answers,
    batches,
    calibrate,
    limited,
    load,
    loss_of,
    measured,
    network,
    neutral_face,
)
from mien.train import fit, seeded
from mien.train.criteria import Criterion, Found, gain, of, spread
from mien.train.proofs import Part
from mien.train.seed_summary import markdown
from mien.types import Doubles, Floats, OnStep

MINE, SHUFFLED, DERIVED, RIDGE = "xtrace", "places shuffled", "expression alone", "ridge"
PHOTOGRAPHS: Mapping[str, Config | str] = {
    MINE: Config(),
    "last moment only": Config(over_time=False),
    "squared error": Config(loss="squared"),
    "places drawn as they are": Config(even=False),
    "units and words": Config(use="all"),
    "words only": Config(use="words"),
    RIDGE: RIDGE,
    DERIVED: DERIVED,
    SHUFFLED: Config(epochs=5),
}
SHOWN = ("valence CCC", "arousal CCC", "valence Spearman", "arousal Spearman",
         "valence coverage", "arousal coverage", "Taiwan valence CCC",
         "Taiwan arousal CCC", "Taiwan valence Spearman", "Taiwan valence coverage",
         "Taiwan arousal coverage")  # fmt: skip
TRACKS: Mapping[str, Any] = {
    MINE: "both", "squared error": "squared", "without pose": "blind", RIDGE: RIDGE,
}  # fmt: skip
TRAIN, TEST, EPOCHS, BATCH = 900, 400, 25, 64  # clips, clips, epochs, clips of simulated tracks
DILATIONS = (1, 2, 4, 8)


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Sets:
    assert data is not None
    return load(data, out, on_step)


def _photographs(setting: Config | str, seed: int, sets: Sets) -> dict[str, float]:
    found: dict[str, float] = {}
    if isinstance(setting, Config):
        config = replace(setting, seed=seed)
        if setting == PHOTOGRAPHS[SHUFFLED]:  # also those that select the epoch
            sets = replace(
                sets,
                learn=_shuffled(sets.learn, seed),
                choose={name: _shuffled(some, seed) for name, some in sets.choose.items()},
            )
        net = network(config, sets)
    for name, some in sets.tests.items():
        if isinstance(setting, Config):
            mean, sd = answers(net, held(limited(config, some), MOMENTS, seed))
        else:
            mean = _rival(setting, some, sets.learn, seed)
            sd = np.ones_like(mean)
        prefix = "" if name == "FERPlus" else f"{name} "
        all_of_it = measured(mean, sd, some.place)
        found |= {prefix + key: value for key, value in all_of_it.items()
                  if isinstance(setting, Config) or key.endswith(("CCC", "MAE"))}  # fmt: skip
    if setting == PHOTOGRAPHS[MINE]:
        found |= _explained(net, config, sets, seed)
    return found


def _shuffled(some: Places, seed: int) -> Places:
    order = np.random.default_rng(seed).permutation(len(some.place))
    return replace(some, place=some.place[order])


def _rival(name: str, some: Places, learn: Places, seed: int) -> Doubles:
    """Mean over the window of the places derived from words, or of a ridge on each moment."""
    if name == DERIVED:
        shares = held(some, MOMENTS, seed).x[..., len(UNITS) : -1]
        return np.asarray((shares.astype(float) @ places_of(WORDS)).mean(1))
    train, test = (held(limited(Config(), part), moments, seed)
                   for part, moments in ((learn, 1), (some, MOMENTS)))  # fmt: skip
    return np.asarray(_ridge(train, test).mean(1))


def _ridge(train: Tracks, test: Tracks, penalty: float = 10.0) -> Doubles:
    """(N, T, 2) by a ridge regression on single moments."""
    flat = train.x.reshape(-1, train.x.shape[-1]).astype(float)
    middle, scale = flat.mean(0), flat.std(0) + 1e-6

    def wide(x: Floats) -> Doubles:
        return np.concatenate([(x - middle) / scale, np.ones((*x.shape[:-1], 1))], -1)

    a = wide(flat.astype(np.float32))
    slope = np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ train.y.reshape(-1, 2))
    return np.asarray(wide(test.x) @ slope)


def _explained(net: Net, config: Config, sets: Sets, seed: int) -> dict[str, float]:
    """How often an axis moves as stated if the descriptor that is named first is neutral."""
    neutral = neutral_face(limited(config, sets.learn), sets.learn)
    x = held(limited(config, sets.tests["FERPlus"]), MOMENTS, seed).x[:200]

    def means(rows: Floats) -> Doubles:
        with torch.no_grad():
            mean, _ = net(torch.from_numpy(rows))
        return np.asarray(mean.double().numpy())

    right = []
    for one in x:
        given = contributions(means, one, neutral.astype(np.float32))
        for axis in range(2):
            top = int(np.abs(given[:, axis]).argmax())
            without = one.copy()
            without[:, top] = neutral[top]
            change = means(np.stack([one, without]))[:, axis]
            right.append((change[0] - change[1]) * given[top, axis] > 0)
    return {"explained": float(np.mean(right))}


def _tracks(setting: str, seed: int, loaded: Any) -> dict[str, float]:
    """Simulated tracks: trained on 900 clips, tested on 400, at each moment after the first 10."""
    train, judge, test = (simulated(count, 3 * seed + k)
                          for k, count in enumerate((TRAIN, TEST, TEST)))  # fmt: skip
    if setting == RIDGE:
        mean = _ridge(train, test)
        found = measured(mean[:, -1], np.ones_like(mean[:, -1]), test.y[:, -1])
        return {key: value for key, value in found.items() if key.endswith(("CCC", "MAE"))}
    if setting == "blind":
        train, judge, test = (_without_pose(part) for part in (train, judge, test))
    config = Config(loss="squared" if setting == "squared" else "both", seed=seed)
    flat = train.x[..., :-1].reshape(-1, train.x.shape[-1] - 1).astype(float)
    seeded(seed)
    net = Net(flat.mean(0), flat.std(0) + 1e-3, config.width, DILATIONS)
    fit(lambda model, batch: loss_of(config, model, batch), net,
        list(batches(train, BATCH)), torch.optim.Adam(net.parameters(), 3e-3),
        epochs=EPOCHS, seed=seed, schedule="cosine")  # fmt: skip
    calibrate(net, [judge])
    mean, sd = answers(net, test)
    return measured(mean, sd, test.y[:, -1])


def _without_pose(some: Tracks) -> Tracks:
    x = some.x.copy()
    x[..., -2] = 0
    return Tracks(x, some.y)


def _quick(setting: Any) -> Any:
    return replace(setting, epochs=2) if isinstance(setting, Config) else setting


def _explanation(found: Found, loaded: Any) -> Sequence[str]:
    share = [one["explained"] for one in found[MINE]]
    heads = ("Explanations", "Share")
    text = "Windows whose axis falls towards neutral without the descriptor that is named first"
    return (markdown(heads, [(text, spread(share, 3))]),)


PARTS = (
    Part(
        name="photographs",
        title="FERPlus, half of the validation part, each held for 2 s",
        arms=PHOTOGRAPHS,
        run=_photographs,
        shown={key: key for key in SHOWN},
        load=_load,
        needs="a folder with ferplus/ and taiwan/",
        seeds=3,
        quick=_quick,
        also=_explanation,
        criteria=(
            Criterion("valence: concordance above a ridge", gain(MINE, "valence CCC", RIDGE),
                      least=0, seeds=3),
            Criterion("arousal: the same", gain(MINE, "arousal CCC", RIDGE), least=0, seeds=3),
            Criterion("valence: not below the place derived from `expression`",
                      gain(MINE, "valence CCC", DERIVED), least=0, seeds=3),
            Criterion("Taiwan, valence: the same",
                      gain(MINE, "Taiwan valence CCC", DERIVED), least=0, seeds=3),
            Criterion("Taiwan, arousal: the same",
                      gain(MINE, "Taiwan arousal CCC", DERIVED), least=0, seeds=3),
            Criterion("several moments help: valence above the last moment alone",
                      gain(MINE, "valence CCC", "last moment only"), least=0, seeds=3),
            Criterion("spread follows the error: Spearman at least 0.2, valence",
                      of(MINE, "valence Spearman"), least=0.2, seeds=3),
            Criterion("the same, arousal", of(MINE, "arousal Spearman"), least=0.2, seeds=3),
            Criterion("90 % interval covers 85 to 95 %, valence",
                      of(MINE, "valence coverage"), least=0.85, most=0.95, seeds=3),
            Criterion("the same, arousal", of(MINE, "arousal coverage"), least=0.85, most=0.95,
                      seeds=3),
            Criterion("without the first driver the axis moves as stated, share of windows",
                      of(MINE, "explained"), least=0.9, seeds=3),
            Criterion("places shuffled: concordance of valence at chance",
                      of(SHUFFLED, "valence CCC"), least=-0.1, most=0.1),
        ),
    ),
    Part(
        name="tracks",
        title="Simulated tracks of action units",
        arms=TRACKS,
        run=_tracks,
        shown={key: key for key in SHOWN[:6]} | {
            f"{axis} MAE of the sure half": f"{axis}: error of the sure half, as a share"
            for axis in ("valence", "arousal")
        },
        seeds=5,
        criteria=(
            Criterion("valence: concordance at least 0.85", of(MINE, "valence CCC"), least=0.85,
                      seeds=5),
            Criterion("arousal: the same", of(MINE, "arousal CCC"), least=0.85, seeds=5),
            Criterion("0.2 above a ridge on single moments, valence",
                      gain(MINE, "valence CCC", RIDGE), least=0.2, seeds=5),
            Criterion("the same, arousal", gain(MINE, "arousal CCC", RIDGE), least=0.2, seeds=5),
            Criterion("Spearman of spread and error at least 0.2, valence",
                      of(MINE, "valence Spearman"), least=0.2, seeds=5),
            Criterion("the same, arousal", of(MINE, "arousal Spearman"), least=0.2, seeds=5),
            Criterion("more than without pose, valence",
                      gain(MINE, "valence Spearman", "without pose"), least=0, seeds=5),
            Criterion("squared error ranks no errors: more than it, valence",
                      gain(MINE, "valence Spearman", "squared error"), least=0.1, seeds=5),
            Criterion("coverage 0.85 to 0.95, valence", of(MINE, "valence coverage"), least=0.85,
                      most=0.95, seeds=5),
            Criterion("the same, arousal", of(MINE, "arousal coverage"), least=0.85, most=0.95,
                      seeds=5),
            Criterion("error of the sure half at most 0.85 of all, valence",
                      of(MINE, "valence MAE of the sure half"), most=0.85, seeds=5),
        ),
    ),
)  # fmt: skip
