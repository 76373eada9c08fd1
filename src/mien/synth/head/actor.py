"""A person prepared for rendering: all meshes in one array, and the painted skin."""

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.synth.head import eyes, head_shape
from mien.synth.head.contour import jawline
from mien.synth.head.dense import Spots
from mien.synth.head.model import (
    GUMS,
    LINING,
    SKIN,
    SOCKET,
    TEETH,
    TONGUE,
    HeadModel,
    eye_centres,
    landmarks,
    moved,
    shaped,
)
from mien.synth.motion.controls import gaze
from mien.synth.render.camera import PIVOT, Pose, rotation
from mien.synth.render.raster import Array, Indices
from mien.synth.skin import accessories, hair
from mien.synth.skin.appearance import Person
from mien.synth.skin.paint import Skin, paint
from mien.types import Doubles, Floats

# Kind of a triangle; the parts of the head come first, as in mien.synth.head.model.
EYE_RIGHT, EYE_LEFT, CARUNCLE, CLOTHES, FRAMES, LENSES, HAIR, MASK, HAT, SCARF = range(10, 20)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Corners of everything at one moment, in model space before the head is rotated."""

    points: Floats  # (V, 3) mm
    face: Floats  # (H, 3) those of the head alone, also if only a part is rendered
    eyes: Floats  # (2, 3) centres of the eyeballs, right and left


class Actor:
    """A person on a head model, prepared for repeated rendering."""

    def __init__(
        self,
        head: HeadModel,
        person: Person,
        *,
        skin: Skin | None = None,
        mesh: Spots | None = None,
    ) -> None:
        """Shape the head, paint the skin, and generate the hair: about a second.

        Args:
            head: the model.
            person: the person.
            skin: already painted; default: painted now.
            mesh: places of MediaPipe's 468 points, from mien.synth.head.dense.mediapipe_spots.
        """
        self.head, self.person, appearance = head, person, person.appearance
        self.mesh = mesh
        self.jawline = jawline(head)
        self._kept: NDArray[np.intp] | None = None  # corners that are rendered; None: all
        self.face = child(head, shaped(head, np.array(person.identity, np.float32)), appearance.age)
        self.skin = skin if skin is not None else paint(appearance)
        face = self.skin.colour[300:800, 300:724]
        self.albedo = float(face.mean((0, 1)) @ [0.2126, 0.7152, 0.0722])  # of the face
        self.radius = float(head.eyes[:, 3].mean())
        self.lid_scale = _lid_scale(head, self.face)
        self._extras = self._make_extras()
        meshes = [(self.face, head.triangles), *((p, t) for p, t, _ in self._extras)]
        starts = np.cumsum([0, *(len(p) for p, _ in meshes)])
        self.triangles: Indices = np.concatenate(
            [t + s for (_, t), s in zip(meshes, starts, strict=False)]
        ).astype(np.int32)
        kinds = [head.part, *(np.full(len(t), k, np.uint8) for _, t, k in self._extras)]
        self.kind: NDArray[np.uint8] = np.concatenate(kinds)
        self.start = {k: int(s) for (_, _, k), s in zip(self._extras, starts[1:], strict=False)}
        self.count = int(starts[-1])
        self.canonical = self._whole(head.canonical)
        self._group()
        self.local = self._locals()
        self.rest = self.body({}).points
        self.stiff = self._stiffness()

    def _make_extras(self) -> list[tuple[Floats, Indices, int]]:
        """Everything beside the head: points in the neutral pose, triangles, kind."""
        head, appearance = self.head, self.person.appearance
        out: list[tuple[Array, Array, int]] = []
        _, cells = eyes.ball()
        self.eye_rest = eye_centres(head, self.face)
        apart = np.linalg.norm(head.template[:, None] - head.eyes[:, :3], axis=2)
        skin = np.zeros(len(head.template), bool)
        skin[np.unique(head.triangles[np.isin(head.part, (SKIN, LINING))])] = True
        self.lids = [np.flatnonzero(skin & (apart[:, k] < 1.7 * self.radius)) for k in (0, 1)]
        for kind in (EYE_RIGHT, EYE_LEFT):
            out.append((np.zeros((len(eyes.ball()[0]), 3), np.float32), cells, kind))
        if head.lids_cut:
            sheets = [eyes.caruncle(c, self.radius) for c in self.eye_rest]
            out.append((*accessories.joined(sheets), CARUNCLE))
        out.append((*accessories.clothes(appearance.seed), CLOTHES))
        skin = np.flatnonzero(head.part == SKIN)
        grown = (
            hair.hair_mesh(self.face, head.canonical, appearance) if not appearance.hat else None
        )
        self.hair_paint = grown[2] if grown else np.zeros((0, 3), np.float32)
        if grown:
            out.append((grown[0], grown[1], HAIR))
        if appearance.hat:
            out.append((*accessories.hat(self.face, head.canonical, appearance), HAT))
        if appearance.scarf:
            out.append((*accessories.scarf(), SCARF))
        if appearance.glasses != "none":
            near = np.abs(head.canonical[:, :2] - [0, -2]).max(1) < 7
            depth = float(self.face[near, 2].max()) - 1.5
            frames, lenses = accessories.glasses(
                self.eye_rest, self.radius, appearance.glasses, depth
            )
            out.append((*frames, FRAMES))
            if appearance.glasses == "sun":
                out.append((*lenses, LENSES))
        if appearance.mask:
            self.masked, cells = accessories.face_mask(head.canonical, head.triangles, skin)
            out.append((self.face[self.masked], cells, MASK))
        return [(np.asarray(p, np.float32), np.asarray(t, np.int32), k) for p, t, k in out]

    def body(self, asked: dict[str, float]) -> Body:
        """The person with a facial expression (mien.synth.motion.controls.resolve)."""
        shapes = {n: w * self.lid_scale.get(n, 1.0) for n, w in asked.items()}
        face = moved(self.head, self.face, shapes)
        parts, size = [face], self.person.appearance.iris_size
        for side, (direction, centre) in enumerate(zip(gaze(asked), self.eye_rest, strict=True)):
            lids, ball = self.lids[side], (centre, self.radius, direction, size)
            face[lids] = eyes.pushed_out(face[lids], *ball)
            parts.append(eyes.eyeball(*ball))
        for points, _, kind in self._extras[2:]:
            parts.append(self._lifted(face) if kind == MASK else points)
        points = np.concatenate(parts)
        return Body(points if self._kept is None else points[self._kept], face, self.eye_rest)

    def mouth_only(self) -> "Actor":
        """The same person with only mouth and chin rendered: for small fast frames.

        The omitted parts cast no shadow.
        """
        x, y, z = self.canonical.T
        near = (np.abs(x) < 66) & (y > -150) & (y < -18) & (z > 0)
        inner = np.isin(self.kind, (SOCKET, GUMS, TEETH, TONGUE, MASK))
        chosen = (near[self.triangles].all(1) & (self.kind == SKIN)) | inner
        first = np.argsort(self.kind[chosen] != SKIN, kind="stable")  # it occludes most others
        cells = self.triangles[chosen][first]
        part = copy.copy(self)
        part._kept, number = np.unique(cells, return_inverse=True)
        part.triangles = number.reshape(-1, 3).astype(np.int32)
        part.kind = self.kind[chosen][first]
        part.count = len(part._kept)
        part.canonical, part.local = self.canonical[part._kept], self.local[part._kept]
        part._group()
        part.rest, part.stiff = self.rest[part._kept], self.stiff[part._kept]
        return part

    def _group(self) -> None:
        """Numbers of the triangles of hair, of skin with holes for the eyes, and of the others."""
        hair, cut = self.kind == HAIR, (self.kind == SKIN) & self.head.lids_cut
        cut &= (head_shape.lid_gap(self.canonical) > -3)[self.triangles].any(
            1
        )  # mm: a triangle's width
        groups = (np.flatnonzero(g) for g in (hair, cut, ~(hair | cut)))
        self.hair, self.cut, self.whole = groups

    def _lifted(self, face: Floats) -> Floats:
        """The mask: the skin below it, smoothed in depth and lifted off by some millimetres."""
        points = face[self.masked].copy()
        points[:, 2] = np.maximum(points[:, 2], 0.3 * points[:, 2] + 0.7 * _dome(points))
        points[:, 2] += 3.0
        points[:, 0] *= 1.02
        return points

    def _whole(self, values: Floats) -> Floats:
        """Values of the head's corners with zeros for everything else."""
        out = np.zeros((self.count, values.shape[1]), np.float32)
        out[: len(values)] = values
        return out

    def _locals(self) -> Floats:
        """(V, 3) inputs of painting besides canonical places: directions on the ball, hair."""
        out = np.zeros((self.count, 3), np.float32)
        directions, _ = eyes.ball()
        for kind in (EYE_RIGHT, EYE_LEFT):
            out[self.start[kind] : self.start[kind] + len(directions)] = directions
        if HAIR in self.start:
            out[self.start[HAIR] : self.start[HAIR] + len(self.hair_paint)] = self.hair_paint
        return out

    def _stiffness(self) -> Floats:
        """(V, 1) how far corners move with the head: 1, and 0 from the shoulders down."""
        y = self.rest[:, 1:2].copy()
        y[: len(self.face)] = self.head.canonical[:, 1:2]
        t = np.clip((y + 215) / 90, 0, 1)
        stiff: Floats = (t * t * (3 - 2 * t)).astype(np.float32)
        if CLOTHES in self.start:
            begin = self.start[CLOTHES]
            stiff[begin : begin + len(next(p for p, _, k in self._extras if k == CLOTHES))] = 0
        return stiff

    def placed(self, points: Floats, pose: Pose) -> Doubles:
        """Corners, (V, 3), after the head has been rotated; shoulders stay where they are."""
        turn = rotation(pose)
        whole = (points.astype(np.float64) - PIVOT) @ turn.T + PIVOT
        mixed = points + self.stiff * (whole - points)
        out: Doubles = mixed + np.asarray(pose.shift)
        return out


# mm by which the upper lid passes below the lower one, so that no gap is left at the sides; where
# lids are cut out of the face, the remaining gap is closed anyway.
PAST, PAST_CUT = 1.4, 0.6


def _lid_scale(head: HeadModel, face: Floats) -> dict[str, float]:
    """Scale of the lid movement relative to the mean face, since eyes differ in height.

    Lids of narrow eyes move less: otherwise they would close early, and the upper one would end
    below the lower one.
    """
    rest, own = (landmarks(head, points)[:, 1] for points in (head.template, face))
    out, past = {}, PAST_CUT if head.lids_cut else PAST
    for side, upper, lower in (("R", [37, 38], [40, 41]), ("L", [43, 44], [46, 47])):
        height, usual = (y[upper] - y[lower[::-1]] for y in (own, rest))
        out[f"eyeBlink_{side}"] = float(np.clip(((height + past) / usual).max(), 0.6, 1.9))
    return out


def _dome(points: Floats) -> Floats:
    """Depth of a smooth sheet over the nose and chin."""
    x, y = points[:, 0], points[:, 1]
    sheet: Floats = 103 - 0.011 * x * x - 0.004 * (y + 58) ** 2
    return sheet


def child(head: HeadModel, face: Floats, age: float) -> Floats:
    """The face at an age below 18: cardioidal strain, and larger eyes.

    Source: Todd et al., "The perception of human growth", 1980: R' = R (1 + k (1 - cos t)) with t
    from the crown; here k falls to 0 at 18 years.
    """
    if age >= 18:
        return face
    share = (18 - age) / 16
    centre = np.array([0, 10, 0], np.float32)
    arm = face - centre
    length = np.maximum(np.linalg.norm(arm, axis=1, keepdims=True), 1e-6)
    down = (1 - arm[:, 1:2] / length) / 2  # 0 at the crown, 1 at the chin
    above_neck = np.clip((head.canonical[:, 1:2] + 160) / 40, 0, 1)
    small = (1 - 0.24 * share * down) * (1 - 0.05 * share)
    grown = centre + arm * (1 + (small - 1) * above_neck)
    for eye in head.eyes[:, :3]:
        offset = head.template - eye
        near = np.exp(-(((offset[:, :2] / [20, 13]) ** 2).sum(1) ** 2)) * (offset[:, 2] > 0)
        grown[:, :2] += 0.16 * share * near[:, None] * offset[:, :2]
    return np.asarray(grown, np.float32)
