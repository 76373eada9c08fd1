"""Read labelled faces as arrays for grids of small trainings, and split them without overlap."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Detector
from mien.datasets.labels import Labelled
from mien.datasets.spreadsheets import rows_of
from mien.datasets.trial_pairs import few
from mien.detect import detect_with_retries
from mien.errors import MienError
from mien.evaluate.originals import require_originals
from mien.media import read_image, stretched, thumbnail
from mien.types import Crop, OnStep, Pixels

HASH = 8  # side of the perceptual hash: 64 bits
DETECTION_SIDE = 192  # px; smaller crops are enlarged for the detector
NEAR = 4  # bits by which two hashes of near-duplicates may differ
# Prefix of unnamed groups in the hash that splits faces; published splits depend on its bytes.
UNNAMED = "\x6cook-\x61like"
GENDERS = {"F": 0, "M": 1, "female": 0, "male": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Small images with the labels of their data set."""

    images: Pixels  # (N, S, S, 3) RGB
    male: NDArray[np.bool_]  # (N,) binary annotation by others
    dataset: tuple[str, ...]  # (N,)
    person: tuple[str, ...]  # (N,) "" where unknown
    names: tuple[str, ...]  # (N,) of the images
    unlabelled: int = 0  # images with a missing or third label: counted, never mapped

    def __len__(self) -> int:
        return len(self.images)

    def some(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Faces":
        """The selected rows."""
        rows = np.flatnonzero(keep) if keep.dtype == bool else keep
        return Faces(
            self.images[rows],
            self.male[rows],
            tuple(self.dataset[k] for k in rows),
            tuple(self.person[k] for k in rows),
            tuple(self.names[k] for k in rows),
            self.unlabelled,
        )


def faces_in(table: Path, folder: Path, size: int, on_step: OnStep | None = None) -> Faces:
    """Read faces of a CSV table: path, gender (M or F), dataset, maybe person, race, age."""
    labelled = [
        Labelled(
            folder / row["path"],
            row.get("person") or "",
            labels={k: row[k] for k in ("gender", "dataset", "race", "age") if row.get(k)},
        )
        for row in rows_of(table, ("path", "gender", "dataset"))
    ]
    return faces_of(labelled, {}, size, on_step)


def faces_of(
    pictures: Sequence[Labelled],
    datasets: Mapping[str, Mapping[str, str]],
    size: int,
    on_step: OnStep | None = None,
) -> Faces:
    """Read labelled images, each in the first data set whose rule it fits.

    Args:
        pictures: labelled with gender, and with the labels of the rules.
        datasets: name -> label -> required value; for "age" a range such as "18-39" or "60-".
            Empty: the label `dataset` names it.
        size: px, side of the square to which each image is shrunk.
        on_step: called after each image.
    """
    rows = [(p, _dataset(p, datasets)) for p in pictures]
    chosen = [(p, name) for p, name in rows if name]
    missing = sum(p.labels.get("gender") not in GENDERS for p, _ in chosen)
    chosen = [(p, name) for p, name in chosen if p.labels.get("gender") in GENDERS]
    if not chosen:
        raise MienError("No image fits a data set of the grid; check its rules and the labels.")
    require_originals(picture.path for picture, _ in chosen)
    images = np.empty((len(chosen), size, size, 3), np.uint8)
    for number, (picture, _) in enumerate(chosen):
        images[number] = shrunk(read_image(picture.path), size)
        if on_step:
            on_step("pictures", number + 1, len(chosen))
    return Faces(
        images,
        np.array([GENDERS[p.labels["gender"]] == 1 for p, _ in chosen]),
        tuple(name for _, name in chosen),
        tuple(p.person for p, _ in chosen),
        tuple(p.path.name for p, _ in chosen),
        missing,
    )


def shrunk(image: Pixels, size: int) -> Pixels:
    """The middle square of an image, `size` px wide."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(image[top : top + side, left : left + side])
    small = thumbnail(square, size) if side > size else square
    if small.shape[0] == size:
        return small
    rows = (np.arange(size) * small.shape[0] // size).astype(int)
    return np.ascontiguousarray(small[rows][:, rows])


def near_duplicates(images: Pixels, near: int = NEAR) -> NDArray[np.int64]:
    """(N,) group of each image; near-duplicates by a perceptual hash share a group.

    Source: difference hash: each pixel of an 8 x 9 grey thumbnail against its right neighbour.
    """
    grey = images.astype(np.float64).mean(-1)
    bits = _difference_bits(grey)  # (N, 64)
    group = np.arange(len(images))
    count = bits.sum(1)
    for row in range(len(images)):
        apart = count[row] + count[row + 1 :] - 2 * (bits[row + 1 :] @ bits[row])
        for other in np.flatnonzero(apart <= near) + row + 1:
            group[group == group[other]] = group[row]
    return np.unique(group, return_inverse=True)[1]


def cutter(detector: Detector, crop: Crop) -> Callable[[Pixels], Pixels]:
    """Return a function that cuts the chip from an image of one face, small or large.

    The face is aligned where it is found; small images are enlarged for that. An image in which
    none is found is used whole.
    """

    def cut(image: Pixels) -> Pixels:
        if max(image.shape[:2]) < DETECTION_SIDE:
            image = stretched(image, DETECTION_SIDE)
        face = detect_with_retries(detector, image, "never").largest
        if face is None:
            return stretched(image, crop.size)
        chips = align(image, [face], crop)
        return np.asarray(chips[0], np.uint8)

    return cut


def split(faces: Faces, share: float, seed: int = 0) -> tuple[Faces, Faces]:
    """Training and test part; one person, and near-duplicate images, stay on one side.

    Args:
        faces: all.
        share: approximate share of the images in the test.
        seed: of the split.
    """
    group = near_duplicates(faces.images)
    key = [who or f"{UNNAMED} {g}" for who, g in zip(faces.person, group.tolist(), strict=True)]
    value = np.array([zlib.crc32(f"{seed} {k}".encode()) / 2**32 for k in key])
    # A person may join groups of near-duplicates and the other way round: joined rows share one
    # side.
    for g in np.unique(group):
        value[group == g] = value[group == g].min()
    return faces.some(value >= share), faces.some(value < share)


def require_apart(train: Faces, test: Faces) -> None:
    """Refuse a person or an image that is in both training and test.

    Raises:
        MienError: naming them.
    """
    people = sorted((set(train.person) & set(test.person)) - {""})
    if people:
        raise MienError(
            f"{len(people)} people are in training and in the test ({few(people)}); move each to "
            "one side."
        )
    both = np.concatenate([train.images, test.images])
    group = near_duplicates(both)
    seen = set(group[: len(train)].tolist())
    twice = [test.names[k] for k in range(len(test)) if int(group[len(train) + k]) in seen]
    if twice:
        raise MienError(
            f"{len(twice)} images of the test are near-duplicates of one of the training "
            f"({few(twice)}); remove them from one side."
        )


def _dataset(picture: Labelled, datasets: Mapping[str, Mapping[str, str]]) -> str:
    if not datasets:
        return picture.labels.get("dataset", "")
    for name, rule in datasets.items():
        if all(_fits(picture.labels.get(label, ""), label, rule[label]) for label in rule):
            return name
    return ""


def _fits(value: str, label: str, wanted: str) -> bool:
    if label != "age":
        return value == wanted
    low, _, high = wanted.partition("-")
    return value.isdigit() and int(low or 0) <= int(value) <= int(high or 999)


def _difference_bits(grey: NDArray[np.float64]) -> NDArray[np.float32]:
    size = grey.shape[1]
    rows = np.linspace(0, size, HASH + 1).round().astype(int)
    columns = np.linspace(0, size, HASH + 2).round().astype(int)
    cells = np.add.reduceat(np.add.reduceat(grey, rows[:-1], 1), columns[:-1], 2)
    area = np.outer(np.diff(rows), np.diff(columns))
    mean = cells / area
    bits: NDArray[np.float32] = (mean[:, :, 1:] > mean[:, :, :-1]).astype(np.float32)
    return bits.reshape(len(grey), -1)
