"""Dense points on a head: our own set, or MediaPipe's order if its canonical mesh is given."""

from pathlib import Path

import numpy as np

from mien.errors import MienError
from mien.synth.head.model import SKIN, HeadModel, nearest_on
from mien.synth.head.register import fitted_places
from mien.synth.render.raster import Indices
from mien.types import Floats

COUNT = 500  # points of our own set
CANONICAL = 468  # corners of MediaPipe's canonical_face_model.obj (Apache-2.0)
Spots = tuple[Indices, Floats]  # (N, 3) corners of the head, (N, 3) weights


def dense_spots(head: HeadModel, count: int = COUNT) -> Spots:
    """Corners of the front of the face by farthest-point sampling.

    The order is specific to this head.
    """
    skin = np.unique(head.triangles[head.part == SKIN])
    places = head.canonical[skin]
    front = skin[(places[:, 2] > 25) & (places[:, 1] > -120) & (places[:, 1] < 75)]
    points = head.template[front].astype(np.float64)
    chosen = [int(np.argmax(points[:, 2]))]
    apart = np.full(len(points), np.inf)
    for _ in range(min(count, len(points)) - 1):
        apart = np.minimum(apart, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(np.argmax(apart)))
    corners = np.repeat(front[chosen][:, None], 3, axis=1).astype(np.int32)
    return corners, np.tile(np.array([1, 0, 0], np.float32), (len(chosen), 1))


def mediapipe_spots(head: HeadModel, mesh: Path) -> Spots:
    """Places of MediaPipe's 468 points on a head.

    Args:
        head: the model.
        mesh: canonical_face_model.obj of MediaPipe, supplied by the user.

    Raises:
        MienError: it is not that mesh.
    """
    try:
        lines = mesh.read_text("utf-8").splitlines()
        points = np.array([[float(v) for v in x.split()[1:4]] for x in lines if x[:2] == "v "])
    except (OSError, ValueError) as error:
        raise MienError(f"{mesh} cannot be read as a mesh ({error}).") from error
    if points.shape != (CANONICAL, 3) or not np.isfinite(points).all():
        raise MienError(
            f"{mesh} has points of shape {points.shape}; canonical_face_model.obj of MediaPipe has "
            f"{CANONICAL} corners."
        )
    places = fitted_places((points * 10).astype(np.float32))  # from centimetres
    skin = head.triangles[head.part == SKIN]
    return nearest_on(places.astype(np.float64), head.canonical, skin)


def at(spots: Spots, points: Floats) -> Floats:
    """Positions of the spots among corners, (V, 3): (N, 3)."""
    corners, weights = spots
    out: Floats = np.einsum("nkd,nk->nd", points[corners], weights)
    return out
