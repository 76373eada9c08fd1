"""Who stands where: random groups in a room, people who cross, walk and make gestures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mien.errors import MienError
from mien.synth.figure.skeleton import Stance
from mien.synth.head.actor import Actor
from mien.synth.head.model import HeadModel
from mien.synth.motion import controls, timeline
from mien.synth.motion.gait import GESTURES, STRIDE, gesture, walking
from mien.synth.motion.take import Take
from mien.synth.render.camera import Camera, Pose
from mien.synth.render.group import Member, Setting
from mien.synth.render.light import random_light
from mien.synth.skin.appearance import make_person

NEAR, FAR = 1150.0, 2650.0  # mm from the camera, of people who stand
MOST = 6  # people of a random group
APART = 0.75  # least distance of two faces in a picture, in widths of the nearer one
FACE = 150.0  # mm, width of a face
GAP = 450.0  # mm in depth between two people who cross
KINDS = ("standing", "crossing", "walking", "gestures")


class Standing(NamedTuple):
    """Where a person is at a moment."""

    x: float  # mm in the room
    z: float
    heading: float = 0.0  # degrees
    stance: Stance = Stance()


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """One person of a film."""

    identity: int  # seed of the person
    take: Take  # what the face and head do
    path: Callable[[float], Standing]  # of the time in seconds
    legs: float = 1.0
    action: str = "standing"  # or "crossing", "walking", the name of a gesture


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A film of several people; a picture of them is one moment of it."""

    roles: tuple[Role, ...]
    setting: Setting
    rate: float  # frames per second
    kind: str  # of KINDS

    @property
    def seconds(self) -> float:
        """Length of the film."""
        return self.roles[0].take.timeline.duration

    def setting_at(self, number: int) -> Setting:
        """The setting of a frame: each has its own noise."""
        return replace(self.setting, seed=(self.setting.seed * 100_003 + number) % (1 << 31))

    def cast(self, head: HeadModel) -> tuple[Actor, ...]:
        """Its people, prepared for rendering: about a second for each."""
        return tuple(Actor(head, make_person(role.identity, head)) for role in self.roles)


def random_group(
    seed: int,
    people: int,
    kind: str = "standing",
    *,
    size: tuple[int, int] = (540, 960),
    seconds: float = 3.0,
    rate: float = 25.0,
) -> Group:
    """A group in a furnished room; the same arguments give the same one.

    Args:
        seed: of people, places, light and room.
        people: 1 to 6; "crossing" needs two or more.
        kind: "standing"; "crossing": the first two walk past each other and meet in the middle
            of the film; "walking": the first one comes to the camera; "gestures": everybody
            makes one.
        size: height and width, px.
        seconds: length.
        rate: frames per second.

    Raises:
        MienError: an unknown kind, too few or too many people, or a film that is too short.
    """
    if kind not in KINDS:
        raise MienError(f"There is no group '{kind}'; there are {', '.join(KINDS)}.")
    least = 2 if kind == "crossing" else 1
    if not least <= people <= MOST:
        raise MienError(f"A group '{kind}' has {least} to {MOST} people, not {people}.")
    if not 0.1 <= seconds <= 600 or not 1 <= rate <= 200:
        raise MienError("A film of a group has 0.1 to 600 s at 1 to 200 frames per second.")
    rng = np.random.default_rng([seed, 151])
    camera = Camera(*size, distance=1800.0, focal=0.85, centre=(0.0, -120.0))
    setting = Setting(
        camera,
        random_light(rng),
        int(rng.integers(1 << 30)),
        float(np.exp(rng.normal(0.05, 0.12))),
        float(rng.uniform(0.3, 1.5)),
        seed,
    )
    makers = {"crossing": _crossing, "walking": _walking}
    paths = makers[kind](rng, camera, seconds) if kind in makers else []
    places = _places(rng, camera, people - len(paths), bool(paths))
    roles = []
    for number in range(people):
        action, path = "standing", None
        if number < len(paths):
            action, path = kind, paths[number]
        elif kind == "gestures":
            action = str(rng.choice(list(GESTURES)))
            path = _gesturing(
                action, places[number - len(paths)], seconds, bool(rng.random() < 0.5)
            )
        else:
            path = _staying(places[number - len(paths)])
        legs = float(rng.normal(1.0, 0.05))
        roles.append(Role(seed * 1009 + number, _take(rng, seconds, rate, seed + number), path,
                          legs, action))  # fmt: skip
    return Group(tuple(roles), setting, rate, kind)


def moment(group: Group, actors: Sequence[Actor], share: float = 0.5) -> list[Member]:
    """The people at a share of the time, 0 to 1, for a picture."""
    frames = len(group.roles[0].take.timeline.times(group.rate))
    number = min(int(share * frames), frames - 1)
    rows = [list(role.take.scenes())[number] for role in group.roles]
    return [
        member_at(role, actor, time, scene.weights, scene.pose)
        for role, actor, (time, scene) in zip(group.roles, actors, rows, strict=True)
    ]


def member_at(
    role: Role,
    actor: Actor,
    time: float,
    weights: Mapping[str, float],
    pose: Pose,
    viseme: str = "sil",
) -> Member:
    """A person of a film at a time."""
    at = role.path(time)
    return Member(actor, at.x, at.z, at.heading, weights, pose, at.stance, role.legs, viseme)


def _take(rng: np.random.Generator, seconds: float, rate: float, seed: int) -> Take:
    """Blinks, glances, small motions of the head, and an expression."""
    mood = list(controls.EMOTIONS)[int(rng.integers(len(controls.EMOTIONS)))]
    moves = timeline.blinks(rng, seconds)
    moves += timeline.macro(rng, controls.emotion(mood), min(0.4, seconds / 8))
    line = timeline.Timeline(
        seconds, tuple(moves), (), tuple(timeline.glances(rng, seconds)),
        timeline.motion(rng, seconds),
    )  # fmt: skip
    return Take(line, rate=rate, breath_depth=1.0, seed=seed)


def _places(rng: np.random.Generator, camera: Camera, people: int, behind: bool) -> list[Standing]:
    """Places at different depth, in which faces do not hide one another wholly."""
    near = FAR - 300.0 if behind else NEAR
    found: list[tuple[float, float]] = []
    for part in rng.permutation(people):
        for _ in range(200):
            depth = near + (FAR - near) * (part + rng.uniform(0, 1)) / people
            x = rng.uniform(-0.42, 0.42) * camera.width / camera.focal_px * depth
            if all(
                abs(x / depth - a / b) >= APART * FACE / min(depth, b) for a, b in found
            ):  # fmt: skip
                break
        found.append((x, depth))
    return [
        Standing(
            x, camera.distance - depth, float(rng.normal(-np.degrees(np.arctan(x / depth)), 10))
        )
        for x, depth in found
    ]


def _crossing(
    rng: np.random.Generator, camera: Camera, seconds: float
) -> list[Callable[[float], Standing]]:
    depth = float(rng.uniform(1350, 1650))
    sign = 1.0 if rng.random() < 0.5 else -1.0
    return [
        _along(depth + k * GAP, sign * (1 - 2 * k), camera, seconds, float(rng.random()))
        for k in range(2)
    ]


def _along(
    depth: float, sign: float, camera: Camera, seconds: float, phase: float
) -> Callable[[float], Standing]:
    """A walk across the picture, in its middle at half the time; the face turns to the camera."""
    reach = 0.40 * camera.width / camera.focal_px * depth

    def path(time: float) -> Standing:
        x = sign * reach * (2 * time / seconds - 1)
        return Standing(
            x, camera.distance - depth, sign * 35, walking(phase + abs(x - reach) / STRIDE)
        )

    return path


def _walking(
    rng: np.random.Generator, camera: Camera, seconds: float
) -> list[Callable[[float], Standing]]:
    """A walk to the camera."""
    start, side = float(rng.uniform(-250, 250)), float(rng.random())

    def path(time: float) -> Standing:
        gone = (FAR - NEAR) * time / seconds
        return Standing(start * (1 - time / seconds), camera.distance - FAR + gone, 0.0,
                        walking(side + gone / STRIDE))  # fmt: skip

    return [path]


def _gesturing(
    name: str, place: Standing, seconds: float, left: bool
) -> Callable[[float], Standing]:
    start, end = 0.1 * seconds, 0.9 * seconds
    return lambda time: place._replace(stance=gesture(name, time, start, end, left=left))


def _staying(place: Standing) -> Callable[[float], Standing]:
    return lambda time: place
