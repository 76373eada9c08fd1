"""Faces with action units: CK+ codes, faces that raters agree on, and rendered ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.datasets import LABELS
from mien.datasets.units import ckplus_units
from mien.errors import TrainingError
from mien.synth import Actor, emotion, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.systems.action_units_mf2.head import UNITS, ActionUnits
from mien.train.chips import read_chips
from mien.train.kept import rendered as kept_rendered
from mien.types import Face, Floats, OnStep, Pixels

# Units that a face cannot show, or must, if nine of ten raters chose this word for it. Where a word
# allows both, the unit is not known: many smile with raised lids, and neutral lips may be parted.
_SMILE_NEVER = ("AU01", "AU02", "AU04", "AU05", "AU09", "AU15", "AU17", "AU20", "AU23", "AU24")
_SURPRISE_NEVER = ("AU04", "AU06", "AU09", "AU12", "AU14", "AU15", "AU17", "AU23", "AU24")
NEVER: dict[str, tuple[str, ...]] = {
    "neutral": tuple(unit for unit in UNITS if unit != "AU25"),
    "happiness": _SMILE_NEVER,
    "surprise": _SURPRISE_NEVER,
    "sadness": ("AU02", "AU05", "AU09", "AU12", "AU27"),
    "anger": ("AU02", "AU12", "AU14"),
}
ALWAYS = {"happiness": ("AU12",)}
AGREED = 9  # raters of ten
MOST = {"neutral": 700, "happiness": 700, "surprise": 300, "sadness": 200, "anger": 300}
HELD = 200  # validation images of neutral and of happiness
# Rendered: share of a unit's full strength from which it is shown, and below which it is absent.
SHOWN, ABSENT = 0.35, 0.1
PEOPLE, EACH = 80, 16
EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


@dataclass(frozen=True, slots=True, eq=False)
class UnitFaces:
    """Aligned chips with action units."""

    images: Pixels  # (N, 64, 64, 3)
    label: Floats  # (N, 16) 0 or 1; NaN: not known
    source: NDArray[np.str_]  # (N,) person, or the word that raters agree on

    def rows(self, keep: NDArray[np.int64] | NDArray[np.bool_]) -> "UnitFaces":
        """Some of the faces."""
        return UnitFaces(self.images[keep], self.label[keep], self.source[keep])


def coded(data: Path, out: Path, on_step: OnStep | None = None) -> UnitFaces:
    """Faces of CK+ with codes: ck48/ and ck48_aus.csv of a folder.

    Raises:
        TrainingError: no image has codes.
    """
    records = LABELS["ckplus"](data / "ck48")
    codes = ckplus_units(data / "ck48_aus.csv")
    chips = read_chips(records, ActionUnits.crop, out / "ck", on_step)
    keys = ["_".join(records[row].path.stem.split("_")[:2]) for row in chips.row]
    known = np.array([key in codes for key in keys])
    if not known.any():
        raise TrainingError(f"No image of {data / 'ck48'} has codes in ck48_aus.csv.")
    label = [[codes[key][unit] for unit in UNITS] for key in keys if key in codes]
    people = np.array([records[row].person for row in chips.row])[known]
    return UnitFaces(chips.images[known], np.array(label, np.float32), people)


def agreed(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[UnitFaces, UnitFaces]:
    """Training and validation images of FERPlus on which nine of ten raters agree.

    The labels follow from the word (NEVER, ALWAYS): nobody coded these faces.
    """
    chosen = [
        [r for r in LABELS["ferplus"](data / "ferplus")
         if r.split == split and max(r.votes, key=lambda w: r.votes[w]) == word
         and r.votes[word] >= AGREED]
        for split, words in (("train", MOST), ("validation", ("neutral", "happiness")))
        for word in words
    ]  # fmt: skip
    random = np.random.default_rng(0)
    most = (*MOST.values(), HELD, HELD)
    records = [
        part[k]
        for part, many in zip(chosen, most, strict=True)
        for k in random.permutation(len(part))[:many]
    ]
    chips = read_chips(records, ActionUnits.crop, out / "agreed", on_step)
    kept = [records[row] for row in chips.row]
    words = np.array([max(r.votes, key=lambda w: r.votes[w]) for r in kept])
    test = np.array([r.split == "validation" for r in kept])
    copies = ~test & np.isin(chips.content, chips.content[test])
    faces = UnitFaces(chips.images, labels_of(words), words)
    return faces.rows(~test & ~copies), faces.rows(test)


def labels_of(words: NDArray[np.str_]) -> Floats:
    """(N, 16) units that follow from a word: 0 or 1; NaN where it allows both."""
    label = np.full((len(words), len(UNITS)), np.nan, np.float32)
    for table, value in ((NEVER, 0.0), (ALWAYS, 1.0)):
        for word, units in table.items():
            label[np.ix_(words == word, [UNITS.index(unit) for unit in units])] = value
    return label


def rendered(
    cache: Path, people: int = PEOPLE, each: int = EACH, on_step: OnStep | None = None
) -> UnitFaces:
    """Faces of mien.synth, whose units are known exactly; kept by code."""

    def make() -> dict[str, NDArray[Any]]:
        parts = []
        for number in range(people):
            parts += _person(number, each)
            if on_step:
                on_step("people", number + 1, people)
        images, strength = (np.stack([part[k] for part in parts]) for k in range(2))
        return {"images": images, "strength": strength}

    kept = kept_rendered(make, cache, people, each)
    images, strength = kept["images"], kept["strength"]
    label = np.where(strength >= SHOWN, 1, np.where(strength < ABSENT, 0, np.nan))
    who = np.array([f"R{k // each}" for k in range(len(images))])
    return UnitFaces(images, label.astype(np.float32), who)


def _person(number: int, each: int) -> list[tuple[Pixels, Floats]]:
    """A quarter of the images shows an emotion, an eighth nothing, the others one to four units."""
    random = np.random.default_rng([34, number])
    head = open_head("builtin")
    actor = Actor(head, make_person(34000 + number, head))
    names = [f"AU{int(unit[2:])}" for unit in UNITS]
    found = []
    for k in range(each):
        units: dict[str, float] = {}
        if k < each // 4:
            units = emotion(EMOTIONS[int(random.integers(7))], float(random.uniform(0.3, 1)))
        elif k >= each * 3 // 8:
            some = random.choice(names, int(random.integers(1, 5)), replace=False)
            units = {str(name): float(random.uniform(0.25, 1)) for name in some}
        frame = render(actor, any_scene(random, 112, units, 12), truth=False)
        face = Face(np.zeros(4, np.float32), 1.0, frame.five)
        chip = align(frame.rgb, [face], ActionUnits.crop)[0]
        found.append((chip, np.array([units.get(name, 0) for name in names], np.float32)))
    return found
