"""Photographs as tracks of descriptors with rated places; and simulated tracks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align.grey import FER_CROP, grey_input
from mien.behaviour.circumplex import places_of
from mien.datasets import LABELS
from mien.datasets.ratings import TAIWAN_WORDS, taiwan_ratings, vote_shares
from mien.errors import TrainingError
from mien.metrics import softmax
from mien.runtime import Session
from mien.systems.valence_xtrace.head import UNITS, described
from mien.systems.valence_xtrace.model import CHANGE, NOISE, moved
from mien.train.chips import read_chips
from mien.train.kept import digest_of, kept_arrays
from mien.train.splits import folds
from mien.types import Doubles, Floats, OnStep, Pixels
from mien.zoo import fetch
from mien.zoo import find as card

# The words of the head `expression`, which the proof compares with.
WORDS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
VIEWS = 5  # of each photograph: as it is, then moved, lit and mirrored as frames of a film
MOST = 8000  # photographs of the training part
TOP = 7.0  # intensity that counts as full; the largest mean of the Taiwanese ratings is 7.1
NEUTRAL = 0.8  # share of "neutral" from which a photograph is a neutral face
UNITS_OF, WORDS_OF = "action-units-mf2", "expression"  # cards of the two graphs


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Photographs with their descriptors and rated places."""

    views: Floats  # (N, V, 23) units, then shares of words
    place: Doubles  # (N, 2) valence and arousal
    group: tuple[str, ...]  # (N,) person, or photograph

    def rows(self, keep: NDArray[np.int64]) -> "Places":
        """Some of them."""
        return Places(self.views[keep], self.place[keep], tuple(self.group[k] for k in keep))


def ferplus(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Places, Places, Places]:
    """FERPlus: photographs to learn from, to calibrate with, and for the test.

    Valence and arousal of a photograph are the mean of the published places of its ten raters'
    words: nobody rated the axes. The validation part is halved at random, since the shipped
    descriptors were trained on the training part and are surer there.
    """
    records = LABELS["ferplus"](data)
    chips = read_chips(records, FER_CROP, out, on_step)
    kept = [records[row] for row in chips.row]
    shares, sure = vote_shares(kept, WORDS)
    held = np.array([record.split not in ("train", "Training") for record in kept])
    copies = ~held & np.isin(chips.content, chips.content[held])
    rng = np.random.default_rng(5)
    learn = np.flatnonzero(~held & ~copies & sure)
    learn = np.sort(rng.permutation(learn)[:MOST])
    rest = rng.permutation(np.flatnonzero(held & sure))
    if not len(learn) or len(rest) < 4:
        raise TrainingError(f"{data} lacks photographs of a training and of a validation part.")
    place = shares.astype(np.float64) @ places_of(WORDS)
    return tuple(
        _described(chips.images[rows], place[rows], [str(chips.content[k]) for k in rows], out,
                   name)
        for name, rows in (("learn", learn), ("choose", rest[::2]), ("test", rest[1::2]))
    )  # type: ignore[return-value]  # fmt: skip


def taiwan(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Places, Places]:
    """Portraits of Taiwanese actors: half of the people to calibrate with, the others to test.

    A place is the mean of the places of six words, weighted by their mean intensities (7 = full);
    what is left of 1 counts as neutral.
    """
    records = LABELS["taiwan"](data)
    chips = read_chips(records, FER_CROP, out, on_step)
    rated = taiwan_ratings(data / "ratings.csv")
    number = {file: row for row, file in enumerate(rated.files)}
    rows = [number[records[row].path.name] for row in chips.row]
    weight = rated.intensity[rows] / TOP
    place = weight @ places_of(tuple(TAIWAN_WORDS)) / np.maximum(1, weight.sum(1, keepdims=True))
    every = _described(chips.images, place, [rated.people[row] for row in rows], out, "taiwan")
    choose, test = folds(every.group, 2, 5)[0]
    return every.rows(choose), every.rows(test)


def _described(images: Pixels, place: Doubles, group: list[str], out: Path, name: str) -> Places:
    """Descriptors of several views of each photograph, kept in the run folder."""

    def make() -> dict[str, NDArray[Any]]:
        return {"views": views_of(images)}

    used = [card(one).digest for one in (UNITS_OF, WORDS_OF)]
    key = digest_of(images, used, VIEWS, CHANGE, NOISE)
    views = kept_arrays(out / f"{name}.npz", key, make)["views"]
    return Places(views, place, tuple(group))


def views_of(images: Pixels) -> Floats:
    """(N, 64, 64, 3) chips to (N, V, 23): the first view is the photograph as it is."""
    side = FER_CROP.size
    units, words = (Session(fetch(card(name))[0], (None, 3, side, side))
                    for name in (UNITS_OF, WORDS_OF))  # fmt: skip

    def describe(chips: Pixels) -> Floats:
        shares = softmax(words(grey_input(chips))["logits"])
        return np.hstack([described(units, chips), shares]).astype(np.float32)

    found = np.empty((len(images), VIEWS, len(UNITS) + len(WORDS)), np.float32)
    for start in range(0, len(images), 128):
        some = images[start : start + 128]
        for view in range(VIEWS):
            seen = moved(some, start * VIEWS + view) if view else some
            found[start : start + 128, view] = describe(seen)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Tracks of descriptors with the place at each moment."""

    x: Floats  # (N, T, D + 1); the last column is 1 where there is a frame
    y: Doubles  # (N, T, 2)


def held(some: Places, moments: int, seed: int) -> Tracks:
    """Each photograph held for a window, in a random order of its views."""
    rng = np.random.default_rng([5, seed])
    view = rng.integers(0, VIEWS, (len(some.place), moments))
    x = some.views[np.arange(len(view))[:, None], view]
    seen = np.ones((*view.shape, 1), np.float32)
    return Tracks(np.concatenate([x, seen], 2), np.repeat(some.place[:, None], moments, 1))


def passing(some: Places, moments: int, after: int, seed: int) -> tuple[Tracks, NDArray[np.int64]]:
    """Tracks of one person each, whose face changes from one photograph of them to another.

    Args:
        some: photographs; a group is a person.
        moments: of a track.
        after: moments at the end that show the second photograph.
        seed: of the pairs and views.

    Returns:
        A track for each photograph with a partner, and (N, 2) rows of the two photographs.
    """
    rng = np.random.default_rng([5, 4, seed])
    who = np.array(some.group)
    pairs = np.zeros((0, 2), np.int64)
    for name in sorted(set(some.group)):
        rows = rng.permutation(np.flatnonzero(who == name))
        if len(rows) > 1:
            pairs = np.concatenate([pairs, np.stack([rows, np.roll(rows, 1)], 1)])
    second = np.arange(moments) >= moments - after
    view = rng.integers(0, VIEWS, (len(pairs), moments))
    row = np.where(second, pairs[:, 1:], pairs[:, :1])
    seen = np.ones((*view.shape, 1), np.float32)
    return Tracks(np.concatenate([some.views[row, view], seen], 2), some.place[row]), pairs


def changing(some: Places, rows: NDArray[np.int64], moments: int, seed: int) -> Tracks:
    """Tracks that hold a photograph, or pass from it to another one.

    Descriptors and places are mixed in the same way in between. In a quarter of the tracks, frames
    at the beginning are missing, as where a face has just appeared; so is a tenth of all frames.
    """
    rng = np.random.default_rng([5, 1, seed])
    count = len(rows)
    other = rng.integers(0, len(some.place), count)
    begin = rng.uniform(-0.5, 1.5, (count, 1))  # outside 0 to 1, nothing changes in the window
    moment = (np.arange(moments) + 0.5) / moments
    level = np.clip((moment - begin) / rng.uniform(0.1, 0.5, (count, 1)), 0, 1)[..., None]
    view = rng.integers(0, VIEWS, (2, count, moments))
    first, second = (some.views[rows[:, None], view[0]], some.views[other[:, None], view[1]])
    x = (1 - level) * second + level * first
    y = (1 - level) * some.place[other][:, None] + level * some.place[rows][:, None]
    seen = rng.random((count, moments)) > 0.1
    late = rng.random(count) < 0.25
    seen &= ~late[:, None] | (np.arange(moments) >= rng.integers(1, moments - 3, (count, 1)))
    seen[:, -1] = True
    known = seen[..., None].astype(np.float32)
    return Tracks(np.concatenate([x * known, known], 2).astype(np.float32), y)


def even_weights(place: Doubles, cells: int = 8, most: float = 5.0) -> Doubles:
    """Sampling weights 1 / sqrt(count) of the cell of each place, at most `most` of the least."""
    cell = np.clip(((place + 1) / 2 * cells).astype(int), 0, cells - 1) @ [1, cells]
    weight = 1 / np.sqrt(np.bincount(cell)[cell])
    return np.asarray(np.minimum(weight, most * weight.min()))


UNITS_SIMULATED, CLIP = 12, 50


def simulated(count: int, seed: int) -> Tracks:
    """Tracks of 12 action units as decaying impulses, whose noise grows with the turn of the head.

    Valence is a smoothed nonlinear function with a product of two units; arousal follows the
    energy of the motion. The last descriptors are yaw / 60 degrees and 1 (there is a frame).
    """
    rng = np.random.default_rng([5, 2, seed])
    unit = np.zeros((count, CLIP, UNITS_SIMULATED))
    begun = rng.random(unit.shape) < 0.03
    strength = begun * rng.uniform(0.5, 2.0, unit.shape)
    for k in range(1, CLIP):
        unit[:, k] = 0.85 * unit[:, k - 1] + strength[:, k]
    w = np.random.default_rng(5).normal(0, 0.8, (2, UNITS_SIMULATED))  # the same for all seeds
    motion = np.abs(np.diff(unit, axis=1, prepend=unit[:, :1])).sum(-1)
    raw = np.stack([unit @ w[0] + 1.5 * unit[..., 0] * unit[..., 1], unit @ w[1] + 1.2 * motion], 2)
    y = np.zeros_like(raw)
    for k in range(CLIP):
        y[:, k] = (0.7 * y[:, k - 1] if k else 0) + 0.3 * raw[:, k]
    y = np.tanh(y - y.mean((0, 1)))
    yaw = np.repeat(rng.uniform(-60, 60, (count, 1)), CLIP, 1)
    noisy = unit + rng.normal(size=unit.shape) * (0.15 + (np.abs(yaw) / 60) ** 3)[..., None]
    x = np.concatenate([noisy, yaw[..., None] / 60, np.ones((count, CLIP, 1))], 2)
    return Tracks(x.astype(np.float32), y)
