"""A furnished room around people: walls, floor, window, pictures, shelves and seats, with depth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.synth.render.backdrop import GREY
from mien.synth.render.camera import Camera, project
from mien.synth.render.light import Light, basis
from mien.types import Doubles, Floats

FLOOR, CEILING = -1600.0, 950.0  # mm, heights; eyes of people who stand are at about 0
WALL, BOARDS, CARPET, PLASTER, WOOD, CLOTH, GLASS, PICTURE, WHITE = range(9)  # materials
SOFT = 1.1  # px of 640: blur of a room that is nearly in focus, as small cameras see it
PORTRAIT = 6.0  # the same behind a portrait
Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Block:
    """A box with upright sides, in mm."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    material: int
    colour: Colour


@dataclass(frozen=True, slots=True)
class Room:
    """The four walls, and what stands in the room."""

    left: float = -2200.0  # mm, x
    right: float = 2200.0
    back: float = -2600.0  # z of the wall that the camera sees
    wall: Colour = (0.6, 0.57, 0.5)  # linear albedo
    floor: Colour = (0.30, 0.20, 0.12)
    boards: bool = True  # floor of boards, else carpet
    blocks: tuple[Block, ...] = field(default_factory=tuple)


@lru_cache(maxsize=8)
def random_room(seed: int) -> Room:
    """A room of a home or an office; the same seed gives the same one."""
    rng = np.random.default_rng([seed, 67])
    warm = np.array([1.0, rng.uniform(0.9, 1.0), rng.uniform(0.75, 1.02)])
    wall = rng.uniform(0.35, 0.72) * warm * rng.uniform(0.9, 1.05, 3)
    wood = rng.uniform(0.12, 0.5) * np.array([1.0, 0.68, 0.42])
    left, right = -rng.uniform(1700, 2600), rng.uniform(1700, 2600)
    back = -rng.uniform(2300, 3300)
    room = Room(left, right, back, _rgb(wall), _rgb(wood), bool(rng.random() < 0.6))
    blocks = [
        *_window(rng, room), *_pictures(rng, room), *_shelf(rng, room, wood), *_seat(rng, room),
    ]  # fmt: skip
    for x, side in ((left, 1), (right, -1)):  # skirting
        blocks.append(_block((x, FLOOR, back), (x + side * 14, FLOOR + 90, 900), WHITE, 0.7))
    blocks.append(_block((left, FLOOR, back), (right, FLOOR + 90, back + 14), WHITE, 0.7))
    return Room(left, right, back, room.wall, room.floor, room.boards, tuple(blocks))


@lru_cache(maxsize=4)  # all frames of a film share it
def room_picture(
    room: Room, camera: Camera, light: Light, soft: float = SOFT
) -> tuple[Floats, Doubles]:
    """The empty room as a camera sees it, without the distortion of its lens.

    Args:
        room: where the camera is.
        camera: it stands at z = `distance` and sees along -z.
        light: on the room.
        soft: blur in px of a picture of 640 px.

    Returns:
        (2H, 2W, 3) linear light and (2H, 2W) depth in mm.
    """
    rays = _rays(camera)
    eye = np.array([*camera.centre, camera.distance])
    depth, normal, material, colour = _walls(room, rays, eye)
    for block in room.blocks:
        _hit(block, camera, rays, eye, depth, normal, material, colour)
    place = eye + rays * depth[..., None]
    albedo = colour * _pattern(material, place)[..., None]
    level = _level(normal, light) * _corner(room, place)[..., None]
    level[material == GLASS] = 2.2 * np.array(light.sky)
    out = np.asarray(albedo * level, np.float32)
    blur = soft * 2 * max(camera.size) / 640
    return np.asarray(cv2.GaussianBlur(out, (0, 0), blur), np.float32), depth


def behind_portrait(seed: int, camera: Camera, light: Light, albedo: float) -> Floats:
    """(2H, 2W, 3) linear light of a room out of focus; exposed for a face as `backdrop` is."""
    soft, _ = room_picture(random_room(seed), camera, light, PORTRAIT)
    return np.asarray(soft * np.float32(albedo / GREY), np.float32)


def shade_floor(
    light: Floats, depth: Doubles, camera: Camera, spots: Sequence[tuple[float, float]]
) -> Floats:
    """The picture of a room with the soft shadows of people on its floor.

    Args:
        light: (2H, 2W, 3) of the room.
        depth: (2H, 2W) mm.
        camera: that sees it.
        spots: x and z of where they stand, mm.
    """
    out, rays = light.copy(), _rays(camera)
    low = np.abs(camera.centre[1] + rays[..., 1] * depth - FLOOR) < 2
    far = depth[low]
    x, z = camera.centre[0] + rays[low][:, 0] * far, camera.distance - far
    share = np.ones(len(far))
    for a, b in spots:
        share *= 1 - 0.55 * np.exp(-(((x - a) / 260) ** 2 + ((z - b) / 200) ** 2))
    out[low] *= share[:, None].astype(np.float32)
    return out


def _rays(camera: Camera) -> Doubles:
    """(2H, 2W, 3) ways of light that go 1 mm along the optical axis, at the centres of samples."""
    height, width = camera.size
    left, top, right, bottom = camera.zoom or (0.0, 0.0, width, height)
    x = left + (np.arange(2 * width) + 0.5) / (2 * width) * (right - left)
    y = top + (np.arange(2 * height) + 0.5) / (2 * height) * (bottom - top)
    x, y = (x - width / 2) / camera.focal_px, (y - height / 2) / camera.focal_px
    out = np.full((2 * height, 2 * width, 3), -1.0)
    out[..., 0], out[..., 1] = x[None], -y[:, None]
    return out


def _walls(
    room: Room, rays: Doubles, eye: Doubles
) -> tuple[Doubles, Doubles, NDArray[np.uint8], Doubles]:
    """Depth, normal, material and colour of the walls, floor and ceiling at each sample."""
    shape = rays.shape[:2]
    depth = np.full(shape, eye[2] - room.back)
    normal = np.zeros((*shape, 3))
    normal[..., 2] = 1
    material = np.full(shape, WALL, np.uint8)
    colour = np.empty((*shape, 3))
    colour[:] = room.wall
    planes = (
        (0, room.left, WALL, room.wall), (0, room.right, WALL, room.wall),
        (1, FLOOR, BOARDS if room.boards else CARPET, room.floor),
        (1, CEILING, PLASTER, (0.75, 0.74, 0.72)),
    )  # fmt: skip
    for axis, at, kind, tint in planes:
        with np.errstate(divide="ignore"):
            far = (at - eye[axis]) / rays[..., axis]
        here = (far > 0) & (far < depth)
        depth[here], material[here], colour[here] = far[here], kind, tint
        normal[here] = 0
        normal[here, axis] = np.sign(eye[axis] - at)
    return depth, normal, material, colour


def _hit(
    block: Block, camera: Camera, rays: Doubles, eye: Doubles, depth: Doubles, normal: Doubles,
    material: NDArray[np.uint8], colour: Doubles,
) -> None:  # fmt: skip
    """Draw a block where it is nearer."""
    low, high = np.array(block.low), np.array(block.high)
    corners = np.array([[(low, high)[(k >> a) & 1][a] for a in range(3)] for k in range(8)])
    if (camera.distance - corners[:, 2]).min() < 1:
        return  # beside or behind the camera
    flat = project(corners, camera)[:, :2] * 2
    x0, y0 = np.clip(np.floor(flat.min(0)).astype(int), 0, [*rays.shape[1::-1]])
    x1, y1 = np.clip(np.ceil(flat.max(0)).astype(int) + 1, 0, [*rays.shape[1::-1]])
    part = slice(int(y0), int(y1)), slice(int(x0), int(x1))
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = (low - eye) / rays[part], (high - eye) / rays[part]
    into, out = np.fmin(first, last), np.fmax(first, last)
    axis, near = into.argmax(-1), into.max(-1)
    here = (near < out.min(-1)) & (near > 0) & (near < depth[part])
    depth[part][here], material[part][here], colour[part][here] = (
        near[here], block.material, block.colour,
    )  # fmt: skip
    facing = np.eye(3)[axis] * -np.sign(np.take_along_axis(rays[part], axis[..., None], -1))
    normal[part][here] = facing[here]


def _level(normal: Doubles, light: Light) -> Doubles:
    """(H, W, 3) light that falls on surfaces."""
    flat = normal.reshape(-1, 3).astype(np.float32)
    out = np.maximum(basis(flat) @ light.harmonics(), 0)
    for lamp in light.lamps:
        ahead = np.array(lamp.towards, float)
        ahead /= np.linalg.norm(ahead)
        out += 0.6 * np.maximum(flat @ ahead, 0)[:, None] * np.array(lamp.colour)
    return np.asarray(out.reshape(normal.shape), np.float64)


def _corner(room: Room, place: Doubles) -> Doubles:
    """Share of the light that reaches a place: less in corners."""
    x, y, z = np.moveaxis(place, -1, 0)
    out = np.ones(x.shape)
    for apart in (x - room.left, room.right - x, y - FLOOR, CEILING - y, z - room.back):
        out *= 1 - 0.22 * np.exp(-np.maximum(apart, 0) / 260)
    return out / (1 - 0.22)  # every surface lies on one of these planes, or near it


def _pattern(material: NDArray[np.uint8], place: Doubles) -> Doubles:
    """Factor on the colour: boards, grain and weave."""
    x, y, z = np.moveaxis(place, -1, 0)
    out = np.ones(x.shape)
    row = np.floor(x / 145)
    board = np.floor((z + 577 * row) / 1250)
    shade = np.modf(np.abs(np.sin(row * 12.9898 + board * 78.233)) * 43758.5453)[0]
    seam = (np.abs(x / 145 - row) < 0.02) | (np.abs((z + 577 * row) / 1250 - board) < 0.003)
    grain = 0.05 * np.sin(x / 3.1 + 2 * np.sin(z / 170 + row))
    floor = material == BOARDS
    out[floor] = (0.8 + 0.4 * shade + grain)[floor] * np.where(seam[floor], 0.55, 1)
    wood = material == WOOD
    out[wood] = (1 + 0.10 * np.sin(y / 7 + 3 * np.sin(x / 130)))[wood]
    cloth = (material == CLOTH) | (material == CARPET)
    out[cloth] = (1 + 0.10 * np.sin(x / 2.3) * np.sin((y + z) / 2.3))[cloth]
    paint = material == PICTURE
    blots = np.sin(x / 61 + 2 * np.sin(y / 83)) + np.sin(y / 47 + 2 * np.sin(x / 71))
    out[paint] = (0.75 + 0.3 * blots)[paint].clip(0.15, 1.4)
    return out


def _window(rng: np.random.Generator, room: Room) -> list[Block]:
    """A window with a frame and curtains, in the wall that the camera sees."""
    wide, tall = rng.uniform(800, 1400), rng.uniform(900, 1300)
    x = rng.uniform(room.left + 250, room.right - 250 - wide)
    y, z = rng.uniform(-750, -450), room.back
    cloth = _dull(rng, 0.2, 0.7)
    out = [
        _block((x - 60, y - 60, z), (x + wide + 60, y + tall + 60, z + 25), WHITE, 0.7),
        _block((x - 110, y - 95, z), (x + wide + 110, y - 60, z + 140), WHITE, 0.7),
    ]
    panes = 2 if wide < 1100 else 3
    for k in range(panes):
        a = x + wide * k / panes
        b = x + wide * (k + 1) / panes
        out.append(_block((a + 25, y + 25, z), (b - 25, y + tall - 25, z + 30), GLASS, 1.0))
    for side in (-1, 1):
        at = x + wide / 2 + side * (wide / 2 + 60)
        for fold in range(6):  # a curtain hangs in folds
            a, deep = at + side * fold * 45, 50 + 35 * (fold % 2)
            ends = sorted((a, a + side * 45))
            out.append(
                _block((ends[0], FLOOR + 30, z), (ends[1], y + tall + 130, z + deep), CLOTH,
                       cloth * (0.8 + 0.2 * (fold % 2)))
            )  # fmt: skip
    return out


def _pictures(rng: np.random.Generator, room: Room) -> list[Block]:
    out = []
    for _ in range(int(rng.integers(1, 4))):
        wide, tall = rng.uniform(250, 700, 2)
        x, y = rng.uniform(room.left + 100, room.right - 100 - wide), rng.uniform(-300, 250)
        frame, z = rng.uniform(0.02, 0.4), room.back
        out.append(_block((x, y, z), (x + wide, y + tall, z + 18), WOOD, frame))
        out.append(
            _block((x + 30, y + 30, z), (x + wide - 30, y + tall - 30, z + 20), PICTURE,
                   rng.uniform(0.1, 0.7, 3))
        )  # fmt: skip
    return out


def _shelf(rng: np.random.Generator, room: Room, wood: Doubles) -> list[Block]:
    """A shelf with books against the wall at one side."""
    wide, deep = rng.uniform(700, 1100), 300.0
    left = rng.random() < 0.5
    x = room.left + 20 if left else room.right - 20 - wide
    z, top = room.back, rng.uniform(-100, 500)
    levels = np.arange(FLOOR + 90, top, 340)
    out = [
        _block((x, FLOOR, z), (x + wide, top, z + 20), WOOD, wood * 0.6),
        _block((x, FLOOR, z), (x + 22, top, z + deep), WOOD, wood),
        _block((x + wide - 22, FLOOR, z), (x + wide, top, z + deep), WOOD, wood),
    ]
    for y in [*levels, top]:
        out.append(_block((x, y - 22, z), (x + wide, y, z + deep), WOOD, wood))
    for y in levels:
        at = x + 25
        while at < x + wide - 90 and rng.random() < 0.95:
            thick, tall = rng.uniform(18, 60), rng.uniform(170, 290)
            back = z + rng.uniform(150, 230)
            out.append(
                _block((at, y, z), (at + thick, y + tall, back), CLOTH, _dull(rng, 0.03, 0.45))
            )
            at += thick + 1
    return out


def _seat(rng: np.random.Generator, room: Room) -> list[Block]:
    """A sofa, or a table with something on it, in front of the wall."""
    wide = rng.uniform(1200, 1900)
    x = rng.uniform(room.left + 50, room.right - 50 - wide)
    z, colour = room.back + rng.uniform(150, 500), _dull(rng, 0.05, 0.5)
    if rng.random() < 0.6:
        arms = [
            _block((a, FLOOR, z), (a + 160, FLOOR + 620, z + 850), CLOTH, colour * 0.9)
            for a in (x, x + wide - 160)
        ]
        seats = _block(
            (x + 160, FLOOR + 60, z), (x + wide - 160, FLOOR + 430, z + 850), CLOTH, colour
        )
        back = _block((x, FLOOR, z), (x + wide, FLOOR + 860, z + 220), CLOTH, colour)
        return [*arms, seats, back]
    wood = colour.mean() * np.array([1.2, 0.85, 0.55])
    top = _block((x, FLOOR + 710, z), (x + wide, FLOOR + 745, z + 700), WOOD, wood)
    legs = [
        _block((a, FLOOR, b), (a + 60, FLOOR + 710, b + 60), WOOD, wood * 0.8)
        for a in (x + 40, x + wide - 100)
        for b in (z + 40, z + 600)
    ]
    at = rng.uniform(x + 150, x + wide - 350)
    screen = _block((at, FLOOR + 800, z + 200), (at + 520, FLOOR + 1110, z + 225), PICTURE, 0.03)
    stand = _block((at + 220, FLOOR + 745, z + 180), (at + 300, FLOOR + 800, z + 260), WHITE, 0.1)
    return [top, *legs, screen, stand]


def _block(
    one: tuple[float, float, float], other: tuple[float, float, float], material: int,
    colour: float | Doubles,
) -> Block:  # fmt: skip
    low, high = np.minimum(one, other), np.maximum(one, other)
    return Block(_rgb(low), _rgb(high), material, _rgb(np.broadcast_to(colour, 3)))


def _dull(rng: np.random.Generator, low: float, high: float) -> Doubles:
    """A colour of dyed cloth or paper: less than half as strong as paint can be."""
    colour = rng.uniform(low, high, 3)
    return np.asarray(0.6 * colour.mean() + 0.4 * colour)


def _rgb(values: NDArray[np.floating]) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return a, b, c
