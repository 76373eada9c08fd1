"""Check the geometry of the synthesiser without any model."""

import time
from dataclasses import replace

import cv2
import numpy as np

from mien.media import one_thread
from mien.synth.head import actor as kinds
from mien.synth.head.actor import Actor
from mien.synth.head.model import HeadModel, landmarks, moved
from mien.synth.motion.controls import resolve
from mien.synth.render.camera import Camera, Pose, project
from mien.synth.render.flow import flow
from mien.synth.render.light import Light
from mien.synth.render.scene import Scene, render, visible
from mien.synth.skin.paint import NUMBER

_EYES_NEAR = Camera(500, 1000, distance=700, focal=6.25, centre=(0.0, -2.0))  # 10 px per mm


def lid_gap(actor: Actor, weights: dict[str, float]) -> float:
    """Height of the tallest visible strip of eyeball between the lids, mm; 0 if they are closed."""
    shapes = resolve(weights)
    points = actor.body(shapes).points.astype(np.float64)
    hits = visible(actor, points, _EYES_NEAR, _EYES_NEAR.size, shapes)
    balls = np.isin(actor.kind[hits.triangle], (kinds.EYE_LEFT, kinds.EYE_RIGHT, kinds.CARUNCLE))
    seen = np.zeros(_EYES_NEAR.size, bool)
    seen.ravel()[hits.pixel[balls]] = True
    depth = project(actor.eye_rest.astype(np.float64), _EYES_NEAR)[:, 2].min() - actor.radius
    return float(seen.sum(0).max() * depth / _EYES_NEAR.focal_px)


def mouth_opening(head: HeadModel, weights: dict[str, float]) -> float:
    """Distance by which the inner lips open, mm more than in the neutral face."""
    rest = landmarks(head, head.template)
    open_ = landmarks(head, moved(head, head.template, resolve(weights)))
    return float(np.linalg.norm(open_[62] - open_[66]) - np.linalg.norm(rest[62] - rest[66]))


def warping(actor: Actor, before: Scene, after: Scene) -> float:
    """PSNR in dB of the second image predicted by the flow, over skin, eyes, clothes.

    The second image is warped back to the first by the flow. The light must be the same for
    both and cast no shadows, since shadows change the brightness without motion. Hair is left out:
    its strands are finer than pixels.
    """
    frame = render(actor, before)
    first = frame.rgb.astype(np.float64)
    second = render(actor, after).rgb.astype(np.float32)
    moved_ = flow(actor, before, after)
    y, x = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
    there = np.stack([x, y], -1) + moved_.whole
    back = cv2.remap(second, there[..., 0], there[..., 1], cv2.INTER_CUBIC)
    use = moved_.valid & (frame.seg != NUMBER["hair"]) & (frame.seg != 0)
    inner = cv2.erode(use.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    error = float(((np.asarray(back) - first)[inner] ** 2).mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-12)))


def small_step(seed: int = 0) -> tuple[Scene, Scene]:
    """Two moments between which a head rotates slightly and smiles, in flat light."""
    light = Light(lamps=(), sky=(0.9, 0.9, 0.9), ground=(0.7, 0.7, 0.7))
    first = Scene(weights={"AU12": 0.2}, pose=Pose(4, 1), light=light, cast=False, seed=seed)
    return first, replace(first, weights={"AU12": 0.3, "AU26": 0.1}, pose=Pose(5, 1.3))


def seconds_a_frame(actor: Actor, camera: Camera, frames: int = 12, *, truth: bool = True) -> float:
    """Median processor time per frame in seconds, single-threaded, after warm-up."""
    times = []
    with one_thread():
        for number in range(frames + 2):
            begin = time.process_time()
            render(actor, Scene({"AU12": number / 20}, camera=camera), truth=truth)
            times.append(time.process_time() - begin)
    return float(np.median(times[2:]))


def mouth_camera(size: int = 64) -> Camera:
    """A camera that covers only the mouth: a crop of an image of 256 px."""
    return Camera(
        size, size, focal=1.95, zoom=(0.38 * size, 0.525 * size, 0.62 * size, 0.765 * size)
    )
