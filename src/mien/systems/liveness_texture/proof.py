"""Proof: what does a head that learnt on some domains do on another one?

mien systems prove liveness-texture --data DATA --out FOLDER
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mien.errors import TrainingError
from mien.metrics import bpcer, roc_area, threshold_at_apcer
from mien.systems.liveness_texture.data import DOMAINS, Faces, faces
from mien.systems.liveness_texture.head import ZOOM
from mien.systems.liveness_texture.train import Config, network, scores
from mien.train.seed_summary import kept, markdown, spread_of
from mien.types import Doubles, OnStep

SEEDS = 3
APCER = 0.05  # of the worst species, at which BPCER is reported
CHANCE = 0.65  # an area under the curve that a control must stay below


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Train on all domains, on all but one, on brightness alone, and on shuffled labels.

    Raises:
        TrainingError: without the real pictures there is nothing to prove.
    """
    if data is None:
        raise TrainingError("The proof needs NUAA and the Taiwanese portraits; name --data FOLDER.")
    torch.set_num_threads(1)
    every = faces(data, out, on_step)
    test = every.rows(every.test & (every.zoom == np.float32(ZOOM)))
    arms: dict[str, list[dict[str, float]]] = {"brightness": [of_light(test)] * SEEDS}
    for without in ("", *DOMAINS, "shuffled"):
        arms[without] = []
        for seed in range(SEEDS):
            make = partial(_trained, Config(without=without, seed=seed), every, test)
            arms[without].append(kept(out / f"without-{without or 'none'}-{seed}.json", make))
            if on_step:
                on_step(f"without {without or 'none'}", seed + 1, SEEDS)
    return "\n\n".join([_table(arms), _bars(arms), _counts(every, test)])


def _trained(config: Config, every: Faces, test: Faces) -> dict[str, float]:
    if config.without == "shuffled":
        rng = np.random.default_rng(config.seed)
        groups = sorted(set(every.person))  # labels of whole people, or copies would teach them
        side = dict(zip(groups, rng.permutation(len(groups)) % 2, strict=True))
        label = np.array(["print" if side[p] else "bona-fide" for p in every.person])
        every = Faces(every.chips, label, every.person, every.domain, every.zoom)
        config = replace(config, without="")
    return rates(scores(network(config, every, None), test), test)


def of_light(test: Faces) -> dict[str, float]:
    """Rates of a baseline that sees only the mean brightness of the chip."""
    return rates(test.chips.mean((1, 2, 3)) / 255, test)


def rates(p: Doubles, test: Faces) -> dict[str, float]:
    """Area under the curve and BPCER at APCER 5 % of the worst species, for each domain."""
    found = {}
    for domain in (d for d in DOMAINS if d in test.domain):
        here = test.domain == domain
        live = p[here & test.live]
        attacks = {name: p[here & (test.species == name)]
                   for name in sorted(set(test.species[here & ~test.live]))}  # fmt: skip
        bar = threshold_at_apcer(attacks, APCER)
        found[f"auc {domain}"] = roc_area(live, np.concatenate(list(attacks.values())))
        found[f"bpcer {domain}"] = float(bpcer(live, bar).mean())
    return found


NAMES: Mapping[str, str] = {
    "brightness": "brightness of the chip (baseline)",
    "": "all three domains",
    "shuffled": "all, labels of people shuffled (control)",
    **{domain: f"without {domain}" for domain in DOMAINS},
}


def _table(arms: Mapping[str, list[dict[str, float]]]) -> str:
    columns = [f"{what} {domain}" for domain in DOMAINS for what in ("auc", "bpcer")]
    heads = [f"{'Area' if c.startswith('auc') else 'BPCER20'}, {c.split()[1]}" for c in columns]
    rows = [(NAMES[arm], *(spread_of([one[c] for one in each], 2) for c in columns))
            for arm, each in arms.items()]  # fmt: skip
    return markdown((f"Trained on; {SEEDS} seeds, mean (95 % interval)", *heads), rows)


def _bars(arms: Mapping[str, list[dict[str, float]]]) -> str:
    def mean(arm: str, key: str) -> float:
        return float(np.mean([one[key] for one in arms[arm]]))

    rows = []
    for domain in DOMAINS:
        key = f"auc {domain}"
        own, other, light = mean("", key), mean(domain, key), mean("brightness", key)
        rows.append((f"{domain}: above brightness alone", f"{own:.2f}, {light:.2f}",
                     "yes" if own > light else "**no**"))  # fmt: skip
        rows.append((f"{domain}: area 0.9 without having seen it", f"{other:.2f}",
                     "yes" if other >= 0.9 else "**no**"))  # fmt: skip
        control = mean("shuffled", key)
        rows.append((f"{domain}: the control is near chance", f"{control:.2f}",
                     "yes" if 1 - CHANCE < control < CHANCE else "**no**"))  # fmt: skip
    return markdown(("Criterion", "Result", "Met"), rows)


def _counts(every: Faces, test: Faces) -> str:
    parts = []
    for domain in DOMAINS:
        here = test.domain == domain
        species = ", ".join(f"{np.sum(here & (test.species == name))} {name}"
                            for name in sorted(set(test.species[here])))  # fmt: skip
        people = len(set(test.person[here])), len(set(every.person[every.domain == domain]))
        parts.append(f"{domain}: {species}; {people[0]} of {people[1]} people")
    return "Tested on " + "; ".join(parts) + "."
