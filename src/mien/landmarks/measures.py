"""Measures of a mesh: pose, gaze, lids, brows, mouth; left and right separately.

Left and right are as seen in the image. Everything except the pose is measured on the head
rotated to the camera, so that rotations of head or camera change it little.
"""

from collections.abc import Sequence

import numpy as np

from mien.geometry.poses import Camera, Pose
from mien.geometry.rotations import ahead, gaze_angles
from mien.landmarks import names
from mien.landmarks.head_pose import head_pose
from mien.types import Doubles, Floats

IOD = "inter-ocular distance"  # between the midpoints of the corners of each eye, in space
SIDES = ("left", "right")
# Name -> unit, in the order of `measure`.
UNITS: dict[str, str] = {
    "yaw": "degree", "pitch": "degree", "roll": "degree",
    "x": "mm", "y": "mm", "z": "mm",
    **{f"gaze_{angle}_{side}": "degree" for side in SIDES for angle in ("yaw", "pitch")},
    **{f"eye_{what}_{side}": IOD for side in SIDES for what in ("aperture", "width")},
    **{f"lid_{part}_{side}": IOD for side in SIDES for part in ("upper", "lower")},
    **{f"brow_{part}_{side}": IOD for side in SIDES for part in ("inner", "middle", "outer")},
    **{f"cheek_{side}": IOD for side in SIDES}, **{f"nose_wing_{side}": IOD for side in SIDES},
    **{f"mouth_{what}_{side}": IOD for side in SIDES for what in ("lift", "reach", "depth")},
    **{f"lip_{part}_{side}": IOD for side in SIDES for part in ("top", "bottom")},
    "mouth_aperture": IOD, "mouth_width": IOD, "lip_upper": IOD, "lip_lower": IOD,
    "nose_to_lip": IOD, "nose_to_chin": IOD, "brow_apart": IOD, "lip_to_chin": IOD,
}  # fmt: skip
# Upper and lower lid, opposite each other, from the outer to the inner third of the eye.
LIDS = (((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380)))
BELOW_NOSE = 2  # smile and speech move it little
MOUTH = (names.LEFT_MOUTH, names.RIGHT_MOUTH)
# Name -> the two points of the distance.
PAIRS: dict[str, tuple[int, int]] = {
    **{f"eye_width_{side}": pair for side, pair in zip(SIDES, names.EYE_CORNERS, strict=True)},
    "brow_apart": (names.LEFT_BROW[-1], names.RIGHT_BROW[-1]),
    "mouth_aperture": (13, 14),  # between the lips
    "mouth_width": MOUTH,
    "lip_upper": (0, 13),  # height of the red of the lip
    "lip_lower": (14, 17),
    "nose_to_lip": (BELOW_NOSE, 0),
    "nose_to_chin": (BELOW_NOSE, names.CHIN),
    "lip_to_chin": (17, 199),  # from below the red of the lip to the ball of the chin
}
_FIRST, _SECOND = np.array([*LIDS[0], *LIDS[1], *PAIRS.values()]).T
# Offset of the iris of an eye that is directed straight ahead from the middle of its corners, and
# its displacement per sine of the angle: shares of the eye's width, to image right and down.
# Fitted by tools/fit_gaze.py on 4,781 eyes of UTKFace; rendered heads of ICT-FaceKit have the same
# displacement to the side (0.36). Vertically, errors of head pitch flatten the line (0.12), so that
# value is from those heads; the network moves the iris half as far as it should: pitch is coarse.
REST, REACH = (0.0, -0.059), (0.355, -0.17)
CLOSED = 0.13  # aperture as a share of the eye's width: 1 % of open eyes are below


def measure(points: Floats, camera: Camera) -> dict[str, float]:
    """Measure one face.

    Args:
        points: (L, 3) px of the image, from `fit_meshes`; with 468 points there is no gaze.
        camera: of the image; `Camera.of(height, width)` if unknown.

    Returns:
        A number for each name of UNITS; NaN if it is unknown: gaze of a closed eye, or without
        irises. Gaze is the direction of the eye relative to the camera, as the angles of the
        head are: yaw and pitch 0 is along the camera's axis. On rendered heads, whose truth is
        known, gaze yaw is off by 6 to 8 degrees if both eyes are averaged, pitch by 10 to 14
        (benchmarks/pose.py).

    Raises:
        ValueError: the points coincide or are not finite.
    """
    return measure_head(head_pose(points, camera))


def measure_head(pose: Pose) -> dict[str, float]:
    """Measure one face as `measure` does, with a known pose."""
    face = pose.points
    left, right = (face[list(corners)].mean(axis=0) for corners in names.EYE_CORNERS)
    unit = float(np.linalg.norm(right - left))
    apart = _apart(face)
    found = {"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll}
    found |= dict(zip("xyz", pose.position.tolist(), strict=True))
    found |= _gaze(pose, apart)
    heights: list[float] = face[:, 1].tolist()  # Python floats are faster for sums of few numbers
    parts = apart | _eyes(heights) | _cheeks(heights) | _mouth(heights) | _corners(face)
    found |= {name: value / unit for name, value in parts.items()}
    return {name: float(found[name]) for name in UNITS}


def _apart(face: Doubles) -> dict[str, float]:
    """Return distances of points and mean distances of lids, mm."""
    steps = np.linalg.norm(face[_FIRST] - face[_SECOND], axis=1).tolist()
    found = {f"eye_aperture_{s}": sum(steps[3 * i : 3 * i + 3]) / 3 for i, s in enumerate(SIDES)}
    return found | dict(zip(PAIRS, steps[6:], strict=True))


def _gaze(pose: Pose, apart: dict[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for side, corners, iris in zip(
        SIDES, names.EYE_CORNERS, (names.LEFT_IRIS, names.RIGHT_IRIS), strict=True
    ):
        yaw = pitch = np.nan
        width = apart[f"eye_width_{side}"]
        if iris < len(pose.points) and apart[f"eye_aperture_{side}"] > CLOSED * width:
            ends = pose.points[list(corners)]
            off = (pose.points[iris] - (ends[0] + ends[1]) / 2)[:2] / width
            sines = ((off - REST) / REACH).clip(-0.95, 0.95)
            turn = np.degrees(np.arcsin(sines))
            yaw, pitch = gaze_angles(pose.rotation @ ahead(turn[0], turn[1]))
        found |= {f"gaze_yaw_{side}": yaw, f"gaze_pitch_{side}": pitch}
    return found


def _eyes(height: list[float]) -> dict[str, float]:
    """Return heights of lids and brows above the eye corners, mm; the axis points down."""
    found: dict[str, float] = {}
    brows = (names.LEFT_BROW, names.RIGHT_BROW)
    for number, side in enumerate(SIDES):
        middle = _mean(height, names.EYE_CORNERS[number])
        upper, lower = (_mean(height, lid) for lid in zip(*LIDS[number], strict=True))
        found |= {f"lid_upper_{side}": middle - upper, f"lid_lower_{side}": middle - lower}
        for part, place in (("inner", 4), ("middle", 2), ("outer", 0)):
            found[f"brow_{part}_{side}"] = middle - height[brows[number][place]]
    return found


def _cheeks(height: list[float]) -> dict[str, float]:
    """Return distances of cheeks and nose wings below the eyes, mm: less if raised."""
    found = {}
    for number, side in enumerate(SIDES):
        corners = names.EYE_CORNERS[number]
        inner = corners[1 - number]
        found[f"cheek_{side}"] = _mean(height, names.CHEEKS[number]) - _mean(height, corners)
        found[f"nose_wing_{side}"] = height[names.NOSE_WINGS[number]] - height[inner]
    return found


def _mouth(height: list[float]) -> dict[str, float]:
    """Return the measures of the lips, mm."""
    found = {}
    nose = height[BELOW_NOSE]
    middle = _mean(height, (13, 14))
    for number, (side, corner) in enumerate(zip(SIDES, MOUTH, strict=True)):
        found[f"mouth_lift_{side}"] = middle - height[corner]  # above the middle: smile
        found[f"lip_top_{side}"] = _mean(height, names.UPPER_LIPS[number]) - nose
        found[f"lip_bottom_{side}"] = _mean(height, names.LOWER_LIPS[number]) - nose
    return found


def _corners(face: Doubles) -> dict[str, float]:
    """Return lateral distance and depth of the mouth corners from the nose, mm."""
    found: dict[str, float] = {}
    for side, (x, _, z) in zip(SIDES, (face[list(MOUTH)] - face[BELOW_NOSE]).tolist(), strict=True):
        found |= {f"mouth_reach_{side}": abs(x), f"mouth_depth_{side}": z}  # drawn back: dimples
    return found


def _mean(height: list[float], points: Sequence[int]) -> float:
    return sum(height[i] for i in points) / len(points)
