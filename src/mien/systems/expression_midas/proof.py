"""Proof: does mixing clips help to learn the vote shares of raters?

mien systems prove expression-midas --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mien.systems.expression_midas.data import Clips, faded, rendered, signals
from mien.systems.expression_midas.train import Config, measured, network, probabilities
from mien.train.seed_summary import kept, markdown, spread_of
from mien.types import OnStep

SEEDS = 5
ARMS: Mapping[str, Config] = {
    "hard labels": Config(labels="hard", mix=False),
    "hard labels, mixed": Config(labels="hard"),
    "soft labels": Config(mix=False),
    "MIDAS": Config(),
}
SHOWN = ("WAR", "UAR", "KL", "KL, ambiguous", "calibration error", "doubt follows votes")
ALPHAS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.0)
QUICK: Mapping[str, object] = {"epochs": 60, "held": 0.0, "precision": "32"}
# Each variant keeps its own best epoch, by KL on a held-out part of the training half: other
# people, or other photographs.
FILMS: Mapping[str, object] = {"epochs": 48, "held": 0.2}
FADED: Mapping[str, object] = {"epochs": 30, "held": 0.2, "precision": "32"}
LAST: Mapping[str, object] = {**FADED, "held": 0.0}  # the last epoch, without selection
Found = dict[str, list[dict[str, float]]]
Criterion = tuple[str, int, int]  # criterion, number of seeds that met it, number required


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Run it on signals, rendered films, and photographs of FER2013 that fade; five seeds."""
    torch.set_num_threads(1)
    made = [signals(10 + seed) for seed in range(SEEDS)]  # the rate was chosen on other seeds
    found = _arms(out, "signals", made, QUICK, on_step)
    parts = [_section("Signals", found, _of_signals(found)), _alphas(made[0]), _shuffled(made[0])]
    drawn = [rendered(out / "clips.npz", on_step)] * SEEDS
    found = _arms(out, "films", drawn, FILMS, on_step)
    parts.append(_section("Rendered films", found, _of_pictures(found)))
    if data is not None:
        made = [faded(data, out, seed, on_step=on_step) for seed in range(SEEDS)]
        for name, place, settings in (
            ("Photographs that fade, each way at its own best epoch", "photographs", FADED),
            (f"The same after {LAST['epochs']} epochs", "photographs-last", LAST),
        ):
            found = _arms(out, place, made, settings, on_step)
            parts.append(_section(name, found, _of_pictures(found)))
    return "\n\n".join(parts)


def _section(name: str, found: Found, asked: Sequence[Criterion]) -> str:
    return "\n\n".join([f"### {name}", _table(found), _against(found), _criteria(found, asked)])


def _arms(
    out: Path,
    name: str,
    made: list[tuple[Clips, Clips]],
    settings: Mapping[str, object],
    on_step: OnStep | None,
) -> Found:
    """Train each variant with each seed; finished ones are kept in `out`."""
    found: Found = {arm: [] for arm in ARMS}
    done = 0
    for arm, config in ARMS.items():
        for seed, (learnt, test) in enumerate(made):
            chosen = replace(config, seed=seed, **settings)  # type: ignore[arg-type]
            place = out / f"{name}-{arm.replace(' ', '-')}-{seed}.json"
            found[arm].append(kept(place, partial(_trained, chosen, learnt, test)))
            done += 1
            if on_step:
                on_step(name, done, len(ARMS) * len(made))
    return found


def _trained(config: Config, learnt: Clips, test: Clips) -> dict[str, float]:
    return measured(probabilities(network(config, learnt, None), test), test)


def _table(found: Found) -> str:
    rows = [(arm, *(spread_of([one[key] for one in each], 2) for key in SHOWN))
            for arm, each in found.items()]  # fmt: skip
    return markdown((f"{SEEDS} seeds, mean (95 % interval)", *SHOWN), rows)


def _against(found: Found) -> str:
    """Reduction by MIDAS against each other variant, seed by seed."""
    keys = ("KL", "KL, ambiguous", "Jensen-Shannon")
    rows = [
        (f"less than with {arm}", *(
            spread_of([other[key] - one[key] for one, other in
                       zip(found["MIDAS"], found[arm], strict=True)]) for key in keys))
        for arm in found if arm != "MIDAS"
    ]  # fmt: skip
    return markdown(("MIDAS, same seeds, mean (95 % interval)", *keys), rows)


def _criteria(found: Found, asked: Sequence[Criterion]) -> str:
    """Results against the criteria of this kind of clips, and against the common one."""
    doubt = [np.mean([one["doubt follows votes"] for one in found[arm]])
             for arm in ("MIDAS", "hard labels")]  # fmt: skip
    rows = [(bar, f"{met} of {SEEDS} seeds", "yes" if met >= need else "**no**")
            for bar, met, need in asked]  # fmt: skip
    honest = doubt[0] >= 0.5 and doubt[0] > doubt[1]
    rows.append(("entropy follows that of the votes: Spearman 0.5, more than with hard labels",
                 f"{doubt[0]:.2f}, {doubt[1]:.2f}", "yes" if honest else "**no**"))  # fmt: skip
    return markdown(("Criterion", "Result", "Met"), rows)


def _of_signals(found: Found) -> list[Criterion]:
    others = tuple(arm for arm in ARMS if arm != "MIDAS")
    soft = ("soft labels",)
    return [
        ("best WAR", _first(found, "WAR", others, low=False), SEEDS - 1),
        ("best UAR", _first(found, "UAR", others, low=False), SEEDS - 1),
        ("KL at most 0.85 of soft labels alone", _first(found, "KL", soft, low=True, by=0.85),
         SEEDS),
        ("the same, ambiguous clips", _first(found, "KL, ambiguous", soft, low=True, by=0.85),
         SEEDS),
    ]  # fmt: skip


def _of_pictures(found: Found) -> list[Criterion]:
    """Criteria for image clips, less strict on accuracy."""
    plain, rivals = ("hard labels", "hard labels, mixed"), ("soft labels", "hard labels, mixed")
    pairs = zip(found["MIDAS"], found["soft labels"], strict=True)
    near = sum(one["WAR"] >= two["WAR"] - 0.01 for one, two in pairs)
    return [
        ("KL below hard labels and below hard mixed", _first(found, "KL", plain, low=True), SEEDS),
        ("KL below soft labels", _first(found, "KL", ("soft labels",), low=True), SEEDS),
        ("KL of ambiguous clips below soft labels and below hard mixed",
         _first(found, "KL, ambiguous", rivals, low=True), SEEDS),
        ("WAR not lower than soft labels by more than 0.01", near, SEEDS),
    ]  # fmt: skip


def _first(found: Found, key: str, arms: tuple[str, ...], *, low: bool, by: float = 1.0) -> int:
    """Number of seeds in which MIDAS is better than each of these arms, by a factor."""
    count = 0
    for seed, one in enumerate(found["MIDAS"]):
        others = [found[arm][seed][key] for arm in arms]
        count += one[key] <= by * min(others) if low else one[key] >= max(others)
    return count


def _alphas(made: tuple[Clips, Clips]) -> str:
    """KL over alpha, one seed."""
    learnt, test = made
    values = []
    for alpha in ALPHAS:
        config = replace(Config(alpha=alpha), **QUICK)  # type: ignore[arg-type]
        net = network(config, learnt, None)
        values.append(f"{measured(probabilities(net, test), test)['KL']:.2f}")
    heads = ("alpha (signals, first seed)", *(f"{alpha:g}" for alpha in ALPHAS))
    return markdown(heads, [("KL", *values)])


def _shuffled(made: tuple[Clips, Clips]) -> str:
    """The control: votes in random order."""
    learnt, test = made
    votes = np.random.default_rng(0).permutation(learnt.votes)
    control = network(Config(epochs=20, held=0.0), Clips(learnt.x, votes, learnt.group), None)
    values = measured(probabilities(control, test), test)
    common = np.bincount(test.majority[test.majority >= 0]).max() / (test.majority >= 0).sum()
    return (
        f"Control, votes of training shuffled: UAR {values['UAR']:.2f} (chance {1 / 7:.2f}), WAR "
        f"{values['WAR']:.2f} (always the most common class: {common:.2f})."
    )
