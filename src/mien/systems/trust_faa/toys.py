"""Answers with planted truths: groups that differ in noise, and people with many frames."""

import numpy as np

from mien.metrics import softmax
from mien.systems.trust_faa.answers import Answers

CLASSES = tuple("abcdefg")
IMAGES, DIMENSIONS = 3000, 7
# Temperature that makes the toys of the third experiment over-confident. At 0.25 some probabilities
# fall below 1e-12, where the fit cuts them off, and no temperature brings them back.
SHARPER = 0.5
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
    return Answers(CLASSES, softmax(logits), truth, people, {"group": group})


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
