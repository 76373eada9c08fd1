"""Flow images of micro-expressions with classes and units; rendered films to spot them in.

A face is rendered neutral and once per movement. A frame of a film is the neutral face, warped by a
share of the motion between both, so that a movement of half a pixel is exact. Blinks, lasting
movements, drift of the head, noise and changing light are no events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.datasets.spreadsheets import rows_of
from mien.detect import detect_with_retries
from mien.errors import TrainingError
from mien.metrics import Interval
from mien.signals import dense_flow, grey_values, still_motion
from mien.synth import Actor, Scene, make_person, open_head, render
from mien.systems.micro_mol.head import CLASSES, SIDE, SMALL, UNITS, MicroMol
from mien.train.kept import digest_of, kept_arrays
from mien.types import Doubles, Floats, OnStep, Pixels
from mien.zoo import DETECTOR, load

RATE, SECONDS, PEOPLE, FILMS = 30, 20, 12, 3
APART = RATE // 2  # frames to the earlier and the later frame of a comparison
EYES = 0.07  # share of the height above and below the eyes, where blinks move
BOX = 7  # px from the middle of a region to its sides
# Middles of regions of a chip: brows, lids, cheeks, wings of the nose, mouth, chin.
REGIONS = (
    (28, 24), (45, 24), (64, 26), (83, 24), (100, 24), (37, 34), (91, 34), (36, 56), (92, 56),
    (53, 66), (75, 66), (42, 87), (86, 87), (64, 82), (64, 93), (64, 108),
)  # fmt: skip
MOVES: Mapping[str, Mapping[str, float]] = {  # weights are large: the motion is measured
    "positive": {"AU12": 0.6, "AU6": 0.4},
    "negative": {"AU4": 0.8},
    "surprise": {"AU1": 0.7, "AU2": 0.7},
}
BLINK = {"AU45": 1.0}
PEAK = (0.5, 2.0)  # px of a face of 128: the strongest hundredth at the apex
LONG = (0.15, 0.8)  # s; log-normal around 0.3 with 0.6
NOISE, DRIFT, LIGHT = 2.0, 0.05, 0.02  # grey values; px per frame; share of the brightness


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """One row per clip."""

    image: Pixels  # (N, 28, 28, 3) strain, v, u, each stretched to 0 to 255
    label: NDArray[np.int64]  # (N,) of CLASSES
    units: NDArray[np.bool_]  # (N, 9) of UNITS
    coded: NDArray[np.bool_]  # (N,) whether somebody coded the units
    person: tuple[str, ...]  # (N,) set and subject

    @property
    def x(self) -> Doubles:
        """(N, D) values in [0, 1]."""
        return np.asarray(self.image.reshape(len(self.image), -1) / 255.0)

    def some(self, rows: NDArray[np.int64]) -> "Flows":
        """Those rows."""
        return Flows(self.image[rows], self.label[rows], self.units[rows], self.coded[rows],
                     tuple(self.person[k] for k in rows))  # fmt: skip


def read(data: Path | None) -> Flows:
    """micro_flow.npz (`flow`) and micro_labels.csv (dataset, subject, label3, aus).

    Raises:
        TrainingError: a file is missing, rows differ in number, or a class is unknown.
    """
    if data is None or not (data / "micro_flow.npz").is_file():
        raise TrainingError("micro-mol learns from micro_flow.npz and micro_labels.csv only; pass "
                            "their folder with --data.")  # fmt: skip
    with np.load(data / "micro_flow.npz") as kept:
        image = kept["flow"]
    rows = rows_of(data / "micro_labels.csv", ("dataset", "subject", "label3", "aus"))
    if image.shape != (len(rows), SMALL, SMALL, 3) or image.dtype != np.uint8:
        raise TrainingError(f"micro_flow.npz has {image.dtype} {image.shape}, but there are "
                            f"{len(rows)} labels; expected uint8 (N, 28, 28, 3).")  # fmt: skip
    strange = sorted({r["label3"] for r in rows} - set(CLASSES))
    if strange:
        raise TrainingError(f"Class '{strange[0]}' is none of {', '.join(CLASSES)}.")
    nobody = [line for line, r in enumerate(rows, 2) if not r["subject"].strip()]
    if nobody:
        raise TrainingError(f"micro_labels.csv, line {nobody[0]} names no subject, so its clip "
                            "cannot be left out; add it or remove the row.")  # fmt: skip
    coded = [{f"AU{unit}" for unit in r["aus"].split(";") if unit} for r in rows]
    return Flows(
        image,
        np.array([CLASSES.index(r["label3"]) for r in rows]),
        np.array([[unit in one for unit in UNITS] for one in coded]),
        np.array([bool(one) for one in coded]),
        tuple(f"{r['dataset']} {r['subject']}" for r in rows),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One neutral face, and the motion to each movement at its full size."""

    rest: NDArray[np.uint8]  # (S, S) grey
    motion: Floats  # (M + 1, S, S, 2) px from rest; the last one is a blink
    size: Doubles  # (M + 1,) px: the strongest hundredth

    def frame(self, move: int, size: float) -> Floats:
        """The face in motion; `size` in px, or a share of the eyelids' way for a blink."""
        share = size if move == len(MOVES) else size / self.size[move]
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
        flow = np.float32(share) * self.motion[move]
        return np.asarray(
            cv2.remap(self.rest.astype(np.float32), x - flow[..., 0], y - flow[..., 1],
                      cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        )  # fmt: skip


def face_of(seed: int) -> Shown:
    """Render one person and find the motion of each movement."""
    head = open_head("builtin")
    actor = Actor(head, make_person(seed, head))
    shown = [render(actor, Scene(dict(units)), truth=False).rgb
             for units in ({}, *MOVES.values(), BLINK)]  # fmt: skip
    face = detect_with_retries(load(DETECTOR), shown[0], "never").largest
    assert face is not None
    rest, *moved = grey_values(np.concatenate([align(one, [face], MicroMol.crop) for one in shown]))
    motion = np.stack([cv2.GaussianBlur(dense_flow(rest, one), (0, 0), 2) for one in moved])
    size = [np.sort(np.linalg.norm(one, axis=-1).ravel())[-SIDE * SIDE // 100 :].mean()
            for one in motion]  # fmt: skip
    return Shown(rest, motion.astype(np.float32), np.array(size))


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """Grey frames of one face, cut at one place, and what is true."""

    frames: NDArray[np.uint8]  # (T, S, S)
    events: tuple[Interval, ...]  # with the class as label
    blinks: tuple[Interval, ...]
    lasting: tuple[Interval, ...]  # longer than a second: no micro-expressions


def film_of(face: Shown, seed: int, peak: tuple[float, float] = PEAK, drift: float = DRIFT) -> Film:
    """One film of 20 s; the same seed gives the same film."""
    rng = np.random.default_rng([9, seed])
    count = RATE * SECONDS
    plan = np.zeros((count, 2))
    found: dict[str, list[Interval]] = {"events": [], "blinks": [], "lasting": []}
    start = 30 + int(rng.integers(20))
    while start < count - 75:
        kind = str(rng.choice(["events", "events", "events", "blinks", "lasting"]))
        move = len(MOVES) if kind == "blinks" else int(rng.integers(len(MOVES)))
        seconds = {
            "events": float(np.clip(0.3 * np.exp(0.6 * rng.normal()), *LONG)),
            "blinks": 0.25, "lasting": float(rng.uniform(1.2, 2.0)),
        }[kind]  # fmt: skip
        size = {"events": float(rng.uniform(*peak)), "blinks": 1.0,
                "lasting": float(rng.uniform(1.0, 3.0))}[kind]  # fmt: skip
        long = max(3, round(RATE * seconds))
        plan[start : start + long] = np.c_[[move] * long, size * np.hanning(long + 2)[1:-1]]
        label = list(MOVES)[move] if kind != "blinks" else ""
        found[kind].append(Interval(start, start + long - 1, label))
        start += long + int(rng.integers(20, 60))
    return Film(_shown(face, plan, drift, rng), *(tuple(one) for one in found.values()))


def _shown(face: Shown, plan: Doubles, drift: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    away = np.cumsum(rng.normal(0, drift, (len(plan), 2)), axis=0)
    light = 1 + LIGHT * np.sin(np.arange(len(plan)) / RATE * 2 * np.pi * rng.uniform(0.1, 0.5))
    frames = np.empty((len(plan), SIDE, SIDE), np.uint8)
    for k, (move, size) in enumerate(plan):
        shift = np.array([[1, 0, away[k, 0]], [0, 1, away[k, 1]]], np.float32)
        one = cv2.warpAffine(face.frame(int(move), float(size)), shift, (SIDE, SIDE),
                             flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        noisy = light[k] * one + rng.normal(0, NOISE, one.shape)
        frames[k] = np.clip(noisy, 0, 255).astype(np.uint8)
    return frames


@dataclass(frozen=True, slots=True, eq=False)
class Motions:
    """What spotters see of all films."""

    regions: Floats  # (F, T, 2, 2, R, 2) px: motion to the earlier and the later frame; as it is
    # and without the head; 0 within half a second of an end
    largest: Floats  # (F, T) px: smaller 95th percentile of both motions, without the head
    planned: tuple[Film, ...]  # without frames

    @property
    def person(self) -> tuple[str, ...]:
        """(F,) of each film."""
        return tuple(f"P{k // FILMS:02d}" for k in range(len(self.planned)))


def motions(out: Path, on_step: OnStep | None = None) -> Motions:
    """Render the films and measure all motion; kept in the run folder."""
    key = digest_of(RATE, SECONDS, PEOPLE, FILMS, PEAK, LONG, NOISE, DRIFT, LIGHT, REGIONS, BOX)
    kept = kept_arrays(out / "films.npz", key, lambda: _measured(on_step))
    planned = [
        Film(np.zeros((0, SIDE, SIDE), np.uint8),
             *(tuple(Interval(int(a), int(b), ("", *MOVES)[int(c)]) for a, b, c in part)
               for part in (rows[rows[:, 3] == kind][:, :3] for kind in range(3))))
        for rows in (kept["events"][kept["events"][:, 4] == k] for k in range(PEOPLE * FILMS))
    ]  # fmt: skip
    return Motions(kept["regions"], kept["largest"], tuple(planned))


def _measured(on_step: OnStep | None) -> dict[str, NDArray[Any]]:
    regions, largest, events = [], [], []
    for person in range(PEOPLE):
        face = face_of(9_100 + person)
        for number in range(FILMS):
            film = film_of(face, person * FILMS + number)
            one, two = region_motion(film.frames)
            regions.append(one)
            largest.append(two)
            events += [
                (e.onset, e.offset, ("", *MOVES).index(e.label), kind, len(regions) - 1)
                for kind, part in enumerate((film.events, film.blinks, film.lasting))
                for e in part
            ]
        if on_step:
            on_step("people", person + 1, PEOPLE)
    return {"regions": np.stack(regions), "largest": np.stack(largest),
            "events": np.array(events, np.int64).reshape(-1, 5)}  # fmt: skip


def region_motion(frames: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Motion of each region to the frames half a second before and after; see Motions."""
    wide = np.pad(frames, ((1, 1), (0, 0), (0, 0)), mode="edge").astype(np.uint16)
    calm = ((wide[:-2] + wide[1:-1] + wide[2:]) // 3).astype(np.uint8)  # less noise
    regions = np.zeros((len(frames), 2, 2, len(REGIONS), 2), np.float32)
    largest = np.zeros(len(frames), np.float32)
    counted = ~eye_rows()
    for middle in range(APART, len(frames) - APART):
        sizes = []
        for side, other in enumerate((middle - APART, middle + APART)):
            flow = dense_flow(calm[middle], calm[other])
            own = flow - still_motion(flow, counted)
            sizes.append(np.percentile(np.linalg.norm(own[counted], axis=1), 95))
            for k, (x, y) in enumerate(REGIONS):
                box = (slice(y - BOX, y + BOX), slice(x - BOX, x + BOX))
                regions[middle, side, :, k] = flow[box].mean((0, 1)), own[box].mean((0, 1))
        largest[middle] = min(sizes)
    return regions, largest


def eye_rows() -> NDArray[np.bool_]:
    """(S, S) rows of a chip around the eyes."""
    rows = np.abs((np.arange(SIDE) + 0.5) / SIDE - MicroMol.crop.points[0][1]) < EYES
    return np.repeat(rows[:, None], SIDE, 1)
