"""UTKFace as small faces with a tone, and training sets in which dark skin is rare."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets import LABELS
from mien.evaluate.fairness.labelled_faces import near_duplicates
from mien.media.skin import cheeks, has_tone, toned
from mien.metrics import tone_angle
from mien.train.kept import digest_of, kept_arrays
from mien.train.pictures import read_pictures
from mien.train.splits import group_ids, held_out
from mien.types import Doubles, OnStep, Pixels

SIDE, LARGE = 32, 128  # px of the classifier, and of the edits
DARK = 10.0  # degrees of ITA: up to here "dark skin", the bins brown and dark
ADULT = 15  # years; the gender of children is not asked
TEST = 0.3
NEAR = 2  # bits by which hashes of near-duplicates may differ, as for ages


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces of adults with tone, gender and the group that the authors assigned."""

    images: Pixels  # (N, 128, 128, 3), cut as UTKFace cuts
    angle: Doubles  # (N,) ITA of the cheeks, degrees
    gender: NDArray[np.int64]  # (N,) 0 male, 1 female
    race: NDArray[np.str_]  # (N,)

    @property
    def dark(self) -> NDArray[np.bool_]:
        """(N,) whether the skin is dark in this picture."""
        return np.asarray(self.angle <= DARK)

    def rows(self, keep: NDArray[np.int64]) -> "Faces":
        """Those rows."""
        return Faces(*(getattr(self, name)[keep] for name in self.__slots__))


def faces(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Faces, Faces]:
    """Training and test part; near-duplicates are on one side."""
    records = [
        one for one in LABELS["utkface"](data)
        if "race" in one.labels and int(one.labels["age"]) >= ADULT
    ]  # fmt: skip

    def make() -> dict[str, NDArray[np.generic]]:
        read = read_pictures(records, LARGE, on_step=on_step)
        place = {id(one): k for k, one in enumerate(records)}
        angles = [tone_angle(cheeks(x)) if has_tone(x) else np.nan for x in read.images]
        return {"images": read.images, "row": np.array([place[id(r)] for r in read.records]),
                "angle": np.array(angles)}  # fmt: skip

    kept = kept_arrays(
        out / "faces.npz", digest_of([one.path.name for one in records], LARGE, "colours"), make
    )
    known = np.flatnonzero(np.isfinite(kept["angle"]))
    some = [records[k] for k in kept["row"][known]]
    every = Faces(
        kept["images"][known], kept["angle"][known],
        np.array([int(one.labels["gender"] == "female") for one in some]),
        np.array([one.labels["race"] for one in some]),
    )  # fmt: skip
    groups = group_ids([""] * len(some), near_duplicates(every.images, NEAR).tolist())
    learn, test = held_out(groups, TEST)
    return every.rows(learn), every.rows(test)


def training_set(faces: Faces, count: int, share: float, seed: int) -> Faces:
    """Draw faces, half of them women, with a share of dark skin."""
    rng = np.random.default_rng([seed, 251])
    rows = []
    for gender in (0, 1):
        for dark, part in ((True, share), (False, 1 - share)):
            able = np.flatnonzero((faces.gender == gender) & (faces.dark == dark))
            rows.append(rng.choice(able, round(count / 2 * part), replace=False))
    return faces.rows(np.concatenate(rows))


def edited(faces: Faces, seed: int, *, darker: bool = True) -> tuple[Faces, float]:
    """Other faces in dark skin, as many as make both tones equal; and the share that succeeded.

    Args:
        faces: a training set; its faces in light skin are the sources.
        seed: of the order and of the tones.
        darker: False: a broken editor, which makes skin lighter instead.
    """
    rng = np.random.default_rng([seed, 257])
    sources = rng.permutation(np.flatnonzero(~faces.dark))
    missing = len(sources) - int(faces.dark.sum())
    images, rows, tried = [], [], 0
    for row in sources[:missing]:
        wanted = rng.uniform(-29, DARK - 1) if darker else rng.uniform(45, 68)
        made = toned(faces.images[row], float(wanted))
        tried += 1
        if not darker or tone_angle(cheeks(made)) <= DARK:  # the gate; a broken editor has none
            images.append(made)
            rows.append(row)
    some = faces.rows(np.array(rows, np.int64))
    angles = np.array([tone_angle(cheeks(image)) for image in images])
    return Faces(np.stack(images), angles, some.gender, some.race), len(rows) / tried


def joined(*parts: Faces) -> Faces:
    """All rows of several parts."""
    return Faces(*(np.concatenate([getattr(p, n) for p in parts]) for n in Faces.__slots__))
