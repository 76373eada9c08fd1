"""Proof of the part `face_crops`: do faces that are cut out help, drawn or photographed?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.datasets import LABELS
from mien.errors import TrainingError
from mien.media import read_image
from mien.systems.evoked_a4net.drawn import Photos, Scenes
from mien.types import OnStep

LOOSE = 0.1  # of the side of a face: errors of detected boxes
WORDS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")  # FACES in the readers


@dataclass(frozen=True, slots=True, eq=False)
class Pasted:
    """Photographed faces to learn from, and others to measure on."""

    learn: Photos
    test: Photos


def read_faces(data: Path | None, out: Path, on_step: OnStep | None = None) -> Pasted:
    """Read the faces of CK+: every second person to learn from, and the others to measure on.

    Raises:
        TrainingError: an expression has no photograph.
    """
    assert data is not None
    records = LABELS["ckplus"](data / "ck48" if (data / "ck48").is_dir() else data)
    people = sorted({one.person for one in records if one.person})
    parts = []
    for some in (people[::2], people[1::2]):
        each = []
        for word in WORDS:
            here = [one.path for one in records
                    if one.person in some and one.labels.get("expression") == word]  # fmt: skip
            if not here:
                raise TrainingError(f"Half of the people of {data} show no {word}.")
            each.append(np.stack([read_image(path) for path in here]))
        parts.append(each)
    return Pasted(*parts)


def exchanged(some: Scenes, seed: int) -> Scenes:
    """The control: each picture has the faces of another one."""
    order = np.random.default_rng([33, seed]).permutation(len(some.emotion))
    return replace(some, crops=some.crops[order], crop_share=some.crop_share[order],
                   crop_face=some.crop_face[order])  # fmt: skip


def face_figures(found: Mapping[str, float]) -> dict[str, float]:
    """What the table of the part shows."""
    kept = ("accuracy", "macro F1", "ceiling", "face F1 from 20 px", "crop F1")
    return {name: found[name] for name in kept if name in found} | {
        "share of ceiling": found["accuracy"] / found["ceiling"]
    }
