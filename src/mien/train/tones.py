"""UTKFace as aligned faces of adults with a skin tone, and the same faces in other tones."""

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

LARGE = 128  # px of the faces
DARK = 10.0  # degrees of ITA: up to here "dark skin", the bins brown and dark
ADULT = 15  # years; the gender of children is not asked
TEST = 0.3
NEAR = 2  # bits by which hashes of near-duplicates may differ, as for ages


@dataclass(frozen=True, slots=True, eq=False)
class TonedFaces:
    """Faces of adults with tone, and what the authors of the data set assigned."""

    images: Pixels  # (N, 128, 128, 3), cut as UTKFace cuts
    angle: Doubles  # (N,) ITA of the cheeks, degrees
    gender: NDArray[np.int64]  # (N,) 0 male, 1 female
    age: NDArray[np.int64]  # (N,) years
    race: NDArray[np.str_]  # (N,)

    @property
    def dark(self) -> NDArray[np.bool_]:
        """(N,) whether the skin is dark in this picture."""
        return np.asarray(self.angle <= DARK)

    def rows(self, keep: NDArray[np.int64] | NDArray[np.bool_]) -> "TonedFaces":
        """Those rows."""
        return TonedFaces(*(getattr(self, name)[keep] for name in self.__slots__))


def toned_faces(
    data: Path, out: Path, on_step: OnStep | None = None
) -> tuple[TonedFaces, TonedFaces]:
    """Training and test part; near-duplicates are on one side.

    Args:
        data: folder of UTKFace.
        out: run folder, where the images are kept.
        on_step: called after each image.
    """
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
    every = TonedFaces(
        kept["images"][known], kept["angle"][known],
        np.array([int(one.labels["gender"] == "female") for one in some]),
        np.array([int(one.labels["age"]) for one in some]),
        np.array([one.labels["race"] for one in some]),
    )  # fmt: skip
    groups = group_ids([""] * len(some), near_duplicates(every.images, NEAR).tolist())
    learn, test = held_out(groups, TEST)
    return every.rows(learn), every.rows(test)


def tones_changed(faces: TonedFaces, like: TonedFaces, seed: int, *, across: bool) -> Pixels:
    """The same faces with the tone of a random other face: an estimate of a counterfactual.

    Args:
        faces: N faces.
        like: whose tones are drawn.
        seed: of the draws.
        across: whether a face gets a tone of the other group, dark or light; else of its own.

    Returns:
        (N, 128, 128, 3).
    """
    rng = np.random.default_rng([seed, 269])
    tones = np.clip(like.angle, -60, 75)  # the range of mien.media.skin.toned
    pools = {dark: tones[like.dark == dark] for dark in (False, True)}
    wanted = [rng.choice(pools[bool(dark) != across]) for dark in faces.dark]
    return np.stack([toned(x, float(a)) for x, a in zip(faces.images, wanted, strict=True)])
