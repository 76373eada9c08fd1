"""Proof on planted truths: are gaps found, and only those that exist; is coverage what it promises?

mien systems prove trust-faa --data UTKFACE --out FOLDER
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from mien.metrics import fit_temperature, tempered
from mien.systems.trust_faa.answers import Answers
from mien.systems.trust_faa.attack import integrated_gradients
from mien.systems.trust_faa.data import (
    OLD,
    PEOPLE,
    YOUNG,
    LookParts,
    Mouths,
    drawn,
    mouths,
    photographs,
    smiles,
)
from mien.systems.trust_faa.fairness import compare, permutation
from mien.systems.trust_faa.membership import membership
from mien.systems.trust_faa.model import SmallNet, trained
from mien.systems.trust_faa.robustness import patches
from mien.systems.trust_faa.toys import (
    CLASSES,
    FRAMES,
    IMAGES,
    NOISE_B,
    SHARPER,
    frames_of_people,
    toy,
)
from mien.systems.trust_faa.uncertainty import (
    TINY,
    coverage,
    error_of_calibration,
    halves,
)
from mien.train.criteria import Criterion, Found, of, ratio
from mien.train.mitigation import Mitigation
from mien.train.proofs import Part
from mien.types import Doubles, Pixels


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
    """Calibration error of an over-confident toy, and at a temperature of other images."""
    # With a few hundred images the error of 15 bins is 0.05 by chance alone.
    one = toy(seed, noise_b=NOISE_B if toys == SURE else 1.0, images=5 * IMAGES)
    if toys == SURE:  # everybody is as noisy as group B, and the rule knows nothing of it
        one = one.rows(one.groups["group"] == "B")
    truth = one.truth.astype(np.int64)
    if toys == RATERS:
        rng = np.random.default_rng(7 + seed)
        flipped = rng.random(len(truth)) < 0.15
        truth = np.where(flipped, rng.integers(0, len(CLASSES), len(truth)), truth)
    sure = Answers(CLASSES, tempered(one.output, SHARPER), truth, one.people, one.groups)
    first = halves(sure.people, 0)
    known, test = sure.rows(first), sure.rows(~first)
    bar = fit_temperature(known.output, known.truth.astype(np.int64))
    cooler = Answers(CLASSES, tempered(test.output, bar), test.truth, test.people, test.groups)
    before, after = (error_of_calibration(a, 0).value for a in (test, cooler))
    return {"before": before, "after": after}


def _explained(method: str, seed: int, every: Mouths) -> dict[str, float]:
    """A network whose label depends on the mouth alone: do maps mark it, and does chance?"""
    train, test = every.rows(every.person < PEOPLE), every.rows(every.person >= PEOPLE)
    chips, label = _drawn(train)
    net = trained(chips, label, seed)
    shown, truth = _drawn(test)
    where = test.mouth.reshape(len(shown), *test.mouth.shape[2:])
    right = net(shown).argmax(1) == truth
    keep = np.flatnonzero(right)[:EXPLAINED]
    found = _maps(method, net, shown[keep], truth[keep])
    other = _maps(method, net.randomised(seed + 1), shown[keep], truth[keep])
    positive = np.clip(found, 0, None)
    inside = (positive * where[keep]).sum((1, 2)) / np.maximum(positive.sum((1, 2)), TINY)
    places = found.reshape(len(keep), -1).argmax(1)
    hits = where[keep].reshape(len(keep), -1)[np.arange(len(keep)), places]
    same = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(found, other, strict=True)]
    return {
        "accuracy": float(right.mean()),
        "mass": float(inside.mean()),
        "pointing": float(hits.mean()),
        "sanity": float(np.nanmean(same)),
    }


def _drawn(scenes: Mouths) -> tuple[Pixels, NDArray[np.int64]]:
    """Both faces of each scene, and whether the mouth is open."""
    chips = scenes.chips.reshape(-1, *scenes.chips.shape[2:])
    return chips, np.tile([0, 1], len(scenes.chips))


def _maps(method: str, net: SmallNet, chips: Pixels, label: NDArray[np.int64]) -> Doubles:
    """(N, S, S) what speaks for the label."""
    if method == GRADIENTS:
        return integrated_gradients(net.gradient, chips, np.eye(2)[label], 30)
    grey = chips.astype(np.float64).mean(-1)
    if method == EDGES:  # ignores the network
        return np.hypot(*np.gradient(grey, axis=(1, 2)))
    found = np.zeros(grey.shape)
    masks = patches(chips.shape[1])
    rows = np.arange(len(chips))
    whole = net(chips)[rows, label]
    for mask in masks:
        hidden = np.where(mask[None, ..., None], chips.mean((1, 2), keepdims=True), chips)
        found += mask * (whole - net(hidden.astype(np.uint8))[rows, label])[:, None, None]
    return found


SKEW = 0.9  # share of dark skin in one class of the training, and of light skin in the other
PLAIN, REWEIGHED, OFTEN = "plain", "reweighing", "oversampling"
AUGMENTED, CONSISTENT = "counterfactual augmentation", "consistency"
SHUFFLED, SAME_TONE = "reweighing, groups shuffled (control)", "augmentation, tone kept (control)"
BALANCED = "no link in the training (ceiling)"
MITIGATED = (REWEIGHED, OFTEN, AUGMENTED, CONSISTENT)


@dataclass(frozen=True, slots=True)
class Arm:
    """How one classifier is trained."""

    mitigate: Mitigation = "none"
    skew: float = SKEW
    shuffled: bool = False  # groups are permuted before they are used
    kept: bool = False  # the counterfactual has another look, but a tone of the same group
    epochs: int = 0


def _mitigated(arm: Arm, seed: int, given: LookParts) -> dict[str, float]:
    """Train one classifier with skewed labels, and measure it where tone and label are unlinked."""
    some = drawn(given.learn, given.count, arm.skew, seed)
    group = some.dark
    if arm.shuffled:
        group = np.random.default_rng([24, 6, seed]).permutation(group)
    net = trained(
        some.chips, some.label, seed, arm.epochs, mitigate=arm.mitigate, group=group,
        others=some.same if arm.kept else some.other,
    )  # fmt: skip
    test = given.test
    found = net(test.chips).argmax(1)
    right = found == test.label
    recall = [[float(right[(test.label == y) & (test.dark == g)].mean()) for g in (False, True)]
              for y in (0, 1)]  # fmt: skip
    often = SKEW * (recall[0][0] + recall[1][1]) + (1 - SKEW) * (recall[0][1] + recall[1][0])
    return {
        "gap": max(abs(a - b) for a, b in recall),
        "accuracy": float(np.mean(recall)),
        "linked": often / 2,
        "worst": float(np.min(recall)),
        "unchanged": float((net(test.other).argmax(1) == found).mean()),
    }


def _remembered(kind: str, seed: int, loaded: None) -> dict[str, float]:
    """Logistic regression on noisy labels, with few images or with many and a penalty."""
    rng = np.random.default_rng([24, 5, seed])
    count, width, penalty = (80, 200, 0.0) if kind == OVERFITTED else (3000, 20, 1e-2)
    true = rng.normal(size=width) / np.sqrt(width)
    x = rng.normal(size=(2 * count, width))
    y = (x @ true + rng.normal(0, 1, 2 * count) > 0).astype(int)
    slope = np.zeros(width)
    for _ in range(400):
        guess = 1 / (1 + np.exp(-x[:count] @ slope))
        slope -= x[:count].T @ (guess - y[:count]) / count + penalty * slope
    sure = 1 / (1 + np.exp(-x @ slope))
    people = np.arange(2 * count).astype(str)
    whole = Answers(("no", "yes"), np.column_stack([1 - sure, sure]), y, people, {})
    inside = np.arange(2 * count) < count
    return {"area": membership(whole.rows(inside), whole.rows(~inside), seed).area.value}


def _lost(arm: str) -> Callable[[Found], Sequence[float]]:
    return lambda found: [
        plain["accuracy"] - one["accuracy"]
        for plain, one in zip(found[PLAIN], found[arm], strict=True)
    ]


def _criteria(seeds: int) -> Iterator[Criterion]:
    for arm in (REWEIGHED, AUGMENTED):
        half = Criterion(f"{arm} halves the gap", ratio(arm, "gap", PLAIN), most=0.5, seeds=seeds)
        yield half
        yield Criterion("at a loss of at most 2 points", _lost(arm), most=0.02, seeds=seeds)
    yield Criterion("groups shuffled: three quarters of the gap stay",
                    ratio(SHUFFLED, "gap", PLAIN), least=0.75)  # fmt: skip
    yield Criterion("tone kept: three quarters of the gap stay",
                    ratio(SAME_TONE, "gap", PLAIN), least=0.75)  # fmt: skip
    yield Criterion("predictions change less with the tone than plain ones, all four arms",
                    _steadier, least=0)  # fmt: skip


def _steadier(found: Found) -> Sequence[float]:
    return [
        min(found[arm][k]["unchanged"] for arm in MITIGATED) - plain["unchanged"]
        for k, plain in enumerate(found[PLAIN])
    ]


def _mitigations(
    name: str, title: str, load: Any, epochs: int, seeds: int, needs: str = ""
) -> Part:
    """One part; the epochs were chosen on a quarter of the training people, with two seeds."""
    arms = {
        PLAIN: Arm(), REWEIGHED: Arm("reweighing"), OFTEN: Arm("oversampling"),
        AUGMENTED: Arm("counterfactual"), CONSISTENT: Arm("consistency"),
        SHUFFLED: Arm("reweighing", shuffled=True),
        SAME_TONE: Arm("counterfactual", kept=True), BALANCED: Arm(skew=0.5),
    }  # fmt: skip
    return Part(
        name=name,
        title=title,
        arms={key: replace(arm, epochs=epochs) for key, arm in arms.items()},
        run=_mitigated,
        shown={
            "gap": "Gap of equal opportunity",
            "accuracy": "Accuracy, cells equal",
            "linked": "Accuracy, linked as in the training",
            "worst": "Worst cell",
            "unchanged": "Answers kept when the tone changes",
        },
        criteria=tuple(_criteria(seeds)),
        load=load,
        needs=needs,
        seeds=seeds,
        quick=lambda arm: replace(arm, epochs=2),
    )


EXPLAINED = 40  # chips of other people
GRADIENTS, OCCLUSION, EDGES = "integrated gradients", "occlusion", "edges of the picture (control)"
OVERFITTED, REGULAR = "overfitted", "regularised"
GAP, NULL = "planted gap", "no gap"
SURE, RATERS = "over-confident toy", "labels that disagree in 15 %, which no temperature describes"
PARTS = (
    _mitigations(
        "mitigation on photographs",
        f"UTKFace, {OLD} years and more against at most {YOUNG}; nine in ten of the older are dark "
        "in the training, and nine in ten of the younger are light",
        photographs,
        10,
        5,
        "UTKFace",
    ),
    _mitigations(
        "mitigation on rendered faces",
        "Rendered faces, a smile or none; nine in ten of the smiles are dark in the training, "
        "and nine in ten of the others are light",
        smiles,
        24,
        5,
    ),
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
        arms={SURE: SURE, RATERS: RATERS},
        run=_temperature,
        shown={"before": "before", "after": "after, at a temperature of other images"},
        criteria=(
            Criterion("above 0.1 before", of(SURE, "before"), least=0.1),
            Criterion("below 0.03 after", of(SURE, "after"), most=0.03),
        ),
        seeds=10,
    ),
    Part(
        name="explanations",
        title="Rendered faces, label by the mouth alone; maps by",
        arms={GRADIENTS: GRADIENTS, OCCLUSION: OCCLUSION, EDGES: EDGES},
        run=_explained,
        shown={"accuracy": "Accuracy", "mass": "Mass in the mouth", "pointing": "Pointing",
               "sanity": "Spearman after random weights"},
        criteria=(
            Criterion("gradients: mass in the mouth 0.6", of(GRADIENTS, "mass"), least=0.6),
            Criterion("gradients: pointing 0.9", of(GRADIENTS, "pointing"), least=0.9),
            Criterion("occlusion: mass in the mouth 0.6", of(OCCLUSION, "mass"), least=0.6),
            Criterion("occlusion: pointing 0.9", of(OCCLUSION, "pointing"), least=0.9),
            Criterion("gradients: sane, below 0.2", of(GRADIENTS, "sanity"), most=0.2),
            Criterion("occlusion: sane, below 0.2", of(OCCLUSION, "sanity"), most=0.2),
            Criterion("edges ignore the weights, so they fail", of(EDGES, "sanity"), least=0.2),
        ),
        load=mouths,
        seeds=3,
    ),
    Part(
        name="membership",
        title="Area under the curve of the loss",
        arms={OVERFITTED: OVERFITTED, REGULAR: REGULAR},
        run=_remembered,
        shown={"area": "Area"},
        criteria=(
            Criterion("overfitted: at least 0.7", of(OVERFITTED, "area"), least=0.7),
            Criterion("regularised: at most 0.56", of(REGULAR, "area"), most=0.56),
        ),
        seeds=10,
    ),
)  # fmt: skip
