"""Proof on planted truths: are gaps found, and only those that exist; is coverage what it promises?

mien systems prove trust-faa --out FOLDER
"""

import numpy as np

from mien.metrics import fit_temperature, tempered
from mien.systems.trust_faa.answers import Answers
from mien.systems.trust_faa.fairness import compare, permutation
from mien.systems.trust_faa.uncertainty import (
    coverage,
    error_of_calibration,
    halves,
)
from mien.train.criteria import Criterion, of
from mien.train.proofs import Part
from mien.types import Doubles

CLASSES = tuple("abcdefg")
IMAGES, DIMENSIONS = 3000, 7
SHARE_B, NOISE_B = 0.2, 1.6  # group B: its share, and its noise relative to group A
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


def _gap(toys: str, seed: int, loaded: None) -> dict[str, float]:
    """One toy with a planted gap: is it found, and what do sets cover?"""
    one = toy(seed)
    found = compare(one, "group", seed)
    assert found is not None
    shared = coverage(one, 0.9, seed, "group", mondrian=False)
    own = coverage(one, 0.9, seed, "group", mondrian=True)
    errors = {name: error.value for name, error in found.errors.items()}
    return {
        "p": found.p,
        "gap": errors["B"] - errors["A"],
        "all": shared.all.value,
        "B, one bar": shared.groups["B"].value,
        "B, own bar": own.groups["B"].value,
    }


def _null(toys: str, seed: int, loaded: None) -> dict[str, float]:
    """One toy without a gap, and people with many frames whose errors do not differ by group."""
    same = compare(toy(1000 + seed, noise_b=1.0), "group", seed)
    assert same is not None
    frames = frames_of_people(seed)
    alone = np.arange(len(frames.loss)).astype(str)
    naive = permutation(frames.loss, frames.groups["group"], alone, seed)[0]
    clustered = permutation(frames.loss, frames.groups["group"], frames.people, seed)[0]
    return {
        "images": float(same.p < 0.05),
        "frames": float(naive < 0.05),
        "people": float(clustered < 0.05),
    }


def _temperature(toys: str, seed: int, loaded: None) -> dict[str, float]:
    before, after = _calibrated()
    return {"before": before, "after": after}


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


GAP, NULL, SURE = "planted gap", "no gap", "over-confident toy"
PARTS = (
    Part(
        name="planted gaps",
        title="Toys of two groups",
        arms={GAP: GAP},
        run=_gap,
        shown={"gap": "Gap of the error", "all": "Coverage of all at 0.9, one bar",
               "B, one bar": "of group B", "B, own bar": "of group B, one bar per group"},
        criteria=(
            Criterion("planted gap found, p below 0.05", of(GAP, "p"), most=0.05, seeds=19),
            Criterion("coverage of all at 0.9, one bar: 0.88 to 0.92", of(GAP, "all"), least=0.88,
                      most=0.92),
            Criterion("the same, group B: at most 0.82 (the baseline that must lose)",
                      of(GAP, "B, one bar"), most=0.82),
            Criterion("one bar per group, group B: 0.86 in every seed", of(GAP, "B, own bar"),
                      least=0.86, seeds=20),
        ),
        seeds=20,
    ),
    Part(
        name="no gaps",
        title=f"Toys without a difference, share that is rejected at 0.05; {FRAMES} frames per "
        "person where there are people",
        arms={NULL: NULL},
        run=_null,
        shown={"images": "Images", "frames": "Permuting frames", "people": "Permuting people"},
        criteria=(
            Criterion("without a gap: rejected in at most 10 %", of(NULL, "images"), most=0.10),
            Criterion("permuting frames rejects more than 20 %", of(NULL, "frames"), least=0.20),
            Criterion("permuting people rejects at most 8 %", of(NULL, "people"), most=0.08),
        ),
        seeds=100,
        digits=2,
    ),
    Part(
        name="temperature",
        title="Calibration error",
        arms={SURE: SURE},
        run=_temperature,
        shown={"before": "before", "after": "after, at a temperature of other images"},
        criteria=(
            Criterion("above 0.1 before", of(SURE, "before"), least=0.1),
            Criterion("below 0.03 after", of(SURE, "after"), most=0.03),
        ),
        seeds=1,
    ),
)  # fmt: skip
