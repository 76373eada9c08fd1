"""Joints of a body and of both hands from the angles of a stance.

Model space as everywhere in mien.synth: mm, x to the subject's left, y up, z out of the face, the
origin at the nasion. Bones have fixed lengths, so joints follow from angles alone.
"""

from dataclasses import dataclass, field

import numpy as np

from mien.errors import MienError
from mien.types import Doubles

# Lengths in mm of a person whose eyes are 1.6 m above the floor. Source: shares of body height of
# Drillis and Contini, 1966, at 1.72 m, rounded.
SHOULDER, HIP = np.array([178.0, -262.0, -28.0]), np.array([92.0, -742.0, -28.0])
UPPER_ARM, FOREARM, THIGH, SHANK = 300.0, 255.0, 420.0, 405.0
FOOT, HEEL, SOLE = 185.0, 55.0, 60.0  # ankle to toe, ankle to heel, ankle above the floor
LEFT, RIGHT = 1.0, -1.0  # sides of the subject
SIDES = (LEFT, RIGHT)
FINGERS = ("thumb", "index", "middle", "ring", "little")
# Of each finger: place of its first joint from the wrist, along and across the palm (positive: to
# the thumb), then the lengths of three bones, mm. Source: Buryanov and Kotiuk, 2010, rounded.
PALM = {
    "thumb": (28.0, 30.0, 40.0, 32.0, 26.0), "index": (88.0, 27.0, 42.0, 26.0, 22.0),
    "middle": (90.0, 7.0, 46.0, 29.0, 23.0), "ring": (86.0, -13.0, 43.0, 28.0, 23.0),
    "little": (78.0, -32.0, 34.0, 20.0, 20.0),
}  # fmt: skip
DOWN, AHEAD = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Arm:
    """Angles of one arm, degrees."""

    raised: float = 8.0  # from hanging (0) to level (90) and overhead (180)
    ahead: float = 0.0  # where it is raised to: 0 sideways, 90 to the front, -90 behind
    elbow: float = 12.0  # 0 straight
    bend: float = 0.0  # where the forearm goes: 0 to the front, 90 up, 180 behind, -90 down
    palm: float = 70.0  # 0: the palm faces the front; 90: the body, of a hanging arm
    curl: tuple[float, ...] = (0.2, 0.3, 0.3, 0.35, 0.4)  # of FINGERS: 0 stretched, 1 a fist


@dataclass(frozen=True, slots=True)
class Leg:
    """Angles of one leg, degrees."""

    swing: float = 0.0  # of the thigh, positive to the front
    knee: float = 0.0  # 0 straight


@dataclass(frozen=True, slots=True)
class Stance:
    """How a body stands: its left and its right side."""

    arms: tuple[Arm, Arm] = field(default_factory=lambda: (Arm(), Arm()))
    legs: tuple[Leg, Leg] = field(default_factory=lambda: (Leg(), Leg()))

    def __post_init__(self) -> None:
        angles = [
            v
            for arm in self.arms
            for v in (arm.raised, arm.ahead, arm.elbow, arm.bend, arm.palm, *arm.curl)
        ]
        angles += [v for leg in self.legs for v in (leg.swing, leg.knee)]
        if not np.isfinite(angles).all():
            raise MienError("A stance needs finite angles.")
        if any(len(arm.curl) != len(FINGERS) for arm in self.arms):
            raise MienError(f"A hand has {len(FINGERS)} fingers: curl needs as many values.")


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """Joints in mm; the first axis is the subject's side, left and right."""

    shoulder: Doubles  # (2, 3), and so are the next six
    elbow: Doubles
    wrist: Doubles
    hip: Doubles
    knee: Doubles
    ankle: Doubles
    heel: Doubles
    toe: Doubles
    hands: Doubles  # (2, 21, 3) the wrist, then four of each finger from the palm to the tip
    palm: Doubles  # (2, 3) unit, out of the palm

    @property
    def lowest(self) -> float:
        """Height of the soles, mm: that of the lower foot."""
        return float(min(self.heel[:, 1].min(), self.toe[:, 1].min()))


def skeleton(stance: Stance, legs: float = 1.0) -> Skeleton:
    """The joints of a stance, of a person whose face points along z.

    Args:
        stance: angles.
        legs: factor on the length of the legs, which makes people tall or small.
    """
    rows = [
        (*_arm(arm, side), *_leg(leg, side, legs))
        for side, arm, leg in zip(SIDES, stance.arms, stance.legs, strict=True)
    ]
    shoulder, elbow, wrist, hand, palm, hip, knee, ankle, heel, toe = (
        np.stack(column) for column in zip(*rows, strict=True)
    )
    return Skeleton(shoulder, elbow, wrist, hip, knee, ankle, heel, toe, hand, palm)


def body_points(head: Doubles, joints: Skeleton) -> Doubles:
    """(33, 3) joints in MediaPipe's order, as mien.body returns them.

    Args:
        head: (11, 3) nose, three of each eye, ears, corners of the mouth; left first.
        joints: of the body below.
    """
    rows = [joints.shoulder, joints.elbow, joints.wrist, joints.hands[:, 17], joints.hands[:, 5],
            joints.hands[:, 4], joints.hip, joints.knee, joints.ankle, joints.heel,
            joints.toe]  # fmt: skip
    return np.concatenate([head, *rows])


def _arm(arm: Arm, side: float) -> tuple[Doubles, ...]:
    raised, ahead, elbow, bend = np.radians([arm.raised, arm.ahead, arm.elbow, arm.bend])
    out = np.array([side * np.cos(ahead), 0, np.sin(ahead)])
    upper = np.sin(raised) * out + np.cos(raised) * DOWN
    towards = _square(np.cos(bend) * AHEAD - np.sin(bend) * DOWN, upper, out)
    fore = np.cos(elbow) * upper + np.sin(elbow) * towards
    first = SHOULDER * [side, 1, 1]
    second = first + UPPER_ARM * upper
    wrist = second + FOREARM * fore
    facing = _square(AHEAD, fore, out)
    across = side * np.cross(facing, fore)  # to the thumb
    turn = np.radians(arm.palm)
    palm = np.cos(turn) * facing - np.sin(turn) * across
    return first, second, wrist, _hand(wrist, fore, palm, side, arm.curl), palm


def _hand(
    wrist: Doubles, ahead: Doubles, palm: Doubles, side: float, curl: tuple[float, ...]
) -> Doubles:
    """(21, 3) joints; fingers bend towards the palm, the thumb across it."""
    across, joints = side * np.cross(palm, ahead), [wrist]
    for name, amount in zip(FINGERS, curl, strict=True):
        along, aside, *bones = PALM[name]
        place = wrist + along * ahead + aside * across
        joints.append(place)
        way, into = ahead, palm
        if name == "thumb":
            way = (0.75 * ahead + 0.66 * across) / np.hypot(0.75, 0.66)
            into = _square(0.5 * palm - across, way, palm)
        for number, bone in enumerate(bones):
            angle = np.radians((80 if name != "thumb" else 45) * amount * (number + 1))
            place = place + bone * (np.cos(angle) * way + np.sin(angle) * into)
            joints.append(place)
    return np.stack(joints)


def _leg(leg: Leg, side: float, scale: float) -> tuple[Doubles, ...]:
    swing, knee = np.radians([leg.swing, leg.knee])
    hip = HIP * [side, 1, 1]
    joint = hip + scale * THIGH * np.array([0, -np.cos(swing), np.sin(swing)])
    lean = swing - knee
    ankle = joint + scale * SHANK * np.array([0, -np.cos(lean), np.sin(lean)])
    tip = min(lean, 0.0) * 0.6  # the heel rises where the shank leans forward behind the body
    sole = np.array([0, -np.cos(tip), np.sin(tip)])
    front = np.array([0.12 * side, np.sin(tip), np.cos(tip)])
    heel = ankle + SOLE * sole - HEEL * front
    return hip, joint, ankle, heel, ankle + SOLE * sole + FOOT * front


def _square(way: Doubles, axis: Doubles, otherwise: Doubles) -> Doubles:
    """`way` made orthogonal to a unit axis, unit; `otherwise` if it is parallel to the axis."""
    for one in (way, otherwise, AHEAD, np.array([1.0, 0.0, 0.0])):
        rest = one - (one @ axis) * axis
        length = float(np.linalg.norm(rest))
        if length > 1e-6:
            return np.asarray(rest / length)
    raise AssertionError("two of three orthogonal ways are not parallel to the axis")
