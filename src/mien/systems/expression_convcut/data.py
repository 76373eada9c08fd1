"""Faces with seven expressions: from published data sets, or rendered people."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.datasets import LABELS, Labelled
from mien.errors import TrainingError
from mien.synth import Actor, emotion, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.systems.expression_convcut.head import CLASSES, POINTS
from mien.train import Faces, group_ids, require_classes
from mien.train.chips import Chips, read_chips
from mien.train.grouped import PLAIN, Grouping
from mien.train.kept import rendered as kept_rendered
from mien.types import Crop, Face, OnStep, Pixels

TEST_SPLITS = ("test", "validation", "val", "PublicTest", "PrivateTest")
NAMES = {"joy": "happiness"}  # of mien.synth, where they differ
SKEW = (5.0, 1.0, 2.0, 10.0, 8.0, 4.0, 3.0)  # relative sizes of the rendered classes, 10 to 1
# Many people with few images each: with 20 people of 100 images it learnt identity.
TRAIN_PEOPLE, TRAIN_EACH, TEST_PEOPLE, TEST_EACH = 100, 20, 20, 50
PATCH = 0.25  # share of rendered images with an object in front of the face


def read(
    data: Path,
    side: int,
    out: Path,
    on_step: OnStep | None = None,
    grouping: Grouping = PLAIN,
) -> tuple[Faces, Faces, str]:
    """Training and test faces of a data set in its original layout, aligned, and the failures.

    The layout is recognised: RAF-DB (EmoLabel), FERPlus (majority votes without contempt), else
    folders named after expressions (FER2013 and class-folder copies).

    Args:
        data: the set as it is unpacked.
        side: px of the faces.
        out: run folder with the cached faces.
        on_step: called after each image.
        grouping: whose groups the faces get.

    Raises:
        TrainingError: no test split, or a class without images.
    """
    layout = "folders"
    if any((data / name).is_file() for name in ("fer2013new.csv", "votes.csv")):
        layout = "ferplus"
    elif (data / "basic").is_dir() or (data / "EmoLabel").is_dir():
        layout = "rafdb"
    records = [r for r in LABELS[layout](data) if r.labels.get("expression") in CLASSES]
    grouping.check(records)
    crop = Crop(size=side, points=POINTS)
    chips = read_chips(records, crop, out, on_step)
    kept = [records[row] for row in chips.row]
    group = grouping.of(kept, chips.images, crop)
    test = np.array([r.split in TEST_SPLITS for r in kept], bool)
    if test.all() or not test.any():
        raise TrainingError(f"{data} needs folders train and test (or validation) of images.")
    # FER2013 has some images in both halves: those of the training part are removed.
    copies = ~test & np.isin(chips.content, chips.content[test])
    left_out = [chips.failures]
    if copies.any():
        left_out.append(f"{int(copies.sum())} training images are in the test too and are left "
                        "out")  # fmt: skip
    halves = [
        _faces(rows, chips, kept, group, name)
        for rows, name in ((~test & ~copies, "training"), (test, "the test"))
    ]
    return halves[0], halves[1], "; ".join(filter(None, left_out))


def _faces(
    rows: NDArray[np.bool_],
    chips: Chips,
    kept: list[Labelled],
    group: NDArray[np.str_] | None,
    name: str,
) -> Faces:
    chosen = np.flatnonzero(rows)
    label = require_classes([kept[k].labels["expression"] for k in chosen], CLASSES, name)
    people = [kept[k].person for k in chosen]
    apart = group_ids(people, chips.content[chosen].tolist())
    mine = None if group is None else group[chosen]
    return Faces(chips.images[chosen], label, np.array(apart), mine)


def digests(images: Pixels) -> list[bytes]:
    """The content of each image, to find identical ones."""
    from hashlib import blake2b

    return [blake2b(image.tobytes(), digest_size=12).digest() for image in images]


def rendered(cache: Path, side: int, on_step: OnStep | None = None) -> tuple[Faces, Faces]:
    """100 people for training, 20 others for the test; kept by code and side.

    Images have `side` px; the same person shows the same at every side.

    Expressions are EMFACS mixtures at 0.3 to 0.8, light and background random, yaw about
    +-20 degrees; classes are skewed 10 to 1 in training and even in the test.
    """

    def make() -> dict[str, NDArray[Any]]:
        parts = []
        for number in range(TRAIN_PEOPLE + TEST_PEOPLE):
            share = SKEW if number < TRAIN_PEOPLE else (1.0,) * len(SKEW)
            each = TRAIN_EACH if share is SKEW else TEST_EACH
            parts.append(_person(number, share, each, side))
            if on_step:
                on_step("people", number + 1, TRAIN_PEOPLE + TEST_PEOPLE)
        images, label = (np.concatenate([part[k] for part in parts]) for k in range(2))
        return {"images": images, "label": label}

    kept = kept_rendered(make, cache, side)
    images, label = kept["images"], kept["label"]
    cut = TRAIN_PEOPLE * TRAIN_EACH
    source = np.array([f"P{k // TRAIN_EACH}" if k < cut else f"Q{(k - cut) // TEST_EACH}"
                  for k in range(len(images))])  # fmt: skip
    every = Faces(images, label, source)
    return every.rows(np.arange(cut)), every.rows(np.arange(cut, len(images)))


def _person(
    number: int, sizes: tuple[float, ...], count: int, side: int
) -> tuple[Pixels, NDArray[np.int64]]:
    rng = np.random.default_rng([15, number])
    head = open_head("builtin")
    actor = Actor(head, make_person(7000 + number, head))
    share = np.asarray(sizes)
    label = rng.choice(7, count, p=share / share.sum())
    names = {
        NAMES.get(n, n): n
        for n in ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
    }
    images = np.empty((count, side, side, 3), np.uint8)
    for k, place in enumerate(label):
        units = emotion(names[CLASSES[place]], float(rng.uniform(0.3, 0.8)))
        frame = render(actor, any_scene(rng, side * 3 // 2, units, 10), truth=False)
        chip = align(
            frame.rgb,
            [Face(np.zeros(4, np.float32), 1.0, frame.five)],
            Crop(side, points=POINTS),
        )
        images[k] = covered(chip[0], rng) if rng.random() < PATCH else chip[0]
    return images, label.astype(np.int64)


def covered(chip: Pixels, rng: np.random.Generator) -> Pixels:
    """Put a flat patch of any colour in front of a face, a fifth to a third of the side."""
    out = chip.copy()
    side = chip.shape[0]
    tall, wide = (int(v) for v in rng.integers(side // 5, side // 3, 2))
    top, left = int(rng.integers(0, side - tall)), int(rng.integers(0, side - wide))
    out[top : top + tall, left : left + wide] = rng.integers(0, 256, 3)
    return out
