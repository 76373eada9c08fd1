"""Proof: do the votes of raters teach more than one label, and does drawing rare labels help?"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.errors import TrainingError
from mien.metrics import divergence
from mien.systems.expression.data import parts
from mien.systems.expression.head import LABELS
from mien.systems.expression.train import Config, fitted, mirrored_logits, softened, temperature
from mien.train import Faces
from mien.train.seed_summary import kept, markdown, spread_of
from mien.types import Floats, OnStep

SEEDS = range(3)
MANY, CHOSEN, SIDE, EPOCHS = 4000, 1000, 64, 3  # images, images, px: a short training of each
VOTES, ONE, EQUAL, MIXED = "votes", "most votes as one label", "votes, drawn equally", "shuffled"
RARE = ("disgust", "fear")
# Criteria set before the measurement. The control is at chance if its mean recall is that of
# guessing, one of seven, up to this much.
CHANCE, SLACK = 1 / len(LABELS), 0.05
LEAST = 1e-3  # a smaller gain is none


def prove(data: Path | None, out: Path, on_step: OnStep | None = None) -> str:
    """Run the proof; return the tables for the README.

    Args:
        data: FERPlus.
        out: run folder; `chips.npz` of a training there is used.
        on_step: progress.
    """
    if data is None:
        raise TrainingError("This proof needs photographs; name FERPlus' folder with --data.")
    learn, test, _ = parts(data, Config().layout, out, on_step)
    found: dict[str, list[dict[str, float]]] = {VOTES: [], ONE: [], EQUAL: [], MIXED: []}
    for seed in SEEDS:
        for number, (name, runs) in enumerate(found.items()):
            place = out / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}.json"
            runs.append(kept(place, lambda n=name, s=seed: one(n, s, learn, test)))  # type: ignore[misc]
            if on_step:
                done = seed * len(found) + number + 1
                on_step("trainings", done, len(SEEDS) * len(found))
    return text_of(found, len(test.label))


def one(name: str, seed: int, learn: Faces, test: Faces) -> dict[str, float]:
    """Train on some images with these labels; measure the test part."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(learn.label))[: MANY + CHOSEN]
    taught, chosen = (
        given(name, learn.rows(rows), random) for rows in (order[:MANY], order[MANY:])
    )
    config = replace(Config(), side=SIDE, epochs=EPOCHS, seed=seed, rate=5e-4)
    if name == EQUAL:
        config = replace(config, balance=0.0)
    net = fitted(config, taught, chosen, None, None)
    scale = temperature(mirrored_logits(net, chosen), chosen.label)
    return measured(softened(mirrored_logits(net, test), scale), test.label)


def given(name: str, faces: Faces, random: np.random.Generator) -> Faces:
    """The faces with the labels of that name."""
    votes = faces.label
    if name == ONE:
        votes = np.eye(len(LABELS), dtype=np.float32)[votes.argmax(1)]
    if name == MIXED:
        votes = votes[random.permutation(len(votes))]
    return Faces(faces.images, votes, faces.source)


def measured(shares: Floats, votes: Floats) -> dict[str, float]:
    """Accuracy, mean recall, recall of the rare labels together, divergence from the votes."""
    label = votes.argmax(1)
    right = shares.argmax(1) == label
    rare = np.isin(label, [LABELS.index(word) for word in RARE])
    return {
        "accuracy": float(right.mean()),
        "mean recall": float(np.mean([right[label == k].mean() for k in np.unique(label)])),
        "rare": float(right[rare].mean()),
        "KL": float(divergence(votes, shares).mean()),
    }


def text_of(found: dict[str, list[dict[str, float]]], tested: int) -> str:
    """The tables and criteria."""
    names = ("accuracy", "mean recall", "rare", "KL")
    rows = [
        (name, *(spread_of([run[key] for run in runs]) for key in names))
        for name, runs in found.items()
    ]

    def worst(other: str, key: str, sign: int) -> float:
        """Smallest gain of the votes over another row, over seeds."""
        pairs = zip(found[VOTES], found[other], strict=True)
        return min(sign * (mine[key] - others[key]) for mine, others in pairs)

    off = max(abs(run["mean recall"] - CHANCE) for run in found[MIXED])
    bars = [
        ("KL: votes below one label in every seed", worst(ONE, "KL", -1), LEAST),
        ("accuracy: votes not below one label in any seed", worst(ONE, "accuracy", 1), 0.0),
        ("disgust and fear: drawn more, found more in every seed", worst(EQUAL, "rare", 1), LEAST),
        (f"shuffled: mean recall within {SLACK} of one of seven", SLACK - off, 0.0),
    ]
    return "\n\n".join(
        [
            f"**Votes.** Short trainings ({MANY:,} images, {EPOCHS} epochs, {SIDE} px) on FERPlus, "
            f"{tested:,} validation images, {len(SEEDS)} seeds (95 % interval over seeds).",
            markdown(
                ("Labels", "Accuracy", "Mean recall", "Recall of disgust and fear", "KL, nats"),
                rows,
            ),
            markdown(
                ("Criterion", "Worst seed, margin", "Met"),
                [(n, f"{v:+.3f}", "yes" if v >= bar else "**no**") for n, v, bar in bars],
            ),
        ]
    )
