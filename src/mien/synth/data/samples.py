"""One item of a data set: a person, a scene or take, and its labels."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mien.synth.motion.take import Take
from mien.synth.render.attacks import Attack
from mien.synth.render.camera import Camera, Pose
from mien.synth.render.degrade import Kind
from mien.synth.render.light import random_light
from mien.synth.render.scene import Scene
from mien.synth.skin.appearance import Person

SPLITS = (("train", 0.7), ("validation", 0.15), ("test", 0.15))


# Fields under their first names, which are part of the digests of published data sets.
NAMES = {"appearance": "\x6cook"}


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A scene of several people, as `mien.synth.data.groups.random_group` takes it."""

    seed: int  # of everything, people included
    people: int
    kind: str  # of KINDS there
    width: int  # px; the height is 9/16 of it
    film: bool  # else a picture


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One item: an image if there is a scene, a film if there is a take, or a group."""

    person: Person
    scene: Scene | None = None
    take: Take | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)  # content of the item; JSON
    attack: Attack | None = None
    spoilt: tuple[Kind, float] | None = None  # degradation and severity
    truth: bool = False  # depth, segmentation, points beside the image
    nir: bool = False
    lossless: bool = False  # frames as PNG; a codec would remove a pulse
    peak_px: float | None = None  # of the micro-expression; its weights follow from the face
    group: GroupPlan | None = None  # several people, instead of `person`

    def parameters(self) -> dict[str, Any]:
        """All inputs of the item, as plain data."""
        plain: dict[str, Any] = _plain(
            {name: getattr(self, name) for name in self.__slots__ if name != "labels"}
        )
        for name in ("peak_px", "group"):  # digests of data sets from before these fields stay
            if plain[name] is None:
                del plain[name]
        return plain

    def digest(self) -> str:
        """SHA-256 of the parameters, 16 digits."""
        text = json.dumps(self.parameters(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.round(6).tolist()
    if hasattr(value, "__dataclass_fields__"):
        given = {n: getattr(value, n) for n in value.__dataclass_fields__}
        return {NAMES.get(n, n): _plain(v) for n, v in given.items() if (n, v) != ("room", None)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def split_of(identity: int, seed: int, people: int) -> str:
    """The split of an identity: the same for all its images.

    Args:
        identity: number of the person, from 0.
        seed: of the data set.
        people: number of people.
    """
    order = np.random.default_rng([seed, 107]).permutation(people)
    return _split_at((int(np.flatnonzero(order == identity)[0]) + 0.5) / people)


def split_of_name(name: str, seed: int) -> str:
    """The split of a person in photographs: by name, since several photos may show one person."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return _split_at(int.from_bytes(digest[:6], "big") / 2**48)


def _split_at(place: float) -> str:
    for name, share in SPLITS:
        if place < share:
            return name
        place -= share
    return SPLITS[-1][0]


def any_scene(
    rng: np.random.Generator, size: int, weights: Mapping[str, float], turn: float
) -> Scene:
    """An image in random light, pose, background and noise.

    Args:
        rng: random source.
        size: px, square.
        weights: of the face.
        turn: standard deviation of yaw, degrees.
    """
    yaw, pitch, roll = (float(v) for v in rng.normal(0, [turn, turn / 2, turn / 3]))
    yaw, pitch = float(np.clip(yaw, -60, 60)), float(np.clip(pitch, -30, 30))
    shift = tuple(float(v) for v in rng.normal(0, [8, 8, 15]))
    return Scene(
        weights=dict(weights),
        pose=Pose(yaw, pitch, roll, (shift[0], shift[1], shift[2])),
        camera=Camera(size, size, distance=float(rng.uniform(550, 900))),
        light=random_light(rng),
        background=int(rng.integers(1 << 30)),
        exposure=float(np.exp(rng.normal(0.05, 0.15))),
        noise=float(rng.uniform(0.3, 2.5)),
        seed=int(rng.integers(1 << 30)),
    )


def rows_of_events(events: Iterable[Any]) -> list[dict[str, Any]]:
    """Events as rows of a manifest."""
    return [asdict(event) for event in events]
