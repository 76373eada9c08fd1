"""Proof: what does a head that learnt on some domains do on another one?

mien systems prove liveness-texture --data DATA --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.metrics import bpcer, roc_area, threshold_at_apcer
from mien.systems.liveness_texture.data import DOMAINS, Faces, faces
from mien.systems.liveness_texture.head import ZOOM
from mien.systems.liveness_texture.train import Config, network, scores
from mien.train.criteria import Criterion, Found, gain, of
from mien.train.proofs import Part
from mien.types import Doubles, OnStep

APCER = 0.05  # of the worst species, at which BPCER is reported
CHANCE = 0.65  # an area under the curve that a control must stay below
ALL, LIGHT = "all three domains", "brightness of the chip (baseline)"
SHUFFLED = "all, labels of people shuffled (control)"


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Faces:
    assert data is not None
    return faces(data, out, on_step)


def _trained(settings: tuple[str, Config], seed: int, every: Faces) -> dict[str, float]:
    name, config = settings
    test = every.rows(every.test & (every.zoom == np.float32(ZOOM)))
    if name == LIGHT:
        return of_light(test)
    if name == SHUFFLED:
        rng = np.random.default_rng(seed)
        groups = sorted(set(every.person))  # labels of whole people, or copies would teach them
        side = dict(zip(groups, rng.permutation(len(groups)) % 2, strict=True))
        label = np.array(["print" if side[p] else "bona-fide" for p in every.person])
        every = Faces(every.chips, label, every.person, every.domain, every.zoom)
    net = network(replace(config, seed=seed), every, None)
    return rates(scores(net, test), test)


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


def without(domain: str) -> str:
    """The arm that does not see a domain."""
    return f"without {domain}"


ARMS: Mapping[str, Config] = {
    LIGHT: Config(),
    ALL: Config(),
    **{without(domain): Config(without=domain) for domain in DOMAINS},
    SHUFFLED: Config(),
}
CRITERIA = tuple(
    criterion
    for domain in DOMAINS
    for criterion in (
        Criterion(f"{domain}: above brightness alone", gain(ALL, f"auc {domain}", LIGHT),
                  least=0.0, digits=2),
        Criterion(f"{domain}: area 0.9 without having seen it",
                  of(without(domain), f"auc {domain}"), least=0.9, digits=2),
        Criterion(f"{domain}: the control is near chance", of(SHUFFLED, f"auc {domain}"),
                  least=1 - CHANCE, most=CHANCE, digits=2),
    )
)  # fmt: skip


def _counts(found: Found, every: Faces) -> Sequence[str]:
    test = every.rows(every.test & (every.zoom == np.float32(ZOOM)))
    parts = []
    for domain in DOMAINS:
        here = test.domain == domain
        species = ", ".join(f"{np.sum(here & (test.species == name))} {name}"
                            for name in sorted(set(test.species[here])))  # fmt: skip
        people = len(set(test.person[here])), len(set(every.person[every.domain == domain]))
        parts.append(f"{domain}: {species}; {people[0]} of {people[1]} people")
    return ("Tested on " + "; ".join(parts) + ".",)


def _quick(settings: tuple[str, Config]) -> tuple[str, Config]:
    return settings[0], replace(settings[1], epochs=1)


PARTS = (
    Part(
        name="domains",
        title="Trained on",
        arms={name: (name, config) for name, config in ARMS.items()},
        run=_trained,
        shown={
            f"{key} {domain}": f"{heading}, {domain}"
            for domain in DOMAINS
            for key, heading in (("auc", "Area"), ("bpcer", "BPCER20"))
        },
        criteria=CRITERIA,
        load=_load,
        needs="NUAA and the Taiwanese portraits",
        seeds=3,
        quick=_quick,
        also=_counts,
        digits=2,
    ),
)
