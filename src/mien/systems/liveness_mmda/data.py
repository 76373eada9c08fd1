"""Frames of three modalities: rendered people and attacks in four domains, and NUAA (colour only).

A domain is a place with its own camera: gain, noise, blur, background, infrared lamp, depth.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.datasets import ATTEMPTS, BONA_FIDE
from mien.detect import detect_with_retries
from mien.errors import MienError
from mien.liveness import cut_nearest, cut_square
from mien.media import read_image
from mien.synth import Actor, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.synth.render.attacks import ATTACKS, present
from mien.systems.liveness_mmda.head import ABSENT, SIDE, ZOOM, as_input
from mien.train.kept import rendered
from mien.types import Floats, OnStep, Pixels
from mien.zoo import DETECTOR, find, load

PEOPLE, EACH = 32, 4  # of a domain: people, and frames of each of them per class
FRAME = 160  # px, side of a rendered frame
REAL = "nuaa"
HELD = 3  # every third person of NUAA is for the test, as for the head liveness-texture


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a domain does to frames; the backgrounds are its own as well."""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of red, green, blue
    noise: float = 1.0  # standard deviation, grey values
    pattern: float = 0.0  # fixed noise of rows and pixels, grey values
    blur: float = 0.0  # px
    lamp: tuple[float, float] = (0.0, 0.0)  # fall of infrared to the right and downwards
    infrared: float = 1.0  # gain
    depth: float = 1.0  # noise, mm
    holes: float = 0.0  # share of depth that is lost, in patches


DOMAINS = {
    "desk": Sensor(),
    "kiosk": Sensor((0.75, 0.8, 0.95), 3.0, 5.0, 0.9, (0.7, 0.0), 0.6, 3.0),
    "door": Sensor((1.25, 1.1, 0.85), 2.0, 0.0, 0.4, (0.0, -0.7), 1.3, 4.0, 0.35),
    "phone": Sensor((0.9, 0.85, 0.7), 8.0, 2.0, 1.6, (-0.6, 0.4), 0.45, 9.0, 0.1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Chips of three modalities, one row per frame."""

    rgb: Pixels  # (N, 48, 48, 3)
    depth: Floats  # (N, 48, 48) mm, NaN in holes; all NaN: no depth
    infrared: NDArray[np.uint8]  # (N, 48, 48)
    has: NDArray[np.bool_]  # (N,) whether there are depth and infrared
    species: NDArray[np.str_]  # (N,) BONA_FIDE, or the attack
    person: NDArray[np.str_]  # (N,) domain and person
    domain: NDArray[np.str_]  # (N,)
    tone: Floats  # (N,) Monk scale, 1 to 10; NaN: not known

    @property
    def live(self) -> NDArray[np.bool_]:
        """(N,) whether it is a live face."""
        return np.asarray(self.species == BONA_FIDE)

    @property
    def test(self) -> NDArray[np.bool_]:
        """(N,) whether the person is one of NUAA's, or of each domain's, whom no training sees."""
        held: list[str] = []
        for name in sorted(set(self.domain)):
            held += sorted(set(self.person[self.domain == name]))[::HELD]
        return np.isin(self.person, held)

    def rows(self, keep: NDArray[np.bool_]) -> "Frames":
        """Those rows."""
        return Frames(*(getattr(self, name)[keep] for name in self.__slots__))

    def inputs(self, parts: frozenset[str] = frozenset({"depth", "infrared"})) -> Floats:
        """(N, 9, 48, 48) for the network, with colour and those parts."""
        depth = np.where(self.has[:, None, None] & ("depth" in parts), self.depth, np.nan)
        out = as_input(self.rgb, depth, self.infrared if "infrared" in parts else None)
        out[~self.has, 6:] = ABSENT
        return out


def frames(
    data: Path | None,
    out: Path,
    on_step: OnStep | None = None,
    *,
    people: int = PEOPLE,
) -> Frames:
    """All chips; cut once, then read from the run folder.

    Args:
        data: folder with `nuaa`; None: rendered people only.
        out: run folder.
        on_step: called after each frame.
        people: rendered people of each domain.
    """
    names = [*DOMAINS, REAL] if data else list(DOMAINS)
    parts = []
    for name in names:
        shots = _nuaa(data / REAL) if data and name == REAL else _rendered(name, people)
        settings = SIDE, ZOOM, people, name, find(DETECTOR).digest
        kept = rendered(partial(_cut, name, shots, on_step), out / f"{name}.npz", *settings)
        parts.append(Frames(*(kept[one] for one in Frames.__slots__)))
    return Frames(*(np.concatenate([getattr(p, n) for p in parts]) for n in Frames.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class _Shot:
    rgb: Pixels
    depth: Floats | None
    infrared: NDArray[np.uint8] | None
    species: str
    person: str
    tone: float


def _cut(
    domain: str, shots: Iterator[_Shot], on_step: OnStep | None
) -> dict[str, NDArray[np.generic]]:
    detector = load(DETECTOR)
    rows: list[tuple[object, ...]] = []
    for done, shot in enumerate(shots, 1):
        face = detect_with_retries(detector, shot.rgb, "never").largest
        if face:  # a frame without a face is a non-response
            box = face.box
            depth, dark = shot.depth, shot.infrared
            none = np.full((SIDE, SIDE), np.nan)
            rows.append((
                cut_square(shot.rgb, box, ZOOM, SIDE),
                none if depth is None else cut_nearest(depth, box, ZOOM, SIDE),
                np.zeros_like(none) if dark is None else cut_nearest(dark, box, ZOOM, SIDE),
                depth is not None, shot.species, f"{domain} {shot.person}", domain, shot.tone,
            ))  # fmt: skip
        if on_step:
            on_step(domain, done, 0)
    if not rows:
        raise MienError(f"No face was found in the frames of '{domain}'; check the folder.")
    kinds = (np.uint8, np.float32, np.uint8, bool, str, str, str, np.float32)
    columns = zip(*rows, strict=True)
    named = zip(Frames.__slots__, columns, kinds, strict=True)
    return {name: np.array(column).astype(kind) for name, column, kind in named}


def _nuaa(folder: Path) -> Iterator[_Shot]:
    for one in ATTEMPTS["nuaa"](folder):
        yield _Shot(read_image(one.path), None, None, one.species, one.person, np.nan)


def _rendered(domain: str, people: int) -> Iterator[_Shot]:
    """People who do not exist, live and in four attacks, each as often."""
    head = open_head("builtin")
    place = list(DOMAINS).index(domain)
    rng = np.random.default_rng([1616, place])
    pattern = rng.normal(0, 1, (FRAME, FRAME)) * 0.5 + rng.normal(0, 1, (FRAME, 1))
    rooms = rng.integers(1 << 30, size=5)  # backgrounds of the domain
    for number in range(people):
        person = make_person(1_616_000 + 1000 * place + number, head)
        actor = Actor(head, person)
        for _ in range(EACH):
            for attack in (None, ATTACKS[int(rng.integers(4))]):
                scene = any_scene(rng, FRAME, {"AU12": float(rng.uniform(0, 0.6))}, 8)
                scene = replace(scene, background=int(rng.choice(rooms)))
                seed = int(rng.integers(1 << 30))
                seen = (
                    render(actor, scene, truth=True, nir=True)
                    if attack is None
                    else present(actor, scene, attack, seed, toner=bool(rng.random() < 0.5))
                )
                yield _Shot(
                    *sensed(seen.rgb, seen.depth, seen.nir, DOMAINS[domain], pattern, rng),
                    attack or BONA_FIDE, f"{number:03d}", person.appearance.tone,
                )  # fmt: skip


def sensed(
    rgb: Pixels,
    depth: Floats,
    infrared: NDArray[np.uint8],
    sensor: Sensor,
    pattern: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[Pixels, Floats, NDArray[np.uint8]]:
    """What the sensor of a domain gives of a frame: (H, W, 3), (H, W) mm and (H, W)."""
    height, width = depth.shape
    soft = cv2.GaussianBlur(rgb, (0, 0), sensor.blur) if sensor.blur else rgb
    colour = np.asarray(soft) * sensor.gain + rng.normal(0, sensor.noise, rgb.shape)
    colour += sensor.pattern * pattern[..., None]
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1) - 0.5
    lamp = np.clip(1 - 1.4 * (sensor.lamp[0] * x + sensor.lamp[1] * y), 0.1, 2) * sensor.infrared
    dark = infrared * lamp + rng.normal(0, sensor.noise, depth.shape)
    far = depth + rng.normal(0, sensor.depth, depth.shape)
    lost = cv2.GaussianBlur(rng.normal(0, 1, depth.shape), (0, 0), 4)
    far[lost > np.quantile(lost, 1 - sensor.holes)] = np.nan
    clipped = [np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in (colour, dark)]
    return clipped[0], far.astype(np.float32), clipped[1]
