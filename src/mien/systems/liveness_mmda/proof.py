"""Proof: does MMDA carry over to a camera that it never saw, and which of its parts matter?

mien systems prove liveness-mmda --data DATA --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from mien.metrics import bpcer, equal_error_rate, roc_area, threshold_at_apcer, wilson
from mien.systems.liveness_mmda.data import DOMAINS, REAL, Frames, frames
from mien.systems.liveness_mmda.head import PARTS as MODALITIES
from mien.systems.liveness_mmda.model import Encoder, Net
from mien.systems.liveness_mmda.train import (
    Config,
    scores,
    train_early,
    train_encoder,
    train_head,
)
from mien.train.criteria import Criterion, Found, gain, of
from mien.train.proofs import Part
from mien.types import Doubles, OnStep

MMDA, LIGHT = "MMDA", "brightness of the chip (baseline)"
NO_MD2A, NO_RS2, NO_UDSA = "without MD2A", "without RS2", "without U-DSA"
MIXED, LATE, EARLY = "domain ids shuffled (control)", "class tokens side by side", "early fusion"
LABELS = "labels shuffled (control)"
ELSEWHERE = "rendered people only"
ALL = frozenset(MODALITIES[1:])
SETS = {"all": ALL, "no depth": ALL - {"depth"}, "no infrared": ALL - {"infrared"},
        "colour": frozenset[str]()}  # fmt: skip
SHORT = Config(encoder_epochs=12, epochs=4)
_ENCODERS: dict[tuple[int, str, bool], Encoder] = {}  # of this process, by seed, domain, control


def _rendered(data: Path | None, out: Path, on_step: OnStep | None) -> Frames:
    return frames(None, out, on_step)


def _real(data: Path | None, out: Path, on_step: OnStep | None) -> Frames:
    assert data is not None
    return frames(data, out, on_step)


def _network(config: Config, learn: Frames, held: str) -> nn.Module:
    """The network of an arm; arms of one seed share the frozen encoder of a held-out domain."""
    if config.kind == "early":
        return train_early(config, learn).eval()
    key = config.seed, held, config.shuffled_labels
    if key not in _ENCODERS:
        _ENCODERS[key] = train_encoder(config, learn, None)
    return Net(_ENCODERS[key], train_head(config, _ENCODERS[key], learn, None)).eval()


def _domains(settings: tuple[str, Config], seed: int, every: Frames) -> dict[str, float]:
    """Leave each domain out once; the threshold comes from other people of the others."""
    config = replace(settings[1], seed=seed)
    found: dict[str, float] = {}
    masks: list[float] = []
    for held in DOMAINS:
        sources, test = every.rows(every.domain != held), every.rows(every.domain == held)
        net = _network(config, sources.rows(~sources.test), held)
        choose = sources.rows(sources.test)
        bar = balanced_threshold(scores(net, choose.inputs()), choose.live)
        p = scores(net, test.inputs())
        found[f"hter {held}"] = half_total_error(p, test.live, bar)
        found[f"oracle {held}"] = equal_error_rate(p[test.live], p[~test.live])
        masks.append(float((p[test.species == "mask"] > bar).mean()))
        for name, parts in SETS.items():
            p = scores(net, test.inputs(parts))
            found[f"auc {name} {held}"] = roc_area(p[test.live], p[~test.live])
    for key in ("hter", "oracle", "auc all", "auc no depth", "auc no infrared", "auc colour"):
        found[key] = float(np.mean([found[f"{key} {held}"] for held in DOMAINS]))
    return found | {"mask": float(np.mean(masks))}


def balanced_threshold(p: Doubles, live: np.ndarray) -> float:
    """The score at which both error rates are closest to each other."""
    values = np.unique(p)
    gaps = [abs((p[live] <= bar).mean() - (p[~live] > bar).mean()) for bar in values]
    return float(values[int(np.argmin(gaps))])


def half_total_error(p: Doubles, live: np.ndarray, bar: float) -> float:
    """HTER: mean of the two error rates at a threshold; lower is better."""
    return float(((p[live] <= bar).mean() + (p[~live] > bar).mean()) / 2)


def _nuaa(settings: tuple[str, Config], seed: int, every: Frames) -> dict[str, float]:
    """The colour branch on people of NUAA whom no training saw."""
    name, config = settings[0], replace(settings[1], seed=seed)
    test = every.rows(every.test & (every.domain == REAL))
    if name == LIGHT:
        return real_rates(test.rgb.mean((1, 2, 3)) / 255, test)
    learn = every.rows(~every.test & ((every.domain != REAL) | (name != ELSEWHERE)))
    net = _network(config, learn, f"{REAL} {name}")
    return real_rates(scores(net, test.inputs(frozenset())), test)


def real_rates(p: Doubles, test: Frames) -> dict[str, float]:
    """Area under the curve, and BPCER at APCER 5 %."""
    bar = threshold_at_apcer({"print": p[~test.live]}, 0.05)
    return {"auc": roc_area(p[test.live], p[~test.live]),
            "bpcer": float(bpcer(p[test.live], bar).mean())}  # fmt: skip


def _won(found: Found) -> list[float]:
    """In how many domains the mean HTER is below that of early fusion."""
    means = {
        arm: [float(np.mean([one[f"hter {d}"] for one in found[arm]])) for d in DOMAINS]
        for arm in (MMDA, EARLY)
    }
    return [float(sum(a < b for a, b in zip(means[MMDA], means[EARLY], strict=True)))]


def _tested(found: Found, every: Frames) -> Sequence[str]:
    parts = [
        f"{domain}: "
        + ", ".join(
            f"{np.sum((every.domain == domain) & (every.species == name))} {name}"
            for name in sorted(set(every.species[every.domain == domain]))
        )
        for domain in DOMAINS
    ]
    return (f"Frames, all rendered: {'; '.join(parts)}.", _tones(every))


def _tones(every: Frames) -> str:
    """BPCER of one network by tone of the skin, all domains seen."""
    learn, test = every.rows(~every.test), every.rows(every.test)
    net = _network(SHORT, learn, "none")
    bar = float(np.quantile(scores(net, learn.inputs())[learn.live], 0.05))
    p = scores(net, test.inputs())
    parts = []
    for low, high in ((1, 4), (4, 7), (7, 10.1)):
        here = test.live & (test.tone >= low) & (test.tone < high)
        refused, count = int((p[here] <= bar).sum()), int(here.sum())
        at, to = wilson(refused, count)
        parts.append(f"{low} to {high:.0f}: {refused} of {count} ({at:.2f} to {to:.2f})")
    return f"Live faces refused, by tone on the Monk scale: {'; '.join(parts)}."


def _counts(found: Found, every: Frames) -> Sequence[str]:
    test = every.rows(every.test & (every.domain == REAL))
    people = [len(set(test.person[rows])) for rows in (test.live, ~test.live)]
    return (f"NUAA: {test.live.sum()} live frames of {people[0]} people, {(~test.live).sum()} "
            f"printed photographs of {people[1]} people.",)  # fmt: skip


ARMS: Mapping[str, Config] = {
    MMDA: SHORT,
    NO_MD2A: replace(SHORT, md2a=False),
    NO_RS2: replace(SHORT, rs2=False),
    NO_UDSA: replace(SHORT, udsa=False),
    MIXED: replace(SHORT, shuffled_domains=True),
    LATE: replace(SHORT, kind="concatenation"),
    EARLY: replace(SHORT, kind="early"),
    LABELS: replace(SHORT, shuffled_labels=True, encoder_epochs=3),
}
REAL_ARMS: Mapping[str, Config] = {
    LIGHT: SHORT,
    MMDA: SHORT,
    ELSEWHERE: SHORT,
    LABELS: replace(SHORT, shuffled_labels=True, encoder_epochs=3),
}
CRITERIA = (
    Criterion("mean HTER of unseen domains at most 0.15", of(MMDA, "hter"), most=0.15),
    Criterion("0.02 below early fusion", gain(MMDA, "hter", EARLY, low=True), least=0.02),
    Criterion("better than early fusion in 3 of 4 domains", _won, least=3, digits=0),
    Criterion("MD2A lowers the HTER", gain(MMDA, "hter", NO_MD2A, low=True), least=1e-6),
    Criterion("RS2 lowers the HTER", gain(MMDA, "hter", NO_RS2, low=True), least=1e-6),
    Criterion("shuffled domain ids remove the gain of MD2A",
              gain(MIXED, "hter", NO_MD2A, low=True), most=0.005),
    Criterion("without depth: area 0.8", of(MMDA, "auc no depth"), least=0.8),
    Criterion("without infrared: area 0.8", of(MMDA, "auc no infrared"), least=0.8),
    Criterion("the shift is strong: early fusion has a HTER above 0.05", of(EARLY, "hter"),
              least=0.05),
    Criterion("the control is near chance", of(LABELS, "auc all"), least=0.35, most=0.65),
)  # fmt: skip
REAL_CRITERIA = (
    Criterion("NUAA: above brightness alone", gain(MMDA, "auc", LIGHT), least=0.0, digits=2),
    Criterion("NUAA: area 0.9", of(MMDA, "auc"), least=0.9, digits=2),
    Criterion("NUAA: area 0.8 without having seen it", of(ELSEWHERE, "auc"), least=0.8, digits=2),
    Criterion("the control is near chance", of(LABELS, "auc"), least=0.35, most=0.65, digits=2),
)


def _quick(settings: tuple[str, Config]) -> tuple[str, Config]:
    return settings[0], replace(settings[1], encoder_epochs=1, epochs=1)


PARTS = (
    Part(
        name="nuaa",
        title="NUAA, colour only; 3 seeds",
        arms={name: (name, config) for name, config in REAL_ARMS.items()},
        run=_nuaa,
        shown={"auc": "Area", "bpcer": "BPCER20"},
        criteria=REAL_CRITERIA,
        load=_real,
        needs="NUAA",
        seeds=3,
        quick=_quick,
        also=_counts,
        digits=2,
    ),
    Part(
        name="domains",
        title="Rendered, one domain left out; 3 seeds",
        arms={name: (name, config) for name, config in ARMS.items()},
        run=_domains,
        shown={"hter": "HTER", "oracle": "HTER, threshold of the test", "mask": "APCER, mask",
               "auc all": "Area", "auc no depth": "no depth", "auc no infrared": "no infrared",
               "auc colour": "colour only"},
        criteria=CRITERIA,
        load=_rendered,
        seeds=3,
        quick=_quick,
        also=_tested,
    ),
)  # fmt: skip
