"""Train on one head model and test on another: does a result transfer between heads?"""

from dataclasses import dataclass

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.evaluate.rendered.sitting import portrait, sitter
from mien.landmarks import fit_meshes
from mien.synth import HeadModel, render
from mien.types import Doubles, OnStep

EYES = (33, 263)  # outer corners


@dataclass(frozen=True, slots=True)
class Transfer:
    """AU12 predicted by ridge regression from the mesh: trained on one head, tested on another."""

    learnt_on: str
    asked_on: str
    correlation: float  # Pearson's, of reading and truth
    error: float  # mean absolute, of an intensity in [0, 1]; 0.25 is chance
    shuffled: float  # correlation with labels shuffled before training
    pictures: int  # tested images; the others had no face


def smiles(
    head: HeadModel,
    detector: Detector,
    landmarker: Landmarker,
    people: int,
    *,
    first: int,
    on_step: OnStep = lambda name, done, total: None,
) -> tuple[Doubles, Doubles]:
    """Render people, four images each with AU12 and a distraction at random.

    Returns:
        (N, 936) mesh points, centred and in eye distances, level with the eyes; (N,) AU12.
    """
    rows, truth = [], []
    for number in range(people):
        on_step(f"smiles, {head.name}", number, people)
        actor = sitter(head, first + number)
        rng = np.random.default_rng([first + number, 137])
        for view in range(4):
            strength, other = float(rng.uniform()), str(rng.choice(["AU26", "AU4", "AU15", "AU1"]))
            weights = {"AU12": strength, other: float(rng.uniform(0, 0.6))}
            scene = portrait(first + 1000 * view + number, float(rng.uniform(-15, 15)), weights)
            image = render(actor, scene, truth=False).rgb
            faces = detector(image)
            if faces:
                mesh, _ = fit_meshes(landmarker, image, faces[:1])
                rows.append(_level(mesh[0, :468, :2].astype(np.float64)))
                truth.append(strength)
    on_step(f"smiles, {head.name}", people, people)
    return np.array(rows), np.array(truth)


def _level(mesh: Doubles) -> Doubles:
    """Points without position, size and roll of the face."""
    right, left = mesh[EYES[0]], mesh[EYES[1]]
    across = left - right
    turn = np.array([[across[0], across[1]], [-across[1], across[0]]]) / (across @ across)
    level: Doubles = ((mesh - (right + left) / 2) @ turn.T).ravel()
    return level


def transfer(
    learn: tuple[str, Doubles, Doubles], ask: tuple[str, Doubles, Doubles], seed: int = 0
) -> Transfer:
    """Train on points and truth of one head, test on those of another."""
    (taught, x, y), (asked, u, v) = learn, ask
    read = _ridge(x, y, u)
    mixed = np.random.default_rng(seed).permutation(y)
    return Transfer(
        taught, asked, float(np.corrcoef(read, v)[0, 1]), float(np.abs(read.clip(0, 1) - v).mean()),
        float(np.corrcoef(_ridge(x, mixed, u), v)[0, 1]), len(v),
    )  # fmt: skip


def _ridge(x: Doubles, y: Doubles, u: Doubles, weight: float = 0.3) -> Doubles:
    """Ridge regression with an offset, solved in the space of the images."""
    middle, offset = x.mean(0), y.mean()
    gram = (x - middle) @ (x - middle).T
    dual = np.linalg.solve(gram + weight * np.trace(gram) / len(x) * np.eye(len(x)), y - offset)
    read: Doubles = (u - middle) @ ((x - middle).T @ dual) + offset
    return read
