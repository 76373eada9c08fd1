"""Proof: do the votes of raters teach more than one label, and does drawing rare labels help?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.metrics import divergence
from mien.systems.expression.data import parts
from mien.systems.expression.head import LABELS
from mien.systems.expression.train import Config, fitted, mirrored_logits, softened, temperature
from mien.train import Faces
from mien.train.criteria import Criterion, gain, of
from mien.train.proofs import Part
from mien.types import Floats, OnStep

SEEDS = 3
MANY, CHOSEN, SIDE, EPOCHS = 4000, 1000, 64, 3  # images, images, px: a short training of each
VOTES, ONE, EQUAL, MIXED = "votes", "most votes as one label", "votes, drawn equally", "shuffled"
RARE = ("disgust", "fear")
# Criteria set before the measurement. The control is at chance if its mean recall is that of
# guessing, one of seven, up to this much.
CHANCE, SLACK = 1 / len(LABELS), 0.05
LEAST = 1e-3  # a smaller gain is none
SHORT = replace(Config(), side=SIDE, epochs=EPOCHS, rate=5e-4)
Settings = tuple[str, Config]
ARMS: Mapping[str, Config] = {
    VOTES: SHORT,
    ONE: SHORT,
    EQUAL: replace(SHORT, balance=0.0),
    MIXED: SHORT,
}


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> tuple[Faces, Faces]:
    assert data is not None
    learn, test, _ = parts(data, Config().layout, out, on_step)
    return learn, test


def one(settings: Settings, seed: int, faces: tuple[Faces, Faces]) -> dict[str, float]:
    """Train on some images with these labels; measure the test part."""
    name, config = settings
    learn, test = faces
    random = np.random.default_rng(seed)
    order = random.permutation(len(learn.label))[: MANY + CHOSEN]
    taught, chosen = (
        given(name, learn.rows(rows), random) for rows in (order[:MANY], order[MANY:])
    )
    net = fitted(replace(config, seed=seed), taught, chosen, None, None)
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


def _quick(settings: Settings) -> Settings:
    return settings[0], replace(settings[1], epochs=1)


PARTS = (
    Part(
        name="votes",
        title=f"FERPlus, validation part; {MANY:,} images of {SIDE} px for {EPOCHS} epochs",
        arms={name: (name, config) for name, config in ARMS.items()},
        run=one,
        shown={
            "accuracy": "Accuracy",
            "mean recall": "Mean recall",
            "rare": "Recall of disgust and fear",
            "KL": "KL, nats",
        },
        criteria=(
            Criterion("KL: votes below one label in every seed", gain(VOTES, "KL", ONE, low=True),
                      least=LEAST, seeds=SEEDS),
            Criterion("accuracy: votes not below one label in any seed",
                      gain(VOTES, "accuracy", ONE), least=0, seeds=SEEDS),
            Criterion("disgust and fear: drawn more, found more in every seed",
                      gain(VOTES, "rare", EQUAL), least=LEAST, seeds=SEEDS),
            Criterion(f"shuffled: mean recall within {SLACK} of one of seven",
                      of(MIXED, "mean recall"), least=CHANCE - SLACK, most=CHANCE + SLACK,
                      seeds=SEEDS),
        ),
        load=_load,
        needs="FERPlus",
        seeds=SEEDS,
        quick=_quick,
    ),
)  # fmt: skip
