"""Pictures of made-up people for the checks: everybody in light of their own."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mien.synth import Actor, Camera, HeadModel, Pose, Scene, make_person, random_light

SIDE = 320  # px of the pictures
# mm from the neck, about which heads turn, to the middle of the face. Turned by 45 degrees it lies
# 67 mm beside the optical axis of a camera that looks at the neck, which sees it turned by 50.
AHEAD = 95.0


def sitter(head: HeadModel, seed: int, tone: float | None = None) -> Actor:
    """Somebody; glasses, hats and masks are left off, since they are no fault of the face."""
    person = make_person(seed, head, tone=tone)
    return Actor(head, replace(person, look=replace(person.look, glasses="none")))


def portrait(
    seed: int,
    yaw: float,
    weights: Mapping[str, float] | None = None,
    *,
    pitch: float | None = None,
    strength: float = 1.0,
) -> Scene:
    """A scene with light, background and noise of its own; `yaw` is what the camera sees."""
    rng = np.random.default_rng([seed, 83])
    before = AHEAD * float(np.sin(np.radians(yaw)))  # the camera stands before the face
    return Scene(
        weights=weights or {},
        pose=Pose(yaw, float(rng.uniform(-8, 8)) if pitch is None else pitch, rng.uniform(-5, 5)),
        camera=Camera(SIDE, SIDE, distance=float(rng.uniform(600, 900)), centre=(before, -24.0)),
        light=random_light(rng, strength=strength),
        background=int(rng.integers(1 << 30)),
        exposure=float(np.exp(rng.normal(0.1, 0.15))),
        noise=float(rng.uniform(0.5, 3)),
        seed=seed,
    )
