"""Liveness: whether a face is live or a presentation attack, with the head that says so.

A head is a clip head of the task "liveness" that needs frames; one picture is a clip of one frame.
"""

from mien.liveness.check import (
    ACTIONS,
    HEAD,
    POINT,
    Action,
    LivenessCheck,
    fuse,
    heads,
    open_check,
    with_motion,
)
from mien.liveness.companions import Companions, misplaced, read_companions
from mien.liveness.crops import cut_nearest, cut_square
from mien.liveness.minifasnet import MiniFasNet
from mien.liveness.motion import SIGNS, Motion, MotionRecorder

__all__ = [
    "ACTIONS",
    "HEAD",
    "POINT",
    "SIGNS",
    "Action",
    "Companions",
    "LivenessCheck",
    "MiniFasNet",
    "Motion",
    "MotionRecorder",
    "cut_nearest",
    "cut_square",
    "fuse",
    "heads",
    "misplaced",
    "open_check",
    "read_companions",
    "with_motion",
]
