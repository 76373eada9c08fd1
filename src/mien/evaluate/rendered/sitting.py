"""Images of synthetic people for the checks, each person in different light."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mien.synth import Actor, Camera, HeadModel, Pose, Scene, make_person, random_light

SIDE = 320  # px of the images
# mm from the neck, about which heads rotate, to the middle of the face. Rotated by 45 degrees it is
# 67 mm beside the optical axis of a camera aimed at the neck, which sees it rotated by 50.
AHEAD = 95.0


def sitter(head: HeadModel, seed: int, tone: float | None = None) -> Actor:
    """A person without glasses, hat or mask, since these are not properties of the face."""
    person = make_person(seed, head, tone=tone)
    return Actor(head, replace(person, appearance=replace(person.appearance, glasses="none")))


def portrait(
    seed: int,
    yaw: float,
    weights: Mapping[str, float] | None = None,
    *,
    pitch: float | None = None,
    strength: float = 1.0,
) -> Scene:
    """A scene with its own light, background and noise; `yaw` is relative to the camera."""
    rng = np.random.default_rng([seed, 83])
    before = AHEAD * float(np.sin(np.radians(yaw)))  # the camera stands in front of the face
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
