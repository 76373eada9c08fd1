"""Several people in one room who occlude one another, with the truth of each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.synth.figure.capsules import BARE, SHOES, SLEEVE, TROUSERS, figure_mesh
from mien.synth.figure.skeleton import Skeleton, Stance, body_points, skeleton
from mien.synth.head import actor as kinds
from mien.synth.head.actor import Actor
from mien.synth.head.model import SKIN, normals
from mien.synth.motion import controls
from mien.synth.render.backdrop import GREY
from mien.synth.render.camera import Camera, Pose, project, rotation
from mien.synth.render.cloth import weave
from mien.synth.render.light import Light
from mien.synth.render.raster import Buffer, Hits, interpolate
from mien.synth.render.room import FLOOR, random_room, room_picture, shade_floor
from mien.synth.render.scene import (
    Drawing,
    Frame,
    Moment,
    Scene,
    develop,
    half,
    moment_of,
    seen_points,
    whole_pose,
)
from mien.synth.render.shade import Stuff, Surface, faced, lit
from mien.synth.skin.paint import LABELS, NUMBER
from mien.types import Doubles, Floats, Pixels

GROUP_LABELS = (*LABELS, "hand")  # bare forearms too, so that "skin" stays that of the face
FACE = [NUMBER[name] for name in ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "mouth",
                                  "u_lip", "l_lip", "eye_g")]  # fmt: skip
NOBODY = -1
PEOPLE = 8  # most in one scene
SHIRT = -266.0  # mm: above it the shirt is the actor's, below it the body's


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One person of a group at one moment."""

    actor: Actor
    x: float = 0.0  # mm in the room, to image right
    z: float = 0.0  # mm, to the camera
    heading: float = 0.0  # degrees, as yaw: where the body turns
    weights: Mapping[str, float] = field(default_factory=dict)  # of the face
    pose: Pose = field(default_factory=Pose)  # of the head on the body
    stance: Stance = field(default_factory=Stance)
    legs: float = 1.0  # factor on the length of the legs
    viseme: str = "sil"


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a group is, and how it is photographed."""

    camera: Camera = field(default_factory=lambda: Camera(360, 640, 1800.0, 0.85, (0.0, -120.0)))
    light: Light = field(default_factory=Light)
    room: int = 0  # seed
    exposure: float = 1.0  # factor
    noise: float = 1.0  # standard deviation at mid grey, of 255
    seed: int = 0  # of the noise


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The truth of one person of a group."""

    frame: Frame  # points, pose, gaze and shapes; its arrays of pixels are empty
    box: Floats  # (4,) px around the 68 points, also where others hide them
    share: float  # of the face's pixels in the image that nobody else hides; 0: outside or hidden
    body: Floats  # (33, 3) joints in MediaPipe's order: x px, y px, depth in mm
    body3d: Floats  # (33, 3) mm in the room
    body_seen: NDArray[np.bool_]  # (33,) in the image, and hidden by no other person
    hands: Floats  # (2, 21, 3) left and right of the subject: x px, y px, depth in mm
    hands3d: Floats  # (2, 21, 3) mm in the room


@dataclass(frozen=True, slots=True, eq=False)
class GroupFrame:
    """One image of a group with its truth. Arrays are (H, W, ...)."""

    rgb: Pixels
    depth: Floats  # mm along the optical axis, of people and room
    seg: NDArray[np.uint8]  # of GROUP_LABELS
    owner: NDArray[np.int8]  # place in `people` of who is visible; NOBODY: the room
    people: tuple[Shown, ...]


def render_group(members: Sequence[Member], setting: Setting, *, truth: bool = True) -> GroupFrame:
    """Render people in a room.

    People throw shadows on themselves and on the floor, not on one another.

    Args:
        members: at most 8.
        setting: the rest.
        truth: also the arrays of pixels. Without them they are empty, and `share` and what is
            seen are as if nobody hid anybody.

    Raises:
        MienError: nobody, too many, an unknown control, or a person behind the camera.
    """
    if not 1 <= len(members) <= PEOPLE:
        raise MienError(f"A group has 1 to {PEOPLE} people, not {len(members)}.")
    people = [_Standing(member, setting, k) for k, member in enumerate(members)]
    height, width = setting.camera.size
    size = (2 * height, 2 * width)
    light, depth = room_picture(random_room(setting.room), setting.camera, setting.light)
    spots = [(one.member.x, one.member.z) for one in people]
    out = shade_floor(light, depth, setting.camera, spots)
    _, layers = composed(people, depth)
    for layer, one, is_head in layers:
        out.reshape(-1, 3)[layer.pixel] = one.head.light(layer) if is_head else one.limbs(layer)
    albedo = float(np.mean([one.member.actor.albedo for one in people]))
    metered = Scene(exposure=setting.exposure * (GREY / albedo) ** 0.35, noise=setting.noise)
    rgb = develop(half(out.reshape(*size, 3)), metered, np.random.default_rng([setting.seed, 71]))
    if not truth:
        none = np.zeros((0, 0), np.uint8)
        empty = none.astype(np.float32)
        shown = tuple(one.shown(empty, None, None) for one in people)
        return GroupFrame(rgb, empty, none, none.astype(np.int8), shown)
    return _with_truth(rgb, people, depth)


class _Standing:
    """A person placed in the room: the head as an actor, and the body below."""

    def __init__(self, member: Member, setting: Setting, number: int) -> None:
        self.member, self.number = member, number
        scene = Scene(
            weights=member.weights, pose=member.pose, camera=setting.camera, light=setting.light,
            viseme=member.viseme,
        )  # fmt: skip
        self.scene, shapes = scene, controls.resolve(member.weights)
        self.joints = skeleton(member.stance, member.legs)
        self.origin = (member.x, FLOOR - self.joints.lowest, member.z)
        self.turn = rotation(Pose(member.heading))
        own = moment_of(member.actor, scene)
        self.now = Moment(*(self.moved(points) for points in own))
        whole = self.turn @ rotation(whole_pose(scene))
        self.pose = pose_of(whole, self.origin)
        self.shapes = shapes
        self.head = Drawing(member.actor, scene, shapes, self.pose, self.now.points, self.origin)
        self._join()
        bare = member.actor.person.appearance.seed % 3 == 0
        self.rest, self.cells, self.material = figure_mesh(self.joints, bare)
        self.figure = self.moved(self.rest)

    def moved(self, points: Doubles) -> Doubles:
        """Points around the person, (N, 3), where they are in the room."""
        return np.asarray(points @ self.turn.T + np.array(self.origin), np.float64)

    def _join(self) -> None:
        """Fade shadows on the shoulders out to where the body below begins, which has none."""
        actor = self.member.actor
        cloth = np.unique(actor.triangles[actor.kind == kinds.CLOTHES])
        share = np.clip((actor.rest[cloth, 1:2] - SHIRT) / 60, 0, 1)
        self.head.open[cloth] = 1 - (1 - self.head.open[cloth]) * share

    def _above(self, hits: Hits) -> Hits:
        """Hits of the head without the lower edge of the shirt, where the body continues it."""
        actor = self.member.actor
        cloth = np.flatnonzero(actor.kind[hits.triangle] == kinds.CLOTHES)
        height = interpolate(hits.take(cloth), actor.triangles, actor.rest[:, 1:2])[:, 0]
        keep = np.ones(len(hits.pixel), bool)
        keep[cloth[height < SHIRT]] = False
        return hits.take(keep)

    def hits(self, size: tuple[int, int]) -> tuple[Hits, Hits]:
        """What is visible of the head, and of the body, if nothing else were there."""
        flat = project(self.figure, self.scene.camera)
        flat[:, :2] *= size[0] / self.scene.camera.height
        buffer = Buffer(size)
        buffer.draw(flat, self.cells)
        return self._above(self.head.hits(size)), buffer.hits()

    def limbs(self, hits: Hits) -> Floats:
        """(N, 3) light that leaves samples of the body."""
        actor, camera = self.member.actor, self.scene.camera
        side = normals(self.figure.astype(np.float32), self.cells)
        at = interpolate(hits, self.cells, np.hstack([side, self.figure.astype(np.float32)]))
        normal, view = faced(at, np.array([*camera.centre, camera.distance], np.float32))
        material, count = self.material[hits.triangle], len(hits.pixel)
        colour = _dyes(actor)[material]
        kind = np.where(material == BARE, SKIN, kinds.CLOTHES).astype(np.uint8)
        ones = np.ones((count, max(1, len(self.scene.light.lamps))), np.float32)
        surface = Surface(kind, hits, at[:, 3:], normal, ones, view)
        gloss = np.where(material == BARE, 0.25, 0.05).astype(np.float32)
        made = Stuff(colour, gloss, np.zeros(count, bool), np.full(count, 0.9, np.float32), normal)
        here = np.flatnonzero(material == SLEEVE)
        place = interpolate(hits.take(here), self.cells, self.rest.astype(np.float32))
        made.colour[here], made.normal[here] = weave(
            actor.person.appearance.seed, place, made.colour[here], made.normal[here]
        )
        return lit(surface, made, self.scene.light)

    def labels(self, hits: Hits) -> NDArray[np.uint8]:
        """(N,) labels of samples of the body."""
        bare = self.material[hits.triangle] == BARE
        return np.where(bare, len(LABELS), NUMBER["cloth"]).astype(np.uint8)

    def shown(
        self, depth: Floats, owner: NDArray[np.int8] | None, amodal: NDArray[np.int64] | None
    ) -> Shown:
        """The truth of this person.

        Args:
            depth: (H, W) mm of the whole picture, or empty.
            owner: (H, W) who is visible.
            amodal: pixels that the face would fill if it stood alone.
        """
        camera, now = self.scene.camera, self.now
        flat, jaw, dense = (project(p, camera) for p in (now.spots, now.jaw, now.dense))
        body3d = body_points(_head_points(now), self._placed())
        hands3d = self.moved(self.joints.hands.reshape(-1, 3))
        body, hands = project(body3d, camera), project(hands3d, camera).reshape(2, 21, 3)
        coarse = 4.0 + 2 * float(np.median(flat[:, 2])) / camera.focal_px  # mm, and of two pixels
        share, seen = 1.0, _inside(body, camera)
        if owner is not None and amodal is not None:
            mine = owner.ravel()[amodal] == self.number
            share = float(mine.mean()) if len(amodal) else 0.0
            column, row = np.floor(body[seen, :2]).astype(int).T
            seen[seen] = np.isin(owner[row, column], (self.number, NOBODY))
        low, high = flat[:, :2].min(0), flat[:, :2].max(0)
        return Shown(
            self._frame(flat, jaw, dense, seen_points(flat, depth, coarse)),
            np.concatenate([low, high]).astype(np.float32), share, body.astype(np.float32),
            body3d.astype(np.float32), seen, hands.astype(np.float32),
            hands3d.reshape(2, 21, 3).astype(np.float32),
        )  # fmt: skip

    def _placed(self) -> Skeleton:
        names = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "toe")
        points = {name: self.moved(getattr(self.joints, name)) for name in names}
        hands = self.moved(self.joints.hands.reshape(-1, 3)).reshape(2, 21, 3)
        return replace(self.joints, **points, hands=hands)

    def _frame(self, flat: Doubles, jaw: Doubles, dense: Doubles, seen: NDArray[np.bool_]) -> Frame:
        actor, scene = self.member.actor, self.scene
        none = np.zeros((0, 0), np.uint8)
        empty = none.astype(np.float32)
        return Frame(
            np.zeros((0, 0, 3), np.uint8), none, empty, none, none.astype(np.int32),
            empty[..., None], flat[:, :2].astype(np.float32), self.now.spots.astype(np.float32),
            seen, actor.jawline(jaw, flat), dense[-10:, :2].reshape(2, 5, 2).astype(np.float32),
            None if actor.mesh is None else dense.astype(np.float32), self.shapes,
            dict(scene.weights), self.pose, controls.gaze(self.shapes), scene.viseme, 0.0,
            scene.camera, bool(seen.any()),
        )  # fmt: skip


Layer = tuple[Hits, _Standing, bool]  # visible samples, whose, and whether of the head


def composed(people: Sequence[_Standing], room: Doubles) -> tuple[Doubles, list[Layer]]:
    """The nearest surface in each sample.

    Args:
        people: who stand there.
        room: (H, W) mm, depth of what stands behind them or in front.

    Returns:
        (H, W) depth of everything, and the visible samples of each head and each body.
    """
    depth, nearest = room.ravel().copy(), np.full(room.size, -1)
    every = [(hits, one, head) for one in people
             for hits, head in zip(one.hits((room.shape[0], room.shape[1])), (True, False),
                                   strict=True)]  # fmt: skip
    for number, (hits, _, _) in enumerate(every):
        near = hits.depth < depth[hits.pixel]
        depth[hits.pixel[near]], nearest[hits.pixel[near]] = hits.depth[near], number
    layers = [
        (hits.take(nearest[hits.pixel] == number), one, head)
        for number, (hits, one, head) in enumerate(every)
    ]
    return depth.reshape(room.shape), layers


def _with_truth(rgb: Pixels, people: Sequence[_Standing], room: Doubles) -> GroupFrame:
    size = rgb.shape[:2]
    far = cv2.resize(room, size[::-1], interpolation=cv2.INTER_NEAREST)
    depth, layers = composed(people, np.asarray(far))
    seg, owner = np.zeros(size, np.uint8), np.full(size, NOBODY, np.int8)
    for hits, one, head in layers:
        seg.ravel()[hits.pixel] = one.head.labels(hits) if head else one.labels(hits)
        owner.ravel()[hits.pixel] = one.number
    shown = []
    for one in people:
        alone = one.head.hits(size)
        amodal = alone.pixel[np.isin(one.head.labels(alone), FACE)]
        shown.append(one.shown(depth.astype(np.float32), owner, amodal))
    return GroupFrame(rgb, depth.astype(np.float32), seg, owner, tuple(shown))


def pose_of(turn: Doubles, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Pose:
    """The pose whose `rotation` is a matrix."""
    yaw = np.degrees(np.arctan2(-turn[2, 0], turn[2, 2]))
    pitch = np.degrees(np.arcsin(np.clip(-turn[2, 1], -1, 1)))
    return Pose(float(yaw), float(pitch), float(np.degrees(np.arctan2(turn[0, 1], turn[1, 1]))),
                shift)  # fmt: skip


def _dyes(actor: Actor) -> Floats:
    """(4, 3) linear albedo of the materials of a body."""
    rng = np.random.default_rng([actor.person.appearance.seed, 57])
    out = np.empty((4, 3), np.float32)
    out[SLEEVE] = actor.person.appearance.clothes
    out[BARE] = actor.skin.colour[300:800, 300:724].mean((0, 1))
    out[TROUSERS] = rng.uniform(0.02, 0.2) * rng.uniform(0.7, 1.3, 3)
    out[SHOES] = rng.uniform(0.015, 0.12)
    return out


def _head_points(now: Moment) -> Doubles:
    """(11, 3) the points of the head in MediaPipe's order: nose, eyes, ears, mouth; left first."""
    spots, irises = now.spots, now.dense[-10:].reshape(2, 5, 3)
    rows = [
        spots[30], spots[42], irises[1, 0], spots[45], spots[39], irises[0, 0], spots[36],
        spots[16], spots[0], spots[54], spots[48],
    ]  # fmt: skip
    return np.stack(rows)


def _inside(points: Doubles, camera: Camera) -> NDArray[np.bool_]:
    x, y, far = points.T
    return np.asarray((x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height) & (far > 1))
