"""Frames of puppets: what a scene asks of a person, done by the face in a photograph."""

from math import tanh

import numpy as np

from mien.synth.head.actor import Actor
from mien.synth.motion import controls
from mien.synth.motion.photo_puppet import Puppet
from mien.synth.render.camera import Pose
from mien.synth.render.degrade import coded, linear
from mien.synth.render.scene import Frame, Scene, blood, render, whole_pose
from mien.types import Floats, Pixels

TURN = 8.0  # degrees; beyond, the skin tears
SHIFT = 8.0  # mm

Performer = Actor | Puppet  # who can play a scene


def show(one: Performer, scene: Scene, *, truth: bool = True, nir: bool = False) -> Frame:
    """A frame of a rendered person, or of the face in a photograph.

    Args:
        one: who plays the scene.
        scene: see `animate` for what a photograph takes of it.
        truth: also depth, segmentation and triangles of a rendered person.
        nir: also the infrared image of a rendered person.
    """
    if isinstance(one, Puppet):
        return animate(one, scene)
    return render(one, scene, truth=truth, nir=nir)


def animate(puppet: Puppet, scene: Scene) -> Frame:
    """Move the face in a photograph as a scene asks.

    The photo keeps its own light, background and noise: of the scene its weights, pose and pulse
    are used. The pose is added to that of the photo. Turns beyond a few degrees would tear the
    skin, so they are squeezed smoothly below 8 degrees and 8 mm; the frame has the pose that came
    out. Depth, segmentation and infrared of a photo are not known: these arrays are empty.
    """
    moved = puppet(scene.weights, small_turn(whole_pose(scene)))
    image = moved.image
    if scene.pulse_depth:
        image = _with_blood(image, moved.skin, scene)
    none, empty = np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.float32)
    unknown = np.full((2, 5, 2), np.nan, np.float32)
    return Frame(
        image, none, empty, none, none.astype(np.int32), empty[..., None], moved.points,
        moved.points3d, moved.seen, moved.points[:17], unknown, None, moved.shapes,
        dict(scene.weights), moved.pose, controls.gaze(moved.shapes), scene.viseme,
        scene.pulse if scene.pulse_depth else 0.0, puppet.camera, True,
    )  # fmt: skip


def small_turn(pose: Pose) -> Pose:
    """A pose squeezed into what a photograph can do; small turns stay nearly as they are."""

    def within(value: float, most: float) -> float:
        return most * tanh(value / most)

    x, y, z = (within(value, SHIFT) for value in pose.shift)
    yaw, pitch, roll = (within(value, TURN) for value in (pose.yaw, pose.pitch, pose.roll))
    return Pose(yaw, pitch, roll, (x, y, z))


def _with_blood(image: Pixels, skin: Floats, scene: Scene) -> Pixels:
    """The photo with the pulse in its skin; without noise, rounding would remove the pulse."""
    light = linear(image)
    here = skin > 0
    values = coded(light)
    values[here] = coded(light[here] * blood(scene, skin[here][:, None]))
    dither = np.random.default_rng([scene.seed, 71]).uniform(-0.5, 0.5, (*skin.shape, 3))
    values[here] += dither[here]
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
