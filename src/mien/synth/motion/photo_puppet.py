"""Puppets: animate the skin of a real photograph by known amounts.

A head is fitted to landmarks, the photo becomes its texture, and blendshapes of the head move the
texture: real skin, known motion. The person in the photo must have agreed to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from mien.errors import MienError
from mien.synth.head import actor as kinds
from mien.synth.head.actor import Actor
from mien.synth.head.model import (
    GUMS,
    LINING,
    SKIN,
    SOCKET,
    TEETH,
    TONGUE,
    HeadModel,
    landmarks,
    normals,
)
from mien.synth.motion.controls import resolve
from mien.synth.render.camera import PIVOT, Camera, Pose, place, project, rotation
from mien.synth.render.raster import Hits, interpolate
from mien.synth.render.scene import seen_points, visible
from mien.synth.skin.appearance import Appearance, Person
from mien.synth.skin.atlas import sample
from mien.types import Doubles, Floats, Pixels

FAR = 3000.0  # mm: assumed distance for weak perspective, whose error is 3 % at 3 m
FITTED = (
    "jawOpen", "mouthSmile_L", "mouthSmile_R", "mouthLowerDown_L", "mouthLowerDown_R",
    "mouthUpperUp_L", "mouthUpperUp_R", "browInnerUp_L", "browInnerUp_R", "mouthPucker",
)  # fmt: skip
FIVE = ((36, 39), (42, 45), (30,), (48,), (54,))  # mien.geometry.POINTS among the 68
WORST = 0.12  # of the eye distance: a larger mean error means that the fit failed
INNER = {SOCKET: (0.16, 0.05, 0.05), GUMS: (0.55, 0.28, 0.27), TEETH: (0.86, 0.83, 0.76),
         TONGUE: (0.60, 0.30, 0.30)}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """The photo after a movement."""

    image: Pixels
    flow: Floats  # (H, W, 2) px from the photo to `image`, known exactly on the face
    face: NDArray[np.bool_]  # (H, W) in the photo: where the flow is that of the mesh
    points: Floats  # (68, 2) px after the move
    points3d: Floats  # (68, 3) mm of the fitted head, turned and placed
    seen: NDArray[np.bool_]  # (68,) not hidden by the face itself
    skin: Floats  # (H, W) in `image`: how much blood shows, 0 where there is no moved skin
    shapes: dict[str, float]  # those of the photo, as fitted, and the movement
    pose: Pose  # that of the photo, as fitted, and the turn


class Puppet:
    """A photo whose face can be animated."""

    def __init__(self, head: HeadModel, image: Pixels, points: Floats) -> None:
        """Fit the head to a photo.

        Args:
            head: the model; one with its own lids and lips works best.
            image: (H, W, 3).
            points: (68, 2) px in the order of iBUG 300-W, or the (5, 2) of mien.geometry.POINTS.

        Raises:
            MienError: the points are not a face, or not finite.
        """
        spots: Doubles = np.asarray(points, np.float64)
        if spots.shape not in ((68, 2), (5, 2)) or not np.isfinite(spots).all():
            raise MienError(
                f"A puppet needs 68 or 5 finite points, got an array of shape {spots.shape}."
            )
        self.image = image
        identity, rest, self.pose, self.camera = _fit(head, spots, image.shape[:2])
        person = Person(tuple(identity.tolist()), Appearance(hair_style="bald"), "puppet")
        self.actor, self.rest = Actor(head, person), rest
        if len(spots) == 68:
            self._pull(spots)
        self.start = self._placed(rest, self.pose)
        self.source = project(self.start, self.camera)[:, :2].astype(np.float32)
        self.front = self._front()
        self._rest = visible(self.actor, self.start, self.camera, self.camera.size, rest)
        self.open = self._open()

    def _placed(self, shapes: Mapping[str, float], pose: Pose) -> Doubles:
        points = self.actor.body(dict(shapes)).points
        return place(points.astype(np.float64), pose)

    def _pull(self, points: Doubles) -> None:
        """Move the mesh in the image plane until its landmarks lie on the given points."""
        actor, turn = self.actor, rotation(self.pose)
        body = actor.body(self.rest).face
        at = project(place(landmarks(actor.head, body).astype(np.float64), self.pose), self.camera)
        scale = self.camera.focal_px / FAR
        off = (points - at[:, :2]) / scale * [1, -1]
        off[:17] *= 0.3  # the contour depends on the view; it is not a place of the skin
        spots = landmarks(actor.head, actor.head.canonical).astype(np.float64)
        spline = RBFInterpolator(spots, off, kernel="linear", smoothing=0.5, degree=1)
        fade = np.exp(-((np.maximum(0, np.abs(actor.head.canonical[:, :1]) - 60) / 25) ** 2))
        shift = spline(actor.head.canonical.astype(np.float64)) * fade
        actor.face += (np.c_[shift, np.zeros(len(shift))] @ turn).astype(np.float32)
        actor.eye_rest += _near(shift, actor.head) @ turn[:2].astype(np.float32)

    def _front(self) -> NDArray[np.bool_]:
        """(F,) triangles that carry the photo: skin of the face towards the camera, eyes."""
        actor = self.actor
        x, y, z = actor.canonical.T
        inside = (np.abs(x) < 64) & (y < 62) & (y > -118) & (z > 10)
        facing = normals(self.start.astype(np.float32), actor.triangles)
        skin = inside & (facing[:, 2] > 0.12)
        chosen = np.isin(actor.kind, (SKIN, LINING)) & skin[actor.triangles].all(1)
        eyes = (kinds.EYE_LEFT, kinds.EYE_RIGHT, kinds.CARUNCLE)
        return np.asarray(chosen | np.isin(actor.kind, (*eyes, *INNER)))

    def _open(self) -> NDArray[np.bool_]:
        """(H, W) where the photo itself shows the inside of the mouth."""
        out, hits = np.zeros(self.camera.size, bool), self._rest
        out.ravel()[hits.pixel] = np.isin(self.actor.kind[hits.triangle], tuple(INNER))
        return out

    def __call__(self, weights: Mapping[str, float], turn: Pose | None = None) -> Moved:
        """Move the face.

        Args:
            weights: see mien.synth.motion.controls.resolve; added to the expression in the photo.
            turn: degrees added to the photo's pose; beyond about 8 the image tears.
        """
        extra, base = turn or Pose(), self.pose
        shapes = dict(self.rest)
        for name, value in resolve(weights).items():
            shapes[name] = min(1.0, shapes.get(name, 0.0) + value)
        yaw, pitch = base.yaw + extra.yaw, base.pitch + extra.pitch
        right, up, near = (a + b for a, b in zip(base.shift, extra.shift, strict=True))
        pose = Pose(yaw, pitch, base.roll + extra.roll, (right, up, near))
        now = self._placed(shapes, pose)
        there = project(now, self.camera)[:, :2].astype(np.float32)
        size = self.camera.size
        seen = self._rest.take(self.front[self._rest.triangle])
        flow, face = np.zeros((*size, 2), np.float32), np.zeros(size, bool)
        moves = interpolate(seen, self.actor.triangles, there - self.source)
        flow.reshape(-1, 2)[seen.pixel], face.ravel()[seen.pixel] = moves, True
        flow = _spread(flow, face)
        hits = visible(self.actor, now, self.camera, size, shapes)
        image = self._drawn(hits, flow)
        spots = landmarks(self.actor.head, self.actor.body(shapes).face).astype(np.float64)
        spots = place(spots, pose)
        flat = project(spots, self.camera)
        return Moved(
            image, flow, face, flat[:, :2].astype(np.float32), spots.astype(np.float32),
            seen_points(flat, self._depth(hits)), self._skin(hits), shapes, pose,
        )  # fmt: skip

    def _depth(self, hits: Hits) -> Floats:
        """(H, W) mm along the optical axis; NaN off the head."""
        out = np.full(self.camera.size, np.nan, np.float32)
        out.ravel()[hits.pixel] = hits.depth
        return out

    def _skin(self, hits: Hits) -> Floats:
        """(H, W) strength of the blood in the skin that carries the photo."""
        actor, out = self.actor, np.zeros(self.camera.size, np.float32)
        here = hits.take(self.front[hits.triangle] & (actor.kind[hits.triangle] == SKIN))
        places = interpolate(here, actor.triangles, actor.canonical)
        out.ravel()[here.pixel] = sample(actor.skin.blood, places)[:, 0]
        return out

    def _drawn(self, hits: Hits, flow: Floats) -> Pixels:
        """The photo warped by the mesh on the face, and by the spread flow around it."""
        actor, size = self.actor, self.camera.size
        y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
        back = flow.copy()
        for _ in range(4):  # the inverse of a smooth field, by fixed-point iteration
            at = x - back[..., 0], y - back[..., 1]
            back = np.asarray(
                cv2.remap(flow, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            )
        from_x, from_y = x - back[..., 0], y - back[..., 1]
        hits = hits.take(self.front[hits.triangle])
        kind = actor.kind[hits.triangle]
        places = interpolate(hits, actor.triangles, self.source) - 0.5
        column = np.clip(np.rint(places[:, 0]), 0, size[1] - 1).astype(int)
        row = np.clip(np.rint(places[:, 1]), 0, size[0] - 1).astype(int)
        photo = ~np.isin(kind, tuple(INNER)) | self.open[row, column]
        from_x.ravel()[hits.pixel[photo]] = places[photo, 0]
        from_y.ravel()[hits.pixel[photo]] = places[photo, 1]
        out = np.asarray(
            cv2.remap(self.image, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        ).copy()
        level = float(self.image[self.image.sum(2) > 0].mean())  # approximate light of the photo
        depth = interpolate(hits, actor.triangles, actor.canonical)[:, 2]
        for part, colour in INNER.items():
            here = np.flatnonzero((kind == part) & ~photo)
            shade = np.clip((depth[here] - 44) / 30, 0.12, 1)[:, None]
            dark = np.array(colour) * shade * min(255.0, 1.35 * level)
            out.reshape(-1, 3)[hits.pixel[here]] = np.clip(dark, 0, 255).astype(np.uint8)
        return np.asarray(out, np.uint8)


def _near(shift: Doubles, head: HeadModel) -> Floats:
    """Displacement of each eyeball with the skin around it, (2, 2) mm."""
    out = []
    for centre in head.eyes:
        close = np.linalg.norm(head.template - centre[:3], axis=1) < 1.5 * centre[3]
        out.append(shift[close].mean(0))
    return np.array(out, np.float32)


def _spread(flow: Floats, face: NDArray[np.bool_]) -> Floats:
    """Extend the flow of the face around it, fading out over a third of its size."""
    reach = max(3.0, float(np.sqrt(face.sum())) / 6)
    known = face.astype(np.float32)
    weight = np.asarray(cv2.GaussianBlur(known, (0, 0), reach))[..., None]
    blurred = np.asarray(cv2.GaussianBlur(flow * known[..., None], (0, 0), reach))
    apart = np.asarray(cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 3))
    fade = np.exp(-((apart / (1.6 * reach)) ** 2))[..., None]
    around = blurred / np.maximum(weight, 1e-4) * fade
    return np.where(face[..., None], flow, around).astype(np.float32)


def _fit(
    head: HeadModel, points: Doubles, size: tuple[int, int]
) -> tuple[Floats, dict[str, float], Pose, Camera]:
    """Identity, expression, pose and camera for which the landmarks match the points."""
    rows = landmarks(head, head.template).astype(np.float64)
    ways = np.stack([landmarks(head, way) for way in head.identity[:60]]).astype(np.float64)
    moves = np.stack([landmarks(head, head.expression[n]) for n in FITTED]).astype(np.float64)
    if len(points) == 5:
        rows, ways, moves = (_five(a) for a in (rows, ways, moves))
    trust = np.ones(len(points))
    trust[:17] = 0.3 if len(points) == 68 else 1.0
    basis = np.concatenate([ways * head.spread, 1.0 * moves])
    if len(points) == 5:
        basis = basis[:0]
    numbers = np.zeros(len(basis))
    for _ in range(6):
        shape = rows + np.tensordot(numbers, basis, 1)
        turn, scale, shift = _weak(shape, points, trust)
        flat = np.einsum("ij,knj->kni", scale * turn[:2], basis) * [1, -1]
        target = points - ((shape @ turn[:2].T * scale) * [1, -1] + shift)
        design = (flat * trust[None, :, None]).reshape(len(basis), 2 * len(points)).T
        ridge = np.full(len(basis), scale * 1.4)
        ridge[len(ways) :] = scale * 2.0
        wanted = np.concatenate([(target * trust[:, None]).ravel(), -ridge * numbers])
        step, *_ = np.linalg.lstsq(np.vstack([design, np.diag(ridge)]), wanted, rcond=None)
        numbers = np.clip(numbers + step, -2.5, 2.5)
        numbers[len(ways) :] = np.clip(numbers[len(ways) :], 0, 1)
    off = np.linalg.norm(target, axis=1).mean()
    eyes = np.linalg.norm(points[0] - points[1]) if len(points) == 5 else _apart(points)
    if eyes == 0 or not off < WORST * eyes:
        raise MienError(
            f"Head '{head.name}' cannot fit the points as a face: they lie "
            f"{off:.1f} px off on average, the eyes {eyes:.1f} px apart. Check their order."
        )
    identity = (numbers[: len(ways)] * head.spread).astype(np.float32)
    rest = dict(zip(FITTED, (float(v) for v in numbers[len(ways) :]), strict=False))
    rest = {name: value for name, value in rest.items() if value > 0.02}
    return identity, rest, *_seen_by(turn, scale, shift, size)


def _five(points: Doubles) -> Doubles:
    """The five points among (..., 68, 3)."""
    return np.stack([points[..., list(k), :].mean(-2) for k in FIVE], axis=-2)


def _apart(points: Doubles) -> float:
    return float(np.linalg.norm(points[36] - points[45]))


def _weak(shape: Doubles, points: Doubles, trust: Doubles) -> tuple[Doubles, float, Doubles]:
    """Rotation, px per mm and shift of a weak-perspective camera, y of the image downwards.

    Source: DeMenthon and Davis, "Model-based object pose in 25 lines of code", 1995, first step.
    """
    weight = trust / trust.sum()
    middle, centre = weight @ shape, weight @ points
    a, b = (shape - middle) * trust[:, None], (points - centre) * [1, -1] * trust[:, None]
    found, *_ = np.linalg.lstsq(a, b, rcond=None)
    u, s, vt = np.linalg.svd(found.T, full_matrices=False)
    two, scale = u @ vt, float(s.mean())
    turn = np.stack([two[0], two[1], np.cross(two[0], two[1])])
    return turn, scale, centre - (middle @ turn[:2].T * scale) * [1, -1]


def _seen_by(
    turn: Doubles, scale: float, shift: Doubles, size: tuple[int, int]
) -> tuple[Pose, Camera]:
    """Pose and camera equivalent to a weak-perspective one."""
    yaw = np.degrees(np.arctan2(-turn[2, 0], turn[2, 2]))
    level = turn @ rotation(Pose(float(yaw))).T
    pitch = np.degrees(np.arctan2(-level[2, 1], level[2, 2]))
    lean = level @ rotation(Pose(0, float(pitch))).T
    roll = np.degrees(np.arctan2(lean[0, 1], lean[0, 0]))
    pose = Pose(float(yaw), float(pitch), float(roll))
    height, width = size
    origin = PIVOT - turn @ PIVOT  # origin of the head after rotation about the neck
    centre = origin[:2] - (shift - [width / 2, height / 2]) / scale * [1, -1]
    camera = Camera(
        height, width, FAR, scale * FAR / max(height, width), (float(centre[0]), float(centre[1]))
    )
    return pose, camera
