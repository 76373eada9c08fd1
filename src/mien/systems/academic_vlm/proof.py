"""Proof: what descriptors name on rendered faces, and what is lost without gaze and pose.

mien systems prove academic-vlm --out FOLDER
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mien.align import align
from mien.behaviour import Baseline
from mien.metrics import balanced_accuracy, confusion, macro_f1
from mien.synth import Actor, Pose, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.synth.motion.controls import gaze_weights
from mien.systems.academic_vlm.describing import CROP, Describer, describe, described
from mien.systems.academic_vlm.parsing import LABELS
from mien.train.criteria import Criterion, gain, of
from mien.train.proofs import Part
from mien.types import Face, OnStep
from mien.zoo import load

PEOPLE, SEEDS = 16, 3  # of each seed; other people for each
OWN, ALL, BLIND = "own neutral face", "average neutral face", "average, without gaze and pose"
ONE, SHUFFLED = "always neutral", "labels shuffled"


@dataclass(frozen=True, eq=False)
class Faces:
    """Measures of rendered faces."""

    measures: list[dict[str, float]]
    labels: list[str]
    rest: list[Baseline]  # neutral face of the person, from one more image
    lost: int  # faces that no mesh fits


@dataclass(frozen=True, eq=False)
class Rendered:
    """Rendered faces by seed, made when they are first used."""

    known: dict[int, Faces] = field(default_factory=dict)

    def of(self, seed: int) -> Faces:
        """The faces of a seed."""
        if seed not in self.known:
            self.known[seed] = _rendered(seed)
        return self.known[seed]


def shown(label: str, rng: np.random.Generator) -> tuple[dict[str, float], Pose]:
    """Weights and pose of a face that shows a label; ranges overlap at their ends."""
    strong = float(rng.uniform(0.5, 1.0))
    yaw, pitch, roll = (float(v) for v in rng.uniform(-8, 8, 3))
    side = float(rng.choice([-1, 1]))
    if label == "confused":
        return {"AU4": strong, "AU7": 0.6 * strong}, Pose(yaw, pitch, side * 15 * strong)
    if label == "happy":
        return {"AU12": strong, "AU6": 0.7 * strong}, Pose(yaw, pitch, roll)
    if label == "tired":
        return {"AU43": 0.3 + 0.5 * strong, "AU26": 0.4 * strong}, Pose(yaw, -25 * strong, roll)
    if label == "distracted":
        if rng.random() < 0.5:
            return {}, Pose(side * (25 + 20 * strong), pitch, roll)
        return gaze_weights(side * 25 * strong, 0.0), Pose(yaw, pitch, roll)
    return {"AU12": float(rng.uniform(0, 0.15))}, Pose(yaw, pitch, roll)


def _rendered(seed: int) -> Faces:
    rng = np.random.default_rng([31, seed])
    describer, head = Describer(load("attention-mesh")), open_head("builtin")
    found = Faces([], [], [], 0)
    lost = 0
    for person in range(PEOPLE):
        actor = Actor(head, make_person(31_000 + seed * PEOPLE + person, head))
        neutral = _measured(describer, actor, {}, Pose(), rng)
        if neutral is None:
            lost += len(LABELS)
            continue
        rest = Baseline.fit([0.0], {name: [value] for name, value in neutral.items()})
        for label in LABELS:
            values = _measured(describer, actor, *shown(label, rng), rng)
            if values is None:
                lost += 1
                continue
            found.measures.append(values)
            found.labels.append(label)
            found.rest.append(rest)
    return replace(found, lost=lost)


def _measured(
    describer: Describer, actor: Actor, weights: dict[str, float], pose: Pose,
    rng: np.random.Generator,
) -> dict[str, float] | None:  # fmt: skip
    """Render a face, cut it by its true points, and measure it."""
    frame = render(actor, replace(any_scene(rng, 256, weights, 0.0), pose=pose))
    marks = frame.lm68
    five = np.stack([marks[36:42].mean(0), marks[42:48].mean(0), *marks[[30, 48, 54]]])
    face = Face(np.zeros(4, np.float32), 1.0, five.astype(np.float32))
    return describer.measures(align(frame.rgb, [face], CROP)[0])


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Rendered:
    return Rendered()


def _run(arm: str, seed: int, loaded: Rendered) -> dict[str, float]:
    faces, average = loaded.of(seed), Baseline.average()
    blind = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "gaze": 0.0}
    named = []
    for values, own in zip(faces.measures, faces.rest, strict=True):
        units, seen = described(values, own if arm == OWN else average)
        if not np.isfinite(units["AU12"]):  # a baseline that smiles
            units["AU12"] = 0.0
        shares = describe(units, {**seen, **blind} if arm == BLIND else seen).shares
        named.append("neutral" if arm == ONE else max(shares, key=shares.__getitem__))
    truth = faces.labels
    if arm == SHUFFLED:
        truth = [str(one) for one in np.random.default_rng(seed).permutation(faces.labels)]
    table = confusion(truth, named, LABELS)
    recalls = table.diagonal() / np.maximum(1, table.sum(1))
    found = {"macro F1": macro_f1(table), "recall": balanced_accuracy(table)}
    return found | {"no mesh": float(faces.lost)} | dict(zip(LABELS, recalls.tolist(), strict=True))


ARMS: Mapping[str, str] = {name: name for name in (OWN, ALL, BLIND, ONE, SHUFFLED)}
PARTS = (
    Part(
        name="rendered",
        title=f"{5 * PEOPLE} rendered faces of {PEOPLE} people per seed",
        arms=ARMS,
        run=_run,
        load=_load,
        seeds=SEEDS,
        shown={"macro F1": "macro F1", **{label: label for label in LABELS}, "no mesh": "no mesh"},
        criteria=(
            Criterion("own neutral face: macro F1 at least 0.75", of(OWN, "macro F1"), least=0.75),
            Criterion("average neutral face: the same", of(ALL, "macro F1"), least=0.75),
            Criterion("without gaze and pose: recall of distracted below 0.30",
                      of(BLIND, "distracted"), most=0.3, seeds=3),
            Criterion("gaze and pose help", gain(ALL, "macro F1", BLIND), least=0.05, seeds=3),
            Criterion("baseline: 0.30 below", gain(ALL, "macro F1", ONE), least=0.3, seeds=3),
            Criterion("labels shuffled: mean recall at chance (0.20)", of(SHUFFLED, "recall"),
                      least=0.1, most=0.3),
        ),
    ),
)  # fmt: skip
