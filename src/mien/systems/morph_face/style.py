"""Small pictures of rendered people, and the style map: the mean person in the same style."""

from dataclasses import replace

import numpy as np

from mien.synth import Actor, Camera, HeadModel, Person, render
from mien.synth.data.styles import scene_of
from mien.types import Doubles, Pixels

SIDE = 24  # px of a picture
FRAME, EDGES = 64, (slice(6, 54), slice(8, 56))  # px of a rendered frame; rows and columns kept
CAMERA = Camera(FRAME, FRAME, distance=720.0)


def mean_person(head: HeadModel) -> Person:
    """The person whose identity numbers are all zero."""
    return Person((0.0,) * len(head.identity), name="mean")


def picture(actor: Actor, style: Doubles, seed: int = 0) -> Pixels:
    """Render one person in one style, before one background and from one distance.

    Args:
        actor: the person.
        style: (8,) in the order of mien.synth.data.styles.NAMES.
        seed: of the noise.

    Returns:
        (24, 24, 3).
    """
    scene = replace(scene_of(style, FRAME, seed), camera=CAMERA, background=0, noise=1.0)
    inner = render(actor, scene, truth=False).rgb[EDGES].astype(np.float32)
    small = inner.reshape(SIDE, 2, SIDE, 2, 3).mean((1, 3))
    return np.asarray(np.rint(small), np.uint8)
