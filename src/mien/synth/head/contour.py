"""Points that depend on the view: the visible jawline, and the rims of the irises."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.synth.head.eyes import iris_angle
from mien.synth.head.model import SKIN, HeadModel, landmarks
from mien.types import Doubles, Floats

JAW = 17  # of the 68 points are the contour, from the subject's right ear to the left
MIDDLE = np.array([0.0, -40.0])  # mm, x and y in canonical space: rays start here
NEAR = 0.035  # radians about a ray


class Jawline:
    """The contour where annotators place it: at the edge of the face, which moves with yaw.

    The 17 points of `lm68` stay on the skin. Here those on the side that turns away move along
    their rays from the middle of the face to the outermost visible point; the others stay.
    """

    def __init__(self, head: HeadModel) -> None:
        """Find the corners along each ray: those within the point's own distance."""
        corners = np.unique(head.triangles[head.part == SKIN])
        flat = head.canonical[corners, :2] - MIDDLE
        front = head.canonical[corners, 2] > 0
        angle, far = np.arctan2(flat[:, 0], -flat[:, 1]), np.hypot(*flat.T)
        spots = landmarks(head, head.canonical)[:JAW, :2] - MIDDLE
        self.ways = spots / np.hypot(*spots.T)[:, None]  # (17, 2) right and up
        rays: list[NDArray[np.intp]] = []
        for x, y in spots:
            apart = np.abs((angle - np.arctan2(x, -y) + np.pi) % (2 * np.pi) - np.pi)
            inside = (far <= np.hypot(x, y)) & (far > 20) & (apart < NEAR) & front
            rays.append(corners[inside])
        # Few of the head's corners lie on rays; only those are placed in each frame.
        self.corners, where = np.unique(np.concatenate(rays), return_inverse=True)
        self.rays = np.split(where, np.cumsum([len(ray) for ray in rays])[:-1])

    def __call__(self, flat: Doubles, fixed: Doubles) -> Floats:
        """The visible contour, (17, 2) px.

        Args:
            flat: (K, 3) x px, y px, depth of the head's corners in `corners`.
            fixed: (68, 3) the same of the points on the skin.
        """
        out = fixed[:JAW, :2].copy()
        across = fixed[JAW - 1, :2] - fixed[0, :2]  # from ear to ear, in the image
        right = across / max(float(np.hypot(*across)), 1e-6)
        up = np.array([right[1], -right[0]])
        turned = fixed[JAW - 1, 2] > fixed[0, 2]  # the subject's left side is further away
        for number in range(JAW // 2 + 1, JAW) if turned else range(JAW // 2):
            ray, way = self.rays[number], self.ways[number]
            if len(ray):
                seen = flat[ray, :2]
                outward = way[0] * right + way[1] * up
                best = seen[(seen @ outward).argmax()]
                if best @ outward > out[number] @ outward:
                    out[number] = best
        return out.astype(np.float32)


@lru_cache(maxsize=4)
def jawline(head: HeadModel) -> Jawline:
    """The jawline of a head model: the same for all its people."""
    return Jawline(head)


def irises(
    centres: Floats, radius: float, gaze: tuple[tuple[float, float], ...], size: float
) -> Doubles:
    """Centre and four ends of each iris before the head is rotated, (2, 5, 3) mm.

    Order: the subject's right eye (image left) first; centre, image right, top, image left, bottom,
    as MediaPipe's points 468 to 477.

    Args:
        centres: (2, 3) of the eyeballs.
        radius: of the balls, mm.
        gaze: yaw and pitch of each eye, degrees.
        size: of the iris, relative to the default.
    """
    reach = iris_angle(radius, size)
    ends = [(0.0, 0.0), (reach, 0.0), (0.0, reach), (-reach, 0.0), (0.0, -reach)]
    out = np.empty((2, 5, 3))
    for eye, (centre, (yaw, pitch)) in enumerate(zip(centres, gaze, strict=True)):
        for number, (right, up) in enumerate(ends):
            a, b = np.radians(yaw) + right, np.radians(pitch) + up
            towards = [np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)]
            out[eye, number] = centre + radius * np.array(towards)
    return out
