"""Clips with votes of raters: published, rendered, of photographs, or signals."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.datasets import CLIPS, LABELS
from mien.errors import TrainingError
from mien.media import find_images
from mien.metrics.pictures import LUMA
from mien.synth import Actor, emotion, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.systems.expression_midas.model import seen
from mien.train import group_ids, read_clips
from mien.train.chips import Chips, read_chips
from mien.train.kept import code_in, digest_of, kept_arrays
from mien.train.kept import rendered as kept_rendered
from mien.types import Crop, Doubles, Face, Floats, OnStep, Pixels

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
PRIOR = (0.22, 0.18, 0.20, 0.16, 0.12, 0.05, 0.07)  # of the synthetic classes
VOTES, FRAMES, SIDE, CHANNELS = 10, 16, 48, 24
CLEAR = 0.9  # share of the main class in half of the synthetic clips; the others are blends
AMBIGUOUS = 0.6  # a clip is ambiguous if its largest vote share is at most this
NOISE = 0.9  # standard deviation of the synthetic signals, in which a full pattern is about 1
TRAIN_PEOPLE, TEST_PEOPLE, EACH = 48, 16, 16  # people, and rendered clips per person
PHOTOGRAPHS = 6000, 3000  # of FER2013 that are cut, of its training part and of the others
FADED = 1500, 1000  # clips for training and test that are made of them
STILLS = 8000, 2000  # photographs of FERPlus that become clips, of the training part and the other
LEAST = 6  # votes for the seven classes that such a photograph must have
STILL = 0.5  # share of these clips that hold their photograph; in the others it appears and goes
FOLDS = 5  # of the training photographs; a clip uses photographs of one fold


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """Clips with their votes and people."""

    x: Floats | Pixels  # (N, T, C) signals, or (N, T, 48, 48) grey values
    votes: Doubles  # (N, 7) counts
    group: tuple[str, ...]  # (N,) person, or clip

    @property
    def share(self) -> Doubles:
        """(N, 7) vote shares, each row with sum 1."""
        return np.asarray(self.votes / self.votes.sum(1, keepdims=True))

    @property
    def majority(self) -> NDArray[np.int64]:
        """(N,) class with most votes, -1 for a tie."""
        top = self.votes.max(1, keepdims=True)
        alone = (self.votes == top).sum(1) == 1
        return np.where(alone, self.votes.argmax(1), -1)

    @property
    def ambiguous(self) -> NDArray[np.bool_]:
        """(N,) whether no class has more than 60 % of the votes."""
        return np.asarray(self.share.max(1) <= AMBIGUOUS)

    def some(self, rows: NDArray[np.int64]) -> "Clips":
        """Those rows."""
        return Clips(self.x[rows], self.votes[rows], tuple(self.group[k] for k in rows))


def read(data: Path, on_step: OnStep | None = None) -> tuple[Clips, Clips, str]:
    """Training and test clips of DFEW, FERV39k or our clips.csv; and the failures.

    A set without votes counts its label as a unanimous vote.

    Raises:
        TrainingError: the layout is unknown, or a half is empty.
    """
    layout = "clips"
    if (data / "EmoLabel_DataSplit").is_dir():
        layout = "dfew"
    elif (data / "2_ClipsforFaceCrop").is_dir():
        layout = "ferv39k"
    records = [r for r in CLIPS[layout](data) if r.votes or r.labels.get("expression")]
    halves = [[r for r in records if (r.split == "test") == test] for test in (False, True)]
    if not all(halves):
        raise TrainingError(f"{data} has no clips in split train, or none in test.")
    found, failures = [], []
    for half in halves:
        got = read_clips(half, SIDE, FRAMES, on_step)
        votes = [
            [r.votes.get(c, VOTES * (not r.votes and r.labels["expression"] == c)) for c in CLASSES]
            for r in got.records
        ]
        names = group_ids([r.person for r in got.records])
        found.append(Clips(grey(got.images), np.array(votes, np.float64), names))
        failures.append(got.failures_text())
    return found[0], found[1], "; ".join(filter(None, failures))


def grey(images: Pixels) -> Pixels:
    """(..., 3) to (...) grey values."""
    return np.asarray((images @ LUMA).round(), np.uint8)


def mixtures(rng: np.random.Generator, count: int) -> Doubles:
    """(N, 7) true shares: half of them clear, half blends of two."""
    main = rng.choice(7, count, p=PRIOR)
    other = (main + rng.integers(1, 7, count)) % 7
    clear = rng.random(count) < 0.5
    weight = np.where(clear, CLEAR, rng.uniform(0.5, 0.65, count))
    shown = np.zeros((count, 7))
    shown[np.arange(count), main] = weight
    shown[np.arange(count), other] = 1 - weight
    rest = np.where(clear, 1 - CLEAR, 0.0)[:, None] / 6
    return np.where(clear[:, None], np.where(shown == CLEAR, CLEAR, rest), shown)


def voted(rng: np.random.Generator, shown: Doubles) -> Doubles:
    """(N, 7) counts of ten raters who each select one class."""
    return rng.multinomial(VOTES, shown).astype(np.float64)


def signals(seed: int, train: int = 700, test: int = 2000) -> tuple[Clips, Clips]:
    """Patterns of seven classes in 24 channels that rise and fall once in 16 frames.

    Apex, width and a person's offset are random; no two clips share a person.
    """
    rng = np.random.default_rng([28, seed])
    pattern = rng.random((7, CHANNELS)) * (rng.random((7, CHANNELS)) < 0.3)
    parts = []
    for count in (train, test):
        shown = mixtures(rng, count)
        apex, width = rng.uniform(4, 12, (count, 1)), rng.uniform(1.5, 4, (count, 1))
        shape = np.exp(-(((np.arange(FRAMES) - apex) / width) ** 2) / 2)  # (N, T)
        x = shape[:, :, None] * (shown @ pattern)[:, None, :]
        x += rng.normal(0, 0.2, (count, 1, CHANNELS)) + rng.normal(0, NOISE / 3, x.shape)
        names = tuple(f"{count}-{k}" for k in range(count))
        parts.append(Clips(x.astype(np.float32), voted(rng, shown), names))
    return parts[0], parts[1]


def rendered(cache: Path, on_step: OnStep | None = None) -> tuple[Clips, Clips]:
    """Clips of rendered people whose faces move to a blend and back; kept by code."""
    people = TRAIN_PEOPLE + TEST_PEOPLE

    def make() -> dict[str, NDArray[Any]]:
        parts = []
        for number in range(people):
            parts.append(_person(number))
            if on_step:
                on_step("people", number + 1, people)
        x, votes = (np.concatenate([part[k] for part in parts]) for k in range(2))
        return {"x": x, "votes": votes}

    kept = kept_rendered(make, cache)
    x, votes = kept["x"], kept["votes"]
    every = Clips(x, votes, tuple(f"P{k // EACH}" for k in range(len(x))))
    cut = TRAIN_PEOPLE * EACH
    return every.some(np.arange(cut)), every.some(np.arange(cut, len(x)))


def _code() -> str:
    """Digest of the files that make clips."""
    return code_in(Path(__file__).parent)


def _person(number: int) -> tuple[Pixels, Doubles]:
    rng = np.random.default_rng([28, 1000 + number])
    head = open_head("builtin")
    actor = Actor(head, make_person(8000 + number, head))
    shown = mixtures(rng, EACH)
    clips = np.stack([_clip(rng, actor, row) for row in shown])
    return clips, voted(rng, shown)


def _clip(rng: np.random.Generator, actor: Actor, shown: Doubles) -> Pixels:
    """(16, 48, 48): three stages are rendered, frames between them are faded."""
    units: dict[str, float] = {}
    for share, name in zip(shown, CLASSES, strict=True):
        for unit, value in emotion("joy" if name == "happiness" else name, float(share)).items():
            units[unit] = min(1.0, units.get(unit, 0.0) + value)
    seed = int(rng.integers(1 << 30))
    stages: list[Doubles] = []
    for strength in (0.0, 0.5, 1.0):
        weights = {unit: strength * value for unit, value in units.items()}
        scene = any_scene(np.random.default_rng(seed), 72, weights, 6)
        frame = render(actor, scene, truth=False)
        if not stages:  # the chip stays at the neutral face, as in a track
            face = Face(np.zeros(4, np.float32), 1.0, frame.five)
        stages.append(grey(align(frame.rgb, [face], Crop(SIDE)))[0].astype(np.float64))
    apex, width = rng.uniform(4, 12), rng.uniform(1.5, 4)
    level = 2 * np.exp(-(((np.arange(FRAMES) - apex) / width) ** 2) / 2)  # (T,) 0 to 2
    low = np.minimum(level.astype(int), 1)
    part = (level - low)[:, None, None]
    drawn = np.stack(stages)
    moving = drawn[low] * (1 - part) + drawn[low + 1] * part
    noisy = np.clip(moving + rng.normal(0, 2.0, moving.shape), 0, 255)
    return np.asarray(noisy, np.uint8)


def faded(data: Path, out: Path, seed: int, on_step: OnStep | None = None) -> tuple[Clips, Clips]:
    """Features of dlib's network for clips in which a face fades into another, in 16 moments.

    Raters vote on the share of time of each class. A clear clip fades between two
    photographs of one class. A frame is described by the first blocks of a network that was
    trained on faces, not expressions, since 1,500 clips are too few to learn from pixels.

    Args:
        data: FER2013 as it is unpacked.
        out: keeps the chips, and the features of the clips of each seed.
        seed: of the pairs of photographs, the time of the fade, and the votes.
        on_step: called after each photograph that is cut.

    Returns:
        Training and test clips of signals (N, 16, 256). Photographs of the test, and copies of
        them, are in no training clip; training clips of two groups share no photograph.
    """

    def make() -> dict[str, NDArray[Any]]:
        x, votes = _drawn(data, out, seed, on_step)
        return {"x": x.astype(np.float16), "votes": votes}

    key = digest_of(_code(), [path.name for path in find_images([data])], seed)
    kept = kept_arrays(out / f"faded-{seed}.npz", key, make)
    x, votes = kept["x"].astype(np.float32), kept["votes"]
    cut = FADED[0]
    fold = np.minimum(np.arange(len(x)) * FOLDS // cut, FOLDS)  # the last is the test
    x = (x - x[:cut].mean((0, 1))) / (x[:cut].std((0, 1)) + 1e-6)
    every = Clips(x, votes, tuple(f"fold {number}" for number in fold))
    return every.some(np.arange(cut)), every.some(np.arange(cut, len(x)))


def _drawn(data: Path, out: Path, seed: int, on_step: OnStep | None) -> tuple[Floats, Doubles]:
    """Features of clips, and votes: fold after fold of the training photographs, then the test."""
    chips, label, test = _photographs(data, out, on_step)
    rng = np.random.default_rng([28, 2000 + seed])
    fold = np.where(test, FOLDS, rng.permutation(len(test)) % FOLDS)
    x, votes = [], []
    for number, count in enumerate([FADED[0] // FOLDS] * FOLDS + [FADED[1]]):
        rows, shown = np.flatnonzero(fold == number), mixtures(rng, count)
        x.append(seen(fading(rng, chips.images[rows], label[rows], shown)))
        votes.append(voted(rng, shown))
    return np.concatenate(x), np.concatenate(votes)


def _photographs(
    data: Path, out: Path, on_step: OnStep | None
) -> tuple[Chips, NDArray[np.int64], NDArray[np.bool_]]:
    """Aligned faces, their class, and whether they are for the test."""
    rng = np.random.default_rng(28)
    every = [r for r in LABELS["fer2013"](data) if r.labels["expression"] in CLASSES]
    halves = [r for r in every if r.split == "train"], [r for r in every if r.split != "train"]
    some = [half[k] for half, most in zip(halves, PHOTOGRAPHS, strict=True)
            for k in np.sort(rng.permutation(len(half))[:most])]  # fmt: skip
    chips = read_chips(some, Crop(64), out, on_step)
    kept = [some[row] for row in chips.row]
    test = np.array([record.split != "train" for record in kept])
    copies = ~test & np.isin(chips.content, chips.content[test])
    label = np.array([CLASSES.index(record.labels["expression"]) for record in kept])
    label[copies] = -1  # of no class, so never used
    return chips, label, test


def fading(
    rng: np.random.Generator, faces: Pixels, label: NDArray[np.int64], shown: Doubles
) -> Pixels:
    """(N, T, S, S, 3): the first face for its share of time, then the second; or the reverse."""
    count = len(shown)
    order = np.argsort(-shown, 1)[:, :2]
    clear = shown.max(1) == CLEAR
    order[clear, 1] = order[clear, 0]
    of = [np.flatnonzero(label == kind) for kind in range(len(CLASSES))]
    pair = np.array([[rng.choice(of[kind]) for kind in kinds] for kinds in order])  # (N, 2)
    share = np.where(clear, rng.uniform(0.3, 0.7, count), shown.max(1))[:, None]
    length = rng.uniform(2, 8, (count, 1)) / FRAMES
    moment = (np.arange(FRAMES) + 0.5) / FRAMES
    part = np.clip((moment - share) / length + 0.5, 0, 1)  # (N, T) of the second face
    back = rng.random(count) < 0.5
    part[back] = part[back, ::-1]
    x = np.empty((count, FRAMES, *faces.shape[1:]), np.uint8)
    for clip, (one, two) in enumerate(faces[pair].astype(np.float32)):
        mixed = one + part[clip, :, None, None, None] * (two - one)
        x[clip] = mixed.round()
    return x


def stills(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Clips, Clips, str]:
    """Training and test clips of single photographs with the votes of their raters.

    No film of real faces with votes can be had freely. A clip holds one photograph, or it fades
    from a neutral photograph of somebody else to it and back.

    Rare majorities are drawn more often for the training, by the root of their frequency: the
    votes for fear and disgust would hardly be learnt otherwise.

    Args:
        data: FERPlus as it is unpacked.
        out: run folder, which keeps the chips.
        on_step: called after each photograph that is cut.

    Returns:
        Training clips, test clips, and the failures.
    """
    records = [r for r in LABELS["ferplus"](data) if _votes(r.votes).sum() >= LEAST]
    test = np.array([r.split not in ("train", "Training") for r in records])
    votes = np.stack([_votes(r.votes) for r in records])
    rng = np.random.default_rng(28)
    rows = np.concatenate(
        [
            _some(rng, votes, np.flatnonzero(~test), STILLS[0], even=True),
            _some(rng, votes, np.flatnonzero(test), STILLS[1], even=False),
        ]
    )
    chips = read_chips([records[row] for row in rows], Crop(SIDE), out, on_step)
    rows = rows[chips.row]
    copies = ~test[rows] & np.isin(chips.content, chips.content[test[rows]])
    faces, halves = grey(chips.images), []
    for half in (~test[rows] & ~copies, test[rows]):
        kept = np.flatnonzero(half)
        x = appearing(rng, faces[kept], votes[rows[kept]])
        names = tuple(f"photo {row}" for row in rows[kept])
        halves.append(Clips(x, votes[rows[kept]], names))
    lost = f"{copies.sum()} training photographs are in the test, too" if copies.any() else ""
    return halves[0], halves[1], "; ".join(filter(None, (chips.failures, lost)))


def appearing(rng: np.random.Generator, faces: Pixels, votes: Doubles) -> Pixels:
    """(N, T, S, S): (N, S, S) photographs that stay, or appear over a neutral one and go."""
    neutral = np.flatnonzero(votes.argmax(1) == CLASSES.index("neutral"))
    under = faces[rng.choice(neutral, len(faces))] if len(neutral) else faces
    apex = rng.uniform(FRAMES / 4, FRAMES * 3 / 4, (len(faces), 1))
    width = rng.uniform(1.5, 6, (len(faces), 1))
    level = np.exp(-(((np.arange(FRAMES) - apex) / width) ** 2) / 2)  # (N, T) 0 to 1
    level[rng.random(len(faces)) < STILL] = 1.0
    x = np.empty((len(faces), FRAMES, *faces.shape[1:]), np.uint8)
    for clip, (one, two) in enumerate(zip(under, faces, strict=True)):
        part = level[clip, :, None, None]
        x[clip] = (one * (1 - part) + two * part).round()
    return x


def _votes(votes: dict[str, int]) -> Doubles:
    return np.array([votes.get(word, 0) for word in CLASSES], np.float64)


def _some(
    rng: np.random.Generator, votes: Doubles, rows: NDArray[np.int64], most: int, *, even: bool
) -> NDArray[np.int64]:
    """Draw rows without repetition; `even` prefers rare majorities by the root of their number."""
    majority = votes[rows].argmax(1)
    weight = (
        1 / np.sqrt(np.bincount(majority, minlength=7))[majority] if even else np.ones(len(rows))
    )
    count = min(most, len(rows))
    return np.sort(rng.choice(rows, count, replace=False, p=weight / weight.sum()))
