"""Proof on planted truths: are gaps found, and only those that exist; is coverage what it promises?

mien systems prove trust-faa --out FOLDER
"""

from pathlib import Path

import numpy as np

from mien.metrics import fit_temperature, tempered
from mien.systems.trust_faa.answers import Answers
from mien.systems.trust_faa.fairness import compare, permutation
from mien.systems.trust_faa.uncertainty import (
    coverage,
    error_of_calibration,
    halves,
)
from mien.train.seed_summary import markdown
from mien.types import Doubles, OnStep

CLASSES = tuple("abcdefg")
IMAGES, DIMENSIONS = 3000, 7
SHARE_B, NOISE_B = 0.2, 1.6  # group B: its share, and its noise relative to group A
SEEDS, NULLS = 20, 100
FRAMES, SUBJECTS = 20, 60  # images of each person, and people, for the third experiment


def toy(seed: int, noise_b: float = NOISE_B, images: int = IMAGES) -> Answers:
    """Seven Gaussian classes, read by the best rule for group A; group B is noisier."""
    rng = np.random.default_rng([24, seed])
    truth = rng.integers(0, len(CLASSES), images)
    group = np.where(rng.random(images) < SHARE_B, "B", "A")
    spread = np.where(group == "B", noise_b, 1.0)
    x = 3.2 * np.eye(len(CLASSES))[truth] + spread[:, None] * rng.normal(size=(images, DIMENSIONS))
    logits = 3.2 * x
    people = np.array([f"p{k}" for k in range(images)])
    return Answers(CLASSES, softened(logits), truth, people, {"group": group})


def softened(logits: Doubles) -> Doubles:
    """Softmax."""
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def frames_of_people(seed: int) -> Answers:
    """People with twenty frames each, whose errors depend on the person and not on the group."""
    rng = np.random.default_rng([24, 1, seed])
    difficulty = rng.beta(1, 4, SUBJECTS)
    who = np.repeat(np.arange(SUBJECTS), FRAMES)
    wrong = rng.random(len(who)) < difficulty[who]
    output = np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2])
    group = np.where(rng.permutation(SUBJECTS) % 2, "x", "y")[who]
    people = np.array([f"p{k}" for k in who])
    return Answers(("right", "wrong"), output, np.zeros(len(who), int), people, {"group": group})


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Run the experiments; data are not used."""
    gaps, nulls, naive, clustered, rows = 0, 0, 0, 0, []
    for seed in range(SEEDS):
        one = toy(seed)
        found = compare(one, "group", seed)
        assert found is not None
        gaps += found.p < 0.05
        shared = coverage(one, 0.9, seed, "group", mondrian=False)
        own = coverage(one, 0.9, seed, "group", mondrian=True)
        errors = {name: error.value for name, error in found.errors.items()}
        rows.append((shared.all.value, shared.groups["B"].value, own.groups["B"].value,
                     errors["B"] - errors["A"]))  # fmt: skip
        if on_step:
            on_step("planted gaps", seed + 1, SEEDS)
    for seed in range(NULLS):
        same = compare(toy(1000 + seed, noise_b=1.0), "group", seed)
        assert same is not None
        nulls += same.p < 0.05
        frames = frames_of_people(seed)
        alone = np.arange(len(frames.loss)).astype(str)
        naive += permutation(frames.loss, frames.groups["group"], alone, seed)[0] < 0.05
        clustered += permutation(frames.loss, frames.groups["group"], frames.people, seed)[0] < 0.05
        if on_step:
            on_step("no gaps", seed + 1, NULLS)
    return _report(np.array(rows), gaps, nulls, (naive, clustered))


def _report(rows: Doubles, gaps: int, nulls: int, rejected: tuple[int, int]) -> str:
    everyone, group_b, own_b, gap = rows.T
    before, after = _calibrated()
    naive, clustered = rejected
    table = [
        ("planted gap found, p below 0.05", f"{gaps} of {SEEDS} seeds (gap {gap.mean():.3f})",
         gaps >= 19),
        ("without a gap, p below 0.05 in at most 10 of 100", f"{nulls} of {NULLS}", nulls <= 10),
        ("coverage of all at 0.9, one bar: 0.88 to 0.92", f"{everyone.mean():.3f}",
         abs(everyone.mean() - 0.9) <= 0.02),
        ("the same, group B: at most 0.82 (the baseline that must lose)", f"{group_b.mean():.3f}",
         group_b.mean() <= 0.82),
        ("one bar per group, group B: 0.86 in every seed",
         f"{own_b.min():.3f} at least, {own_b.mean():.3f} on average", own_b.min() >= 0.86),
        (f"{FRAMES} frames per person, no difference: permuting frames rejects more than 20 %",
         f"{naive} of {NULLS}", naive > 20),
        ("the same, permuting people rejects at most 8 %", f"{clustered} of {NULLS}",
         clustered <= 8),
        ("temperature lowers a calibration error above 0.1 to below 0.03",
         f"{before:.3f} to {after:.3f}", before > 0.1 and after < 0.03),
    ]  # fmt: skip
    shown = [(name, result, "yes" if met else "**no**") for name, result, met in table]
    return markdown(("Criterion of the specification", "Result", "Met"), shown)


def _calibrated() -> tuple[float, float]:
    """Calibration error of an over-confident toy, and at a temperature of other images."""
    one = toy(0, noise_b=1.0)
    sure = Answers(CLASSES, tempered(one.output, 0.25), one.truth, one.people, one.groups)
    rng = np.random.default_rng(7)  # labels that disagree now and then, as raters do
    flipped = rng.random(len(one.truth)) < 0.15
    truth = np.where(flipped, rng.integers(0, len(CLASSES), len(one.truth)), one.truth)
    sure = Answers(CLASSES, sure.output, truth, one.people, one.groups)
    first = halves(sure.people, 0)
    known, test = sure.rows(first), sure.rows(~first)
    bar = fit_temperature(known.output, known.truth.astype(np.int64))
    cooler = Answers(CLASSES, tempered(test.output, bar), test.truth, test.people, test.groups)
    return error_of_calibration(test, 0).value, error_of_calibration(cooler, 0).value
