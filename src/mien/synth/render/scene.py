"""Render a scene: a frame with complete ground truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.synth.head import actor as kinds
from mien.synth.head import head_shape
from mien.synth.head.actor import Actor
from mien.synth.head.contour import irises
from mien.synth.head.dense import at
from mien.synth.head.model import SKIN, landmarks, normals
from mien.synth.motion import controls
from mien.synth.render.backdrop import GREY, backdrop
from mien.synth.render.camera import Camera, Pose, place, project, rotation
from mien.synth.render.light import Light
from mien.synth.render.raster import Buffer, Hits, interpolate
from mien.synth.render.room import behind_portrait
from mien.synth.render.shade import Surface, faced, infrared, lit, shadows, stuff
from mien.synth.skin.atlas import nearest, sample
from mien.synth.skin.hair import strand_cover
from mien.synth.skin.paint import NUMBER
from mien.types import Doubles, Floats, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything about one image except the person."""

    weights: Mapping[str, float] = field(
        default_factory=dict
    )  # see mien.synth.motion.controls.resolve
    pose: Pose = field(default_factory=Pose)
    camera: Camera = field(default_factory=Camera)
    light: Light = field(default_factory=Light)
    background: int = 0  # seed
    exposure: float = 1.0  # factor
    metering: float = 0.35  # share by which the camera compensates dark and light skin, 0 to 1
    white: tuple[float, float, float] = (1.0, 1.0, 1.0)  # balance, factors
    noise: float = 0.0  # standard deviation at mid grey, of 255
    defocus: float = 0.0  # px, of the whole image
    pulse: float = 0.0  # p(t), about -1 to 1, times `pulse_depth`
    pulse_depth: float = 0.0  # 0.002 to 0.006 on living skin
    viseme: str = "sil"  # that is spoken, for the record; the rendering follows from the weights
    seed: int = 0  # of the noise
    last_row: "Scene | None" = None  # when the last row is read: a rolling shutter; None: at once
    cast: bool = True  # whether lamps throw shadows
    room: int | None = None  # seed of a furnished room in place of `background`


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image with its ground truth. Arrays are (H, W, ...); NaN where there is no surface."""

    rgb: Pixels
    nir: NDArray[np.uint8]  # (H, W) at 850 nm, lamp beside the camera
    depth: Floats  # mm along the optical axis, NaN where the background is
    seg: NDArray[np.uint8]  # of mien.synth.skin.paint.LABELS
    triangle: NDArray[np.int32]  # of Actor.triangles, -1 where the background is
    inside: Floats  # (H, W, 3) barycentric weights in that triangle
    lm68: Floats  # (68, 2) px
    lm68_3d: Floats  # (68, 3) mm in model space after turning
    lm68_seen: NDArray[np.bool_]  # (68,) not hidden by anything
    contour: Floats  # (17, 2) px of the visible jawline, which wanders with yaw
    iris: Floats  # (2, 5, 2) px; see mien.synth.head.contour.irises
    lm478: Floats | None  # (478, 3) x px, y px, depth mm, if the actor has MediaPipe's mesh
    shapes: dict[str, float]  # the 53 shapes
    weights: dict[str, float]  # as requested: action units and the like
    pose: Pose  # total, with head units
    gaze: tuple[tuple[float, float], tuple[float, float]]  # right, left eye: yaw, pitch, degrees
    viseme: str  # that is spoken; "sil": none
    pulse: float  # p(t) of the skin, about -1 to 1; 0 without a pulse
    camera: Camera
    face_visible: bool  # whether at least 1 % of the image is skin of the face

    @property
    def five(self) -> Floats:
        """The five points of mien.geometry.POINTS, (5, 2) px; of eyes the middle of six points."""
        eyes = (self.lm68[start : start + 6].mean(0) for start in (36, 42))
        return np.stack([*eyes, *self.lm68[[30, 48, 54]]])


def render(actor: Actor, scene: Scene, *, truth: bool = True, nir: bool = False) -> Frame:
    """Render one person.

    Args:
        actor: the person.
        scene: everything else.
        truth: also depth, segmentation and triangles; without them those arrays are empty.
        nir: also the infrared image.

    Raises:
        MienError: an unknown control, a weight that is NaN, a head behind the camera.
    """
    shapes = controls.resolve(scene.weights)
    pose = whole_pose(scene)
    now = moment_of(actor, scene)
    if scene.last_row is not None:
        end = moment_of(actor, scene.last_row)
        pairs = zip(now, end, strict=True)
        now = Moment(*(read_out(one, two, scene.camera) for one, two in pairs))
    drawn = Drawing(actor, scene, shapes, pose, now.points)
    rgb, dark = drawn.picture(nir)
    depth, seg, number, inside = drawn.truth() if truth else _nothing()
    flat, jaw, dense = (project(points, scene.camera) for points in (now.spots, now.jaw, now.dense))
    return Frame(
        rgb, dark, depth, seg, number, inside,
        flat[:, :2].astype(np.float32), now.spots.astype(np.float32),
        seen_points(flat, depth), actor.jawline(jaw, flat),
        dense[-10:, :2].reshape(2, 5, 2).astype(np.float32),
        None if actor.mesh is None else dense.astype(np.float32),
        shapes, dict(scene.weights), pose, controls.gaze(shapes), _spoken(scene),
        scene.pulse if scene.pulse_depth else 0.0, scene.camera,
        bool(np.isin(seg, (1, 2, 11, 12)).mean() > 0.01) if truth else True,
    )  # fmt: skip


class Moment(NamedTuple):
    """Positions of everything in camera space: (N, 3) mm each."""

    points: Doubles  # corners of all that is drawn
    spots: Doubles  # the 68 points
    jaw: Doubles  # corners of the head that the visible jawline may run through
    dense: Doubles  # MediaPipe's 478 points; the last ten of them, both irises, without its mesh


def moment_of(actor: Actor, scene: Scene) -> Moment:
    """Where everything of a person is in a scene."""
    shapes, pose = controls.resolve(scene.weights), whole_pose(scene)
    body = actor.body(shapes)
    dense = irises(
        body.eyes, actor.radius, controls.gaze(shapes), actor.person.appearance.iris_size
    )
    dense = dense.reshape(10, 3)
    if actor.mesh is not None:
        dense = np.concatenate([at(actor.mesh, body.face), dense])
    spots = landmarks(actor.head, body.face).astype(np.float64)
    jaw = body.face[actor.jawline.corners].astype(np.float64)
    placed = (place(points, pose) for points in (spots, jaw, dense))
    return Moment(actor.placed(body.points, pose), *placed)


def read_out(first: Doubles, second: Doubles, camera: Camera) -> Doubles:
    """Positions of points, (N, 3) mm, when a rolling shutter reads the row in which they appear.

    Args:
        first: when the uppermost row is read.
        second: when the last one is; in between they move evenly.
        camera: that sees them.
    """
    out = first
    for _ in range(4):  # the row depends on the place, which depends on the row: fast convergence
        share = np.clip(project(out, camera)[:, 1:2] / camera.height, 0, 1)
        out = first + share * (second - first)
    return out


def _spoken(scene: Scene) -> str:
    """The viseme of a scene: as given, or the one that the weights imply."""
    asked = [name.partition(":")[2] for name in scene.weights if name.startswith("viseme:")]
    return asked[0] if scene.viseme == "sil" and asked else scene.viseme


def whole_pose(scene: Scene) -> Pose:
    """The pose of a scene plus that of its head units."""
    yaw, pitch, roll, ahead = controls.head_turn(scene.weights)
    given = scene.pose
    x, y, z = given.shift
    return Pose(given.yaw + yaw, given.pitch + pitch, given.roll + roll, (x, y, z + ahead))


def visible(
    actor: Actor,
    points: Doubles,
    camera: Camera,
    size: tuple[int, int],
    shapes: Mapping[str, float],
) -> Hits:
    """The visible surface: lids and hair cut away where they are open.

    Args:
        actor: the person.
        points: (V, 3) corners of everything, placed.
        camera: that sees them.
        size: height and width to draw, px; of the camera's, or a multiple.
        shapes: of the face; shut lids leave no gap, however wide the eyes are.
    """
    flat = project(points, camera)
    height, width = size
    flat[:, 0] *= width / camera.width
    flat[:, 1] *= height / camera.height
    seen, skin = Buffer(size), Buffer(size)
    if len(actor.hair):
        seen.draw(flat, actor.triangles, actor.hair)
        hits = seen.hits()
        values = interpolate(hits, actor.triangles, actor.local)
        seen.erase(hits.pixel[~strand_cover(values, actor.person.appearance)])
    if len(actor.cut):
        skin.draw(flat, actor.triangles, actor.cut)
        hits = skin.hits()
        places = interpolate(hits, actor.triangles, actor.canonical)
        skin.erase(hits.pixel[head_shape.lid_gap(places) > _shut(places, shapes)])
        seen.lay(skin)
    seen.draw(flat, actor.triangles, actor.whole)
    return seen.hits()


def _shut(places: Floats, shapes: Mapping[str, float]) -> Floats:
    """Closed part of the opening between the lids, mm at each place: all at a full blink."""
    left, right = (np.clip(shapes.get(f"eyeBlink_{s}", 0.0) / 0.15 - 5.6, 0, 1) for s in "LR")
    return np.asarray(np.where(places[:, 0] > 0, 6 * left, 6 * right), np.float32)


class Drawing:
    """State of one person in one frame during rendering."""

    def __init__(
        self,
        actor: Actor,
        scene: Scene,
        shapes: dict[str, float],
        pose: Pose,
        points: Doubles,
        origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        """Prepare the lighting of (V, 3) placed corners; shadows fall around the origin, mm."""
        self.actor, self.scene, self.shapes, self.pose = actor, scene, shapes, pose
        self.points = points
        self.normals = normals(points.astype(np.float32), actor.triangles)
        lamps = scene.light.lamps
        ones = np.ones((len(points), max(1, len(lamps))), np.float32)
        around = points - np.array(origin) if any(origin) else points
        self.open = shadows(actor, around, lamps) if scene.cast and lamps else ones

    def hits(self, size: tuple[int, int]) -> Hits:
        """What is visible of the person alone in an image of that height and width."""
        return visible(self.actor, self.points, self.scene.camera, size, self.shapes)

    def light(self, hits: Hits) -> Floats:
        """(N, 3) light that leaves the hits towards the camera."""
        surface = self.surface(hits)
        made = stuff(self.actor, surface, self.shapes, rotation(self.pose))
        out = lit(surface, made, self.scene.light)
        if self.scene.pulse and self.scene.pulse_depth:
            out *= self._blood(surface)
        return out

    def labels(self, hits: Hits) -> NDArray[np.uint8]:
        """(N,) label of each hit, of LABELS."""
        places = interpolate(hits, self.actor.triangles, self.actor.canonical)
        return labels(self.actor, hits, places)

    def surface(self, hits: Hits) -> Surface:
        """The surface at the hits."""
        actor, camera = self.actor, self.scene.camera
        values = np.hstack([self.normals, self.points.astype(np.float32), self.open])
        at = interpolate(hits, actor.triangles, values)
        normal, view = faced(at, np.array([*camera.centre, camera.distance], np.float32))
        canonical = interpolate(hits, actor.triangles, actor.canonical)
        return Surface(actor.kind[hits.triangle], hits, canonical, normal, at[:, 6:], view)

    def picture(self, nir: bool) -> tuple[Pixels, NDArray[np.uint8]]:
        """(H, W, 3) sRGB and (H, W) infrared; each pixel is the mean of four samples."""
        scene = self.scene
        size = (scene.camera.height * 2, scene.camera.width * 2)
        hits = self.hits(size)
        surface = self.surface(hits)
        made = stuff(self.actor, surface, self.shapes, rotation(self.pose))
        light = lit(surface, made, scene.light)
        if scene.pulse and scene.pulse_depth:
            light *= self._blood(surface)
        if scene.room is None:
            out = backdrop(scene.background, size, scene.light, self.actor.albedo)
        else:
            out = behind_portrait(scene.room, scene.camera, scene.light, self.actor.albedo)
        out.reshape(-1, 3)[hits.pixel] = light
        out *= np.float32((GREY / self.actor.albedo) ** scene.metering)
        small = half(out)
        rng = np.random.default_rng([scene.seed, 71])
        rgb = develop(small, scene, rng)
        dark = np.zeros((0, 0), np.uint8)
        if nir:
            sheet = np.full(size, 0.02, np.float32)
            falloff = (scene.camera.distance / hits.depth) ** 2
            sheet.ravel()[hits.pixel] = infrared(self.actor, surface, made, False) * falloff
            grey = np.clip(half(sheet[..., None])[..., 0] * 0.9, 0, 1) ** (1 / 2.2) * 255
            dark = np.clip(np.rint(grey + rng.normal(0, 1.2, grey.shape)), 0, 255).astype(np.uint8)
        return rgb, dark

    def _blood(self, surface: Surface) -> Floats:
        """(N, 3) factor of the pulse on the light of the skin."""
        out = np.ones((len(surface.kind), 3), np.float32)
        here = np.flatnonzero(surface.kind == SKIN)
        out[here] = blood(self.scene, sample(self.actor.skin.blood, surface.canonical[here]))
        return out

    def truth(self) -> tuple[Floats, NDArray[np.uint8], NDArray[np.int32], Floats]:
        """Depth, labels, triangles and weights at the centres of pixels."""
        size = self.scene.camera.size
        hits = self.hits(size)
        depth = np.full(size, np.nan, np.float32)
        depth.ravel()[hits.pixel] = hits.depth
        number, inside = np.full(size, -1, np.int32), np.zeros((*size, 3), np.float32)
        number.ravel()[hits.pixel] = hits.triangle
        inside.reshape(-1, 3)[hits.pixel] = hits.inside
        seg = np.zeros(size, np.uint8)
        seg.ravel()[hits.pixel] = self.labels(hits)
        return depth, seg, number, inside


_LABELLED = {
    1: "mouth", 2: "mouth", 3: "mouth", 4: "mouth", 5: "skin", kinds.EYE_RIGHT: "r_eye",
    kinds.EYE_LEFT: "l_eye", kinds.CARUNCLE: "skin", kinds.CLOTHES: "cloth",
    kinds.FRAMES: "eye_g", kinds.LENSES: "eye_g", kinds.HAIR: "hair", kinds.MASK: "cloth",
    kinds.HAT: "hat", kinds.SCARF: "cloth",
}  # fmt: skip


def labels(actor: Actor, hits: Hits, places: Floats) -> NDArray[np.uint8]:
    """Label of each hit, of mien.synth.skin.paint.LABELS."""
    kind = actor.kind[hits.triangle]
    out = nearest(actor.skin.labels, places)
    ear = (np.abs(places[:, 0]) > 67) & (places[:, 1] < 16) & (np.abs(places[:, 2]) < 26)
    ear &= places[:, 1] > -52
    out[ear & (places[:, 0] > 0)] = NUMBER["l_ear"]
    out[ear & (places[:, 0] < 0)] = NUMBER["r_ear"]
    names = np.arange(256, dtype=np.uint8)
    for number, name in _LABELLED.items():
        names[number] = NUMBER[name]
    other = kind != SKIN
    out[other] = names[kind[other]]
    return out


def seen_points(flat: Doubles, depth: Floats, slack: float = 4.0) -> NDArray[np.bool_]:
    """Which points, (N, 3) x, y, depth, lie at most `slack` mm behind the drawn surface."""
    if depth.size == 0:
        return np.zeros(len(flat), bool)
    height, width = depth.shape
    column, row = np.floor(flat[:, 0]).astype(int), np.floor(flat[:, 1]).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    drawn = depth[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return np.asarray(inside & ~(flat[:, 2] > drawn + slack))


def _nothing() -> tuple[Floats, NDArray[np.uint8], NDArray[np.int32], Floats]:
    return (
        np.zeros((0, 0), np.float32),
        np.zeros((0, 0), np.uint8),
        np.zeros((0, 0), np.int32),
        np.zeros((0, 0, 3), np.float32),
    )


def blood(scene: Scene, strength: Floats) -> Floats:
    """Factor of the pulse on the light of skin, (..., 3).

    Args:
        scene: with the pulse.
        strength: (..., 1) blood in each place of the skin.

    Source: relative pulse amplitudes of a camera's channels, de Haan and van Leest, 2014.
    """
    wave = scene.pulse * scene.pulse_depth
    return 1 + wave * strength * np.array([0.33, 0.77, 0.53], np.float32)


def half(picture: Floats) -> Floats:
    """Means of 2 x 2 pixels: (2H, 2W, K) to (H, W, K)."""
    mean = np.float32(0.25) * (
        (picture[::2, ::2] + picture[1::2, ::2]) + (picture[::2, 1::2] + picture[1::2, 1::2])
    )
    return mean.astype(np.float32)


def develop(linear: Floats, scene: Scene, rng: np.random.Generator) -> Pixels:
    """Exposure, white balance, defocus, noise and the sRGB curve: linear light to 8 bits."""
    out = linear * np.float32(scene.exposure) * np.array(scene.white, np.float32)
    if scene.defocus:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), scene.defocus), np.float32)
    out = np.maximum(out, 0)
    knee = np.float32(0.75)  # highlights roll off above it instead of being cut
    high = out > knee
    out[high] = knee + (1 - knee) * (1 - np.exp(-(out[high] - knee) / (1 - knee)))
    coded = np.where(out > 0.0031308, 1.055 * out ** np.float32(1 / 2.4) - 0.055, 12.92 * out) * 255
    if scene.noise:  # Poisson: grows with the root of the light; Gauss: what reading adds
        grain = rng.standard_normal(coded.shape).astype(np.float32)
        coded += scene.noise * grain * np.sqrt(0.35 + 1.3 * out)
    elif scene.pulse_depth:  # without noise, rounding would remove the pulse
        coded += rng.uniform(-0.5, 0.5, coded.shape).astype(np.float32)
    return np.asarray(np.clip(np.rint(coded), 0, 255), np.uint8)
