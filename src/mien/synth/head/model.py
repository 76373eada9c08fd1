"""The head model: one data structure for all heads, built-in and imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.synth.render import raster
from mien.synth.render.raster import Indices, compiled
from mien.types import Doubles, Floats

SKIN, SOCKET, GUMS, TEETH, TONGUE, LINING = range(
    6
)  # parts; eyes, hair and clothes are added to any head


@dataclass(frozen=True, slots=True, eq=False)
class HeadModel:
    """A mesh with identity modes and blendshapes. Lengths in mm, see mien.synth.render.camera.

    V corners, F triangles, K identity modes. Sides L and R are those of the subject.
    """

    name: str
    template: Floats  # (V, 3) the mean neutral face
    triangles: Indices  # (F, 3)
    part: NDArray[np.uint8]  # (F,) SKIN, SOCKET ...
    canonical: Floats  # (V, 3) the place in the built-in neutral head; skin is painted by it
    identity: Floats  # (K, V, 3) one standard deviation each
    expression: dict[str, Floats]  # name of mien.synth.motion.controls.SHAPES -> (V, 3) at weight 1
    landmarks: tuple[Indices, Floats]  # the 68 points: (68, 3) corners, (68, 3) weights
    eyes: Floats  # (2, 4) of the right and the left eye: centre and radius
    lids_cut: bool = False  # eyes are holes in canonical space, not in the mesh
    spread: float = 1.0  # standard deviations to sample with, so that people differ enough
    limit: float = 2.2  # times `spread`: largest sampled deviation
    licence: str = "Apache-2.0"  # of the mesh, SPDX

    def __post_init__(self) -> None:
        count = len(self.template)
        if self.canonical.shape != (count, 3) or self.identity.shape[1:] != (count, 3):
            raise MienError(
                f"Head '{self.name}' mixes meshes: its arrays have different numbers of corners."
            )
        if self.triangles.min() < 0 or self.triangles.max() >= count:
            raise MienError(f"Head '{self.name}' has triangles with corners that do not exist.")


def shaped(head: HeadModel, identity: Floats) -> Floats:
    """The neutral face of one person, (V, 3).

    Args:
        head: the model.
        identity: (k,) standard deviations for the first k identity modes, k <= K.

    Raises:
        MienError: a number is not finite, or there are more numbers than modes.
    """
    identity = np.asarray(identity, np.float32)
    if not np.isfinite(identity).all() or len(identity) > len(head.identity):
        raise MienError(
            f"Head '{head.name}' takes up to {len(head.identity)} finite identity numbers, got "
            f"{len(identity)}: {identity[:5].tolist()} ..."
        )
    ways = head.identity[: len(identity)].reshape(len(identity), head.template.size)
    return head.template + (identity @ ways).reshape(-1, 3)


def moved(head: HeadModel, face: Floats, weights: Mapping[str, float]) -> Floats:
    """A face, (V, 3), with shapes of mien.synth.motion.controls.SHAPES at weights in [0, 1]."""
    out = face.copy()
    for name, weight in weights.items():
        if weight and name in head.expression:
            out += np.float32(weight) * head.expression[name]
    return out


def eye_centres(head: HeadModel, face: Floats) -> Floats:
    """Centres of a person's eyes, (2, 3): they move with the skin around them."""
    centres = np.empty((2, 3), np.float32)
    for side, (centre, radius) in enumerate(zip(head.eyes[:, :3], head.eyes[:, 3], strict=True)):
        apart = np.linalg.norm(head.template - centre, axis=1)
        near = (apart < 1.5 * radius) & (head.template[:, 2] > centre[2])
        centres[side] = centre + (face[near] - head.template[near]).mean(0)
    return centres


def landmarks(head: HeadModel, face: Floats) -> Floats:
    """The 68 points (order of iBUG 300-W) of a face, (68, 3)."""
    corners, weights = head.landmarks
    points: Floats = np.einsum("nkd,nk->nd", face[corners], weights)
    return points


def normals(points: Floats, triangles: Indices) -> Floats:
    """(V, 3) unit normals of corners (V, 3), each triangle weighted by its area."""
    if raster.HAS_NUMBA:
        quick = np.zeros_like(points)
        _normals(points, triangles, quick)
        return quick
    a, b, c = (points[triangles[:, k]] for k in range(3))
    cross = np.repeat(np.cross(b - a, c - a), 3, axis=0)
    corners, count = triangles.ravel(), len(points)
    total = np.stack([np.bincount(corners, side, count) for side in cross.T], 1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / np.maximum(length, 1e-12), np.float32)


@compiled
def _normals(points: Any, triangles: Any, out: Any) -> None:
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ux, vx = points[b, 0] - points[a, 0], points[c, 0] - points[a, 0]
        uy, vy = points[b, 1] - points[a, 1], points[c, 1] - points[a, 1]
        uz, vz = points[b, 2] - points[a, 2], points[c, 2] - points[a, 2]
        cross = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in range(3):
            out[a, k] += cross[k]
            out[b, k] += cross[k]
            out[c, k] += cross[k]
    for v in range(out.shape[0]):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2)
        for k in range(3):
            out[v, k] /= max(length, 1e-12)


def nearest_on(points: Doubles, face: Floats, triangles: Indices) -> tuple[Indices, Floats]:
    """The points of a mesh nearest to given points: corners and barycentric weights.

    Args:
        points: (N, 3).
        face: (V, 3).
        triangles: (F, 3).

    Returns:
        (N, 3) corners and (N, 3) weights in [0, 1] that sum to 1.
    """
    middles = face[triangles].mean(1)
    corners, weights = np.empty((len(points), 3), np.int32), np.empty((len(points), 3), np.float32)
    for n, point in enumerate(points):
        apart_all = ((middles - point) ** 2).sum(1)
        near = np.argpartition(apart_all, min(24, len(middles) - 1))[:24]
        best = np.inf
        for f in near:
            a, b, c = face[triangles[f]].astype(np.float64)
            basis = np.stack([b - a, c - a], 1)
            vw, *_ = np.linalg.lstsq(basis, point - a, rcond=None)
            inside = np.clip([1 - vw.sum(), *vw], 0, None)
            inside /= inside.sum()
            apart = float(((inside @ np.stack([a, b, c]) - point) ** 2).sum())
            if apart < best:
                best, corners[n], weights[n] = apart, triangles[f], inside
    return corners, weights
