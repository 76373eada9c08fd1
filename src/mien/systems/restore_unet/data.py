"""Clean faces of photographs and of rendered people, and the same faces under bad conditions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.datasets import LABELS as READERS
from mien.detect import detect_with_retries
from mien.evaluate.fairness.labelled_faces import near_duplicates
from mien.evaluate.rendered.sitting import portrait, sitter
from mien.synth import open_head, render
from mien.synth.render.bad_conditions import enlarge_photo, spoil_photo
from mien.systems.restore_unet.make import CROP, FACTOR
from mien.train.chips import read_chips
from mien.train.splits import group_ids, held_out
from mien.types import OnStep, Pixels
from mien.zoo import DETECTOR, load

TEST, CHOOSE = 0.2, 0.05  # shares of the photographs
NEAR = 2  # bits by which hashes of near-duplicates may differ, as for ages
ENLARGED, CLEAN = 0.3, 0.08  # shares of training faces that are enlarged, and that are left clean
QUALITY = (60, 96)  # of the JPEG of half of the enlarged faces


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Clean, aligned faces."""

    images: Pixels  # (N, 128, 128, 3)
    group: NDArray[np.str_]  # (N,) group that the data set's authors assigned; "": none
    name: NDArray[np.str_]  # (N,) of the file

    def rows(self, keep: NDArray[np.int64]) -> "Faces":
        """Those rows."""
        return Faces(self.images[keep], self.group[keep], self.name[keep])


def parts(
    data: Path, out: Path, on_step: OnStep | None = None
) -> tuple[Faces, Faces, Faces]:  # fmt: skip
    """Training, selection and test part of UTKFace; near-duplicates and copies on one side.

    Args:
        data: the unpacked data set.
        out: run folder with the cached chips.
        on_step: called after each image.
    """
    records = READERS["utkface"](data)
    chips = read_chips(records, CROP, out, on_step)
    kept = [records[row] for row in chips.row]
    groups = group_ids(
        [""] * len(kept), chips.content.tolist(), near_duplicates(chips.images, NEAR).tolist()
    )
    learn, test = held_out(groups, TEST)
    inner, choose = held_out([groups[k] for k in learn], CHOOSE / (1 - TEST))
    labels = np.array([one.labels.get("race", "") for one in kept])
    faces = Faces(chips.images, labels, np.array([one.path.name for one in kept]))
    return faces.rows(learn[inner]), faces.rows(learn[choose]), faces.rows(test)


def rendered(count: int, seed: int = 0, on_step: OnStep | None = None) -> Faces:
    """Rendered people, one image of each, aligned by the default detector."""
    head, detector = open_head("builtin"), load(DETECTOR)
    chips: list[Pixels] = []
    number = 0
    while len(chips) < count:
        rng = np.random.default_rng([seed, number, 109])
        actor = sitter(head, seed + number)
        image = render(actor, portrait(seed + number, rng.normal(0, 12)), truth=False).rgb
        number += 1
        found = detect_with_retries(detector, image, "never").faces
        if found:
            chips.append(align(image, found[:1], CROP)[0])
        if on_step:
            on_step("rendered", len(chips), count)
    names = np.array([f"rendered {k}" for k in range(count)])
    return Faces(np.stack(chips), np.full(count, ""), names)


def joined(*parts: Faces) -> Faces:
    """All rows of several parts."""
    return Faces(*(np.concatenate([getattr(p, n) for p in parts]) for n in Faces.__slots__))


def spoil_for_training(image: Pixels, seed: int) -> Pixels:
    """Return a face under mixed conditions, enlarged from a quarter of its size, or unchanged."""
    rng = np.random.default_rng([seed, 113])
    draw = rng.random()
    if draw < CLEAN:
        return image
    if draw < CLEAN + ENLARGED:
        quality = int(rng.integers(*QUALITY)) if rng.random() < 0.5 else None
        return enlarge_photo(image, FACTOR, quality)
    return spoil_photo(image, "mixed", seed)
