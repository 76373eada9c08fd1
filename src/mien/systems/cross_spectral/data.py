"""Rendered people in two spectra: bona fide faces and attack presentations, cut for matchers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Detector
from mien.detect import detect_with_retries
from mien.embed.dlib import POINTS
from mien.embed.dlib import SIDE as CHIP
from mien.embed.dlib import ZOOM as CLOSER
from mien.synth import Actor, Scene, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.synth.render.attacks import Attack, present
from mien.systems.cross_spectral.measure import BONA_FIDE, NIR, VIS, Rows
from mien.train.kept import rendered
from mien.types import Crop, Face, Floats, OnStep, Pixels
from mien.zoo import DETECTOR, find, load

PEOPLE = {"train": 40, "dev": 20, "eval": 20}
FRAME = 256  # px, side of a rendered frame
SIDE = 150  # px of the kept chips, which show 1.5 times the box
ZOOM = 1.5
ENROLLED, PROBES = 2, 3  # bona fide frames of a person
LASER = "print-laser"
# Instrument -> attack of the renderer, and whether a print is of toner.
INSTRUMENTS: dict[str, tuple[Attack, bool]] = {
    "print-inkjet": ("print", False),
    LASER: ("print", True),
    "replay": ("replay", False),
    "rigid": ("mask", False),
}
CROP = Crop(size=CHIP, zoom=CLOSER, points=POINTS)  # of dlib's network
ATTACKS = {"train": 1, "dev": 1, "eval": 2}  # presentations per instrument and person


@dataclass(frozen=True, slots=True, eq=False)
class Shots:
    """Frames in both spectra; a row without a face in a spectrum has no points there."""

    vis: Pixels  # (N, S, S, 3)
    nir: NDArray[np.uint8]  # (N, S, S)
    vis_points: Floats  # (N, 5, 2) px of the chip; NaN: no face was found
    nir_points: Floats  # (N, 5, 2)
    person: NDArray[np.str_]  # (N,) who is shown
    kind: NDArray[np.str_]  # (N,) BONA_FIDE, or the instrument
    role: NDArray[np.str_]  # (N,) enrol or probe
    group: NDArray[np.str_]  # (N,) train, dev or eval

    def rows(self, keep: NDArray[np.bool_]) -> "Shots":
        """Those rows."""
        return Shots(*(getattr(self, name)[keep] for name in self.__slots__))


def shots(out: Path, on_step: OnStep | None = None, *, toner: bool = True) -> Shots:
    """All frames; rendered once, then read from the run folder.

    Args:
        out: run folder.
        on_step: called after each person.
        toner: False makes toner transparent in infrared, like dye: the control.
    """
    detector = find(DETECTOR).digest
    if toner:
        kept = rendered(lambda: _columns(_rendered(on_step)), out / "rendered.npz", detector)
        return Shots(*(kept[one] for one in Shots.__slots__))
    every = shots(out, on_step)
    changed = rendered(
        lambda: _columns(_rendered(on_step, only=LASER)), out / "transparent.npz", detector
    )
    columns = {name: getattr(every, name).copy() for name in Shots.__slots__}
    for name, column in columns.items():  # all but these prints are the same
        column[every.kind == LASER] = changed[name]
    return Shots(**columns)


def _columns(rows: Iterator[tuple[object, ...]]) -> dict[str, NDArray[np.generic]]:
    named = zip(Shots.__slots__, zip(*rows, strict=True), strict=True)
    return {name: np.array(column) for name, column in named}


def _rendered(on_step: OnStep | None, only: str = "") -> Iterator[tuple[object, ...]]:
    """Rows of all people; `only` one instrument, whose toner is transparent."""
    head, detector = open_head("builtin"), load(DETECTOR)
    groups = [group for group, count in PEOPLE.items() for _ in range(count)]
    for number, group in enumerate(groups):
        actor = Actor(head, make_person(1_300_000 + number, head))
        rng = np.random.default_rng([13, number])
        plan = [(BONA_FIDE, "enrol")] * ENROLLED + [(BONA_FIDE, "probe")] * PROBES
        plan += [(name, "probe") for name in INSTRUMENTS for _ in range(ATTACKS[group])]
        for kind, role in plan:
            scene = any_scene(rng, FRAME, {"AU12": float(rng.uniform(0, 0.5))}, 8)
            seed = int(rng.integers(1 << 30))
            if only and kind != only:
                continue
            frames = _frames(actor, scene, kind, seed, clear=bool(only))
            yield (*_cut(detector, *frames), f"{number:03d}", kind, role, group)
        if on_step:
            on_step("people", number + 1, len(groups))


def _frames(
    actor: Actor, scene: Scene, kind: str, seed: int, *, clear: bool
) -> tuple[Pixels, NDArray[np.uint8]]:
    """A presentation in both spectra."""
    if kind == BONA_FIDE:
        frame = render(actor, scene, truth=False, nir=True)
        return frame.rgb, frame.nir
    attack, inked = INSTRUMENTS[kind]
    frontal = replace(scene, pose=replace(scene.pose, yaw=0.0, pitch=0.0))
    seen = present(actor, frontal, attack, seed, toner=inked and not clear)
    return seen.rgb, seen.nir


def _cut(
    detector: Detector, vis: Pixels, nir: NDArray[np.uint8]
) -> tuple[Pixels, NDArray[np.uint8], Floats, Floats]:
    """Both frames cut around the face in the visible one; points of each spectrum's own face."""
    dark = np.repeat(nir[..., None], 3, 2)
    faces = [detect_with_retries(detector, image, "never").largest for image in (vis, dark)]
    given = faces[0] or faces[1]
    box = given.box if given else np.array([64, 64, 192, 192], np.float32)
    middle, half = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()) * ZOOM / 2
    at = (np.arange(SIDE) + 0.5) / SIDE * 2 * half - half
    columns, rows = (np.clip(np.rint(middle[k] + at - 0.5), 0, FRAME - 1).astype(int)
                     for k in (0, 1))  # fmt: skip
    none = np.full((5, 2), np.nan, np.float32)
    points = [
        none if face is None or face.points is None
        else ((face.points - middle + half) * SIDE / (2 * half)).astype(np.float32)
        for face in faces
    ]  # fmt: skip
    return vis[rows][:, columns], nir[rows][:, columns], points[0], points[1]


def as_rows(vectors: dict[str, np.ndarray], every: Shots) -> Rows:
    """Shots as comparisons need them: each spectrum of a frame is a row of its own.

    Args:
        vectors: spectrum -> (N, D) unit vectors, NaN where no face was found.
        every: the frames.
    """
    count = len(every.person)
    return Rows(
        np.concatenate([vectors[VIS], vectors[NIR]]),
        np.repeat([VIS, NIR], count),
        np.tile(every.person, 2),
        np.tile(every.kind, 2),
        np.tile(every.role, 2),
        np.tile(every.group, 2),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Chips:
    """Aligned faces of the same frames in both spectra; black where no face was found."""

    shots: Shots
    vis: Pixels  # (N, 150, 150, 3)
    nir: Pixels  # (N, 150, 150, 3)

    def of(self, spectrum: str) -> Pixels:
        """(N, 150, 150, 3) of one spectrum."""
        return self.vis if spectrum == VIS else self.nir


def chips_of(every: Shots) -> Chips:
    """Align the faces of each spectrum by its own points."""
    dark = np.repeat(every.nir[..., None], 3, 3)
    return Chips(every, _aligned(every.vis, every.vis_points), _aligned(dark, every.nir_points))


def _aligned(pictures: Pixels, points: Floats) -> Pixels:
    found = np.zeros((len(pictures), CHIP, CHIP, 3), np.uint8)
    for row, (image, five) in enumerate(zip(pictures, points, strict=True)):
        if np.isfinite(five).all():
            found[row] = align(image, [Face(np.zeros(4, np.float32), 1.0, five)], CROP)[0]
    return found
