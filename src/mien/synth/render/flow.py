"""Exact optical flow between two moments of one person."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.synth.head.actor import Actor
from mien.synth.motion.controls import resolve
from mien.synth.render.camera import project
from mien.synth.render.raster import Hits, interpolate
from mien.synth.render.scene import Scene, visible, whole_pose
from mien.types import Doubles, Floats

SAME = 3.0  # mm: a pixel is visible again if the surface drawn there lies within this distance


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """Displacement of each pixel. The background does not move; valid where it is visible twice."""

    whole: Floats  # (H, W, 2) px, x and y
    rigid: Floats  # (H, W, 2) displacement by the head's own motion alone
    valid: NDArray[np.bool_]  # (H, W) seen at both moments

    @property
    def moves(self) -> Floats:
        """(H, W, 2) displacement of the face relative to the head."""
        left: Floats = self.whole - self.rigid
        return left


def flow(actor: Actor, before: Scene, after: Scene) -> Flow:
    """Flow from one scene of a person to another.

    Each pixel's triangle and its place in it are kept, projected again at the second
    moment, and the difference is taken.

    Raises:
        MienError: a scene has a rolling shutter, whose pixels have different times.
    """
    if before.last_row or after.last_row:
        raise MienError(
            "Flow is defined between two moments; render both without a rolling shutter."
        )
    size = before.camera.size
    first, second = (_points(actor, scene, scene) for scene in (before, after))
    carried = _points(actor, before, after)  # the face of before with the pose of after
    hits = visible(actor, first, before.camera, size, resolve(before.weights))
    centre = np.stack([hits.pixel % size[1] + 0.5, hits.pixel // size[1] + 0.5], 1)
    there = _where(actor, hits, second, after)
    whole, rigid = np.zeros((*size, 2), np.float32), np.zeros((*size, 2), np.float32)
    whole.reshape(-1, 2)[hits.pixel] = there[:, :2] - centre
    rigid.reshape(-1, 2)[hits.pixel] = _where(actor, hits, carried, after)[:, :2] - centre
    seen = visible(actor, second, after.camera, size, resolve(after.weights))
    depth = np.full(size, np.inf)
    depth.ravel()[seen.pixel] = seen.depth
    valid = np.isinf(depth)
    column, row = np.floor(there[:, 0]).astype(int), np.floor(there[:, 1]).astype(int)
    inside = (column >= 0) & (column < size[1]) & (row >= 0) & (row < size[0])
    drawn = depth[np.clip(row, 0, size[0] - 1), np.clip(column, 0, size[1] - 1)]
    valid.ravel()[hits.pixel] = inside & (np.abs(drawn - there[:, 2]) < SAME)
    return Flow(whole, rigid, valid)


def _points(actor: Actor, face: Scene, pose: Scene) -> Doubles:
    body = actor.body(resolve(face.weights))
    return actor.placed(body.points, whole_pose(pose))


def _where(actor: Actor, hits: Hits, points: Doubles, scene: Scene) -> Doubles:
    """Positions of the visible places among other corners: (N, 3) px, px, mm."""
    # Offsets from the mean keep the 32 bits of the interpolation exact to a micrometre.
    middle = points.mean(0)
    at = interpolate(hits, actor.triangles, (points - middle).astype(np.float32))
    return project(at.astype(np.float64) + middle, scene.camera)
