"""What a mesh shows, as numbers: pose, gaze, lids, brows, mouth; left and right apart.

Left and right are as seen in the image. Everything but the pose is measured on the head turned
back to face the camera, so that turning the head or the camera changes it little.
"""

import numpy as np

from mien.geometry.poses import Camera, Pose
from mien.geometry.rotations import ahead, look_angles
from mien.landmarks import names
from mien.landmarks.poses import head_pose
from mien.types import Doubles, Floats

IOD = "inter-ocular distance"  # of the middles of both eyes' corners, in space
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
# Where the iris of an eye that looks straight ahead lies off the middle of its corners, and how
# far it moves with the sine of the angle: shares of the eye's width, to image right and down.
# Fitted on 879 faces of UTKFace, taken to look into the camera, against the pose of their heads.
# Up and down the network moves the iris a third as far as it should, so pitch is coarse.
REST = ((-0.032, -0.062), (0.032, -0.062))  # left and right eye
REACH = (0.31, -0.114)
CLOSED = 0.17  # aperture as a share of the eye's width: one open eye in a hundred is below


def measure(points: Floats, camera: Camera) -> dict[str, float]:
    """Measure one face.

    Args:
        points: (L, 3) px of the image, from `locate`; with 468 points there is no gaze.
        camera: that saw it; `Camera.of(height, width)` where nobody knows.

    Returns:
        A number for each name of UNITS; NaN where it cannot be told: gaze of a closed eye, or
        without irises. Gaze is where the eye looks, seen by the camera, as the head's angles are:
        yaw and pitch 0 is along the camera's axis. On rendered heads, whose truth is known, gaze
        yaw is off by 6 to 8 degrees if both eyes are averaged, pitch by 10 to 14
        (benchmarks/pose.py).

    Raises:
        ValueError: the points coincide or are not finite.
    """
    return measure_head(head_pose(points, camera))


def measure_head(pose: Pose) -> dict[str, float]:
    """As `measure`, of a head whose pose is known."""
    face = pose.points
    left, right = (face[list(corners)].mean(axis=0) for corners in names.EYE_CORNERS)
    unit = float(np.linalg.norm(right - left))
    found = {"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll}
    found |= dict(zip("xyz", pose.position.tolist(), strict=True))
    found |= _gaze(pose)
    parts = _eyes(face) | _cheeks(face) | _mouth(face)
    found |= {name: value / unit for name, value in parts.items()}
    return {name: float(found[name]) for name in UNITS}


def _gaze(pose: Pose) -> dict[str, float]:
    found: dict[str, float] = {}
    for side, corners, rest, iris, mirror in zip(
        SIDES, names.EYE_CORNERS, REST, (names.LEFT_IRIS, names.RIGHT_IRIS), (0, 1), strict=True
    ):
        yaw = pitch = np.nan
        ends = pose.points[list(corners)]
        width = float(np.linalg.norm(ends[1] - ends[0]))
        if iris < len(pose.points) and _aperture(pose.points, mirror) > CLOSED * width:
            off = (pose.points[iris] - ends.mean(axis=0))[:2] / width
            sines = np.clip((off - rest) / REACH, -0.95, 0.95)
            turn = np.degrees(np.arcsin(sines))
            yaw, pitch = look_angles(pose.rotation @ ahead(turn[0], turn[1]))
        found |= {f"gaze_yaw_{side}": yaw, f"gaze_pitch_{side}": pitch}
    return found


def _eyes(face: Doubles) -> dict[str, float]:
    """Lids and brows, mm."""
    found = {}
    brows = (names.LEFT_BROW, names.RIGHT_BROW)
    for number, side in enumerate(SIDES):
        corners = face[list(names.EYE_CORNERS[number])]
        found[f"eye_aperture_{side}"] = _aperture(face, number)
        found[f"eye_width_{side}"] = float(np.linalg.norm(corners[1] - corners[0]))
        middle = corners[:, 1].mean()
        upper, lower = face[np.array(LIDS[number]), 1].mean(axis=0)
        found |= {f"lid_upper_{side}": middle - upper, f"lid_lower_{side}": middle - lower}
        outer, _, centre, _, inner = face[list(brows[number]), 1]
        for part, height in (("inner", inner), ("middle", centre), ("outer", outer)):
            found[f"brow_{part}_{side}"] = float(middle - height)
    found["brow_apart"] = float(np.linalg.norm(face[brows[1][-1]] - face[brows[0][-1]]))
    return found


def _cheeks(face: Doubles) -> dict[str, float]:
    """How far cheeks and wings of the nose are below the eyes, mm: less if they are raised."""
    found = {}
    for number, side in enumerate(SIDES):
        outer, inner = names.EYE_CORNERS[number][:: 1 - 2 * number]
        level = (face[outer, 1] + face[inner, 1]) / 2
        found[f"cheek_{side}"] = float(face[list(names.CHEEKS[number]), 1].mean() - level)
        found[f"nose_wing_{side}"] = float(face[names.NOSE_WINGS[number], 1] - face[inner, 1])
    return found


def _aperture(face: Doubles, number: int) -> float:
    """Mean distance of upper and lower lid of the left (0) or right (1) eye, mm."""
    pairs = np.array(LIDS[number])
    return float(np.linalg.norm(face[pairs[:, 0]] - face[pairs[:, 1]], axis=1).mean())


def _mouth(face: Doubles) -> dict[str, float]:
    """Lips and jaw, mm."""

    def apart(a: int, b: int) -> float:
        return float(np.linalg.norm(face[a] - face[b]))

    nose = face[2]  # below the nose, which neither smile nor speech moves much
    found = {
        "mouth_aperture": apart(13, 14),  # between the lips
        "mouth_width": apart(names.LEFT_MOUTH, names.RIGHT_MOUTH),
        "lip_upper": apart(0, 13),  # height of the red of the lip
        "lip_lower": apart(14, 17),
        "nose_to_lip": apart(2, 0),
        "nose_to_chin": apart(2, names.CHIN),
        "lip_to_chin": apart(17, 199),  # from below the red of the lip to the ball of the chin
    }
    middle = (face[13, 1] + face[14, 1]) / 2
    for side, corner in zip(SIDES, (names.LEFT_MOUTH, names.RIGHT_MOUTH), strict=True):
        found[f"mouth_lift_{side}"] = float(middle - face[corner, 1])  # above the middle: smile
        found[f"mouth_reach_{side}"] = float(abs(face[corner, 0] - nose[0]))
        found[f"mouth_depth_{side}"] = float(face[corner, 2] - nose[2])  # drawn back: dimples
    for side, upper, lower in zip(SIDES, names.UPPER_LIPS, names.LOWER_LIPS, strict=True):
        found[f"lip_top_{side}"] = float(face[list(upper), 1].mean() - nose[1])
        found[f"lip_bottom_{side}"] = float(face[list(lower), 1].mean() - nose[1])
    return found
