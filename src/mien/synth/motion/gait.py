"""Stances over time: walking, and a few gestures of the arms."""

from collections.abc import Callable

import numpy as np

from mien.errors import MienError
from mien.synth.figure.skeleton import Arm, Leg, Stance
from mien.synth.motion.timeline import smooth

STRIDE = 1350.0  # mm that a walking person advances in two steps
OPEN, FIST = (0.05,) * 5, (0.9, 1.0, 1.0, 1.0, 1.0)
POINT = (0.6, 0.0, 1.0, 1.0, 1.0)
RAISED = Arm(raised=75, ahead=25, elbow=115, bend=90, palm=0, curl=OPEN)


def walking(phase: float) -> Stance:
    """A moment of a walk.

    Args:
        phase: strides since the left leg passed the right one to the front; 1: two steps.

    Source: ranges of hip (-10 to 30), knee (0 to 60) and arm in level walking, Perry, 1992.
    """
    legs, arms = [], []
    for start in (0.0, 0.5):
        turn = 2 * np.pi * (phase + start)
        swing = 10 + 20 * np.sin(turn)
        bent = 4 + 52 * max(0.0, float(np.cos(turn))) ** 1.5  # while the leg comes to the front
        legs.append(Leg(float(swing), float(bent)))
        back = -18 * np.sin(turn)  # an arm swings against its leg
        arms.append(Arm(raised=float(abs(back) + 6), ahead=float(np.sign(back) * 80), elbow=22))
    return Stance((arms[0], arms[1]), (legs[0], legs[1]))


def _wave(share: float) -> Arm:
    swing = 25 * np.sin(2 * np.pi * 3 * share)
    return Arm(RAISED.raised, RAISED.ahead, RAISED.elbow - 10 + float(swing), 90, 0, OPEN)


def _raise(share: float) -> Arm:
    return Arm(raised=165, ahead=20, elbow=15, bend=90, palm=0, curl=OPEN)


def _point(share: float) -> Arm:
    return Arm(raised=85, ahead=55, elbow=8, bend=90, palm=90, curl=POINT)


def _fist(share: float) -> Arm:
    return Arm(RAISED.raised, RAISED.ahead, RAISED.elbow, 90, 0, FIST)


# Of each gesture: the arm at a share of its time, 0 to 1.
GESTURES: dict[str, Callable[[float], Arm]] = {
    "wave": _wave, "raise": _raise, "point": _point, "fist": _fist,
}  # fmt: skip


def gesture(name: str, time: float, start: float, end: float, *, left: bool = False) -> Stance:
    """A moment of a gesture of one arm, which rises and falls within its first and last third.

    Args:
        name: of GESTURES.
        time: seconds.
        start: of the gesture, seconds.
        end: of it, seconds.
        left: whether it is made with the subject's left hand.

    Raises:
        MienError: unknown gesture, or its end is not after its start.
    """
    if name not in GESTURES:
        raise MienError(f"There is no gesture '{name}'; there are {', '.join(GESTURES)}.")
    if not end > start:
        raise MienError(f"A gesture ends after it starts, not at {end:g} s after {start:g} s.")
    share = (time - start) / (end - start)
    arm = between(Arm(), GESTURES[name](share), smooth(3 * min(share, 1 - share)))
    return Stance((arm, Arm()) if left else (Arm(), arm))


def between(one: Arm, other: Arm, share: float) -> Arm:
    """An arm between two others: 0 the first, 1 the second."""
    share = min(max(share, 0.0), 1.0)

    def mixed(a: float, b: float) -> float:
        return a + share * (b - a)

    return Arm(
        mixed(one.raised, other.raised), mixed(one.ahead, other.ahead),
        mixed(one.elbow, other.elbow), mixed(one.bend, other.bend), mixed(one.palm, other.palm),
        tuple(mixed(a, b) for a, b in zip(one.curl, other.curl, strict=True)),
    )  # fmt: skip
