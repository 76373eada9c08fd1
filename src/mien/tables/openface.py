"""Export to and import from the columns, units and signs of OpenFace 2.2.

Source: CSV writer of OpenFace 2.2 (RecorderCSV.cpp, RotationHelpers.h, GazeEstimation.cpp), and a
table that it wrote (tests/tables/test_openface.py): camera axes x right, y down, z away, as here;
`pose_R` are the angles of R = Rx Ry Rz in radians, so that a head turned up has a negative
`pose_Rx` and one turned to image left a positive `pose_Ry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mien.geometry import angles, rotation
from mien.tables.engines import pandas
from mien.types import Doubles

if TYPE_CHECKING:
    import pandas as pd

    from mien.tables.contents import TableData

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
KEYS = ("frame", "face_id", "timestamp", "confidence", "success")
PICTURE_KEYS = ("face", "confidence")  # of an image
SIDES = ("left", "right")  # OpenFace's eye 0 is the left one in the image
# mm from the point between the eyes, the origin of our position, to the origin of OpenFace's head.
# The offset aligns the 51 inner points of the mean face with those of the table in the tests.
ORIGIN = np.array([0.0, 33.7, -9.8])


def names(*, picture: bool = False) -> list[str]:
    """Return all columns in order: 714 for a film, 711 for an image."""
    found = list(PICTURE_KEYS if picture else KEYS)
    found += [f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"]
    found += ["gaze_angle_x", "gaze_angle_y"]
    found += [f"eye_lmk_{axis}_{i}" for axis in "xyXYZ" for i in range(56)]
    found += [f"pose_T{axis}" for axis in "xyz"] + [f"pose_R{axis}" for axis in "xyz"]
    found += [f"{axis}_{i}" for axis in "xyXYZ" for i in range(68)]
    found += ["p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty"] + [f"p_{i}" for i in range(34)]
    found += [f"AU{unit:02d}_r" for unit in UNITS]
    return found + [f"AU{unit:02d}_c" for unit in sorted((*UNITS, 28))]


def as_openface(table: TableData, where: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows of one input in the format of OpenFace, and notes on the format.

    Values that mien does not compute are empty, never 0: eye points, shape parameters, `_c`
    that is undecided or has no calibrated probability, AU28, and all values of a face that was not
    measured.
    """
    pd = pandas()
    data = table.data[table.data["input"] == where].reset_index(drop=True)
    picture = bool(data["time"].isna().all())
    out: dict[str, Any] = {
        "frame": data["frame"] + 1,
        "face_id": data["track"],
        "face": data["track"],
        "timestamp": data["time"],
        "confidence": data["confidence"],
        "success": (data["reason"] == "ok").astype(int),
    }
    out |= _gaze(data) | _pose(data)
    for name in names(picture=picture):
        if name in data and name not in out:
            out[name] = data[name]
        probability = f"{name.removesuffix('_c')}_p"
        if name.endswith("_c") and name not in data and probability in data:
            values = data[probability].astype(float)
            out[name] = (values > 0.5).astype(float).where(values.notna())
    gone = pd.Series(np.nan, index=data.index)
    frame = pd.DataFrame({name: out.get(name, gone) for name in names(picture=picture)})
    return frame.round(6), ABOUT


def _gaze(data: pd.DataFrame) -> dict[str, Any]:
    """Return unit vectors of both eyes, and the angles of their mean, rad."""
    found: dict[str, Any] = {}
    vectors = []
    for eye, side in enumerate(SIDES):
        a, b = (_radians(data, f"gaze_{angle}_{side}") for angle in ("yaw", "pitch"))
        vector = np.stack([np.sin(a), -np.sin(b) * np.cos(a), -np.cos(b) * np.cos(a)], axis=1)
        found |= {f"gaze_{eye}_{axis}": vector[:, i] for i, axis in enumerate("xyz")}
        vectors.append(vector)
    middle = (vectors[0] + vectors[1]) / 2
    found["gaze_angle_x"] = np.arctan2(middle[:, 0], -middle[:, 2])
    found["gaze_angle_y"] = np.arctan2(middle[:, 1], -middle[:, 2])
    return found


def _pose(data: pd.DataFrame) -> dict[str, Any]:
    """Return position (mm) and angles (rad)."""
    turns = turns_of(data)
    if turns is None:
        return {}
    place = data[["x", "y", "z"]].to_numpy(float) + turns @ ORIGIN
    found = {f"pose_T{axis}": place[:, i] for i, axis in enumerate("xyz")}
    found["pose_Rx"] = np.arctan2(-turns[:, 1, 2], turns[:, 2, 2])
    found["pose_Ry"] = np.arcsin(np.clip(turns[:, 0, 2], -1, 1))
    found["pose_Rz"] = np.arctan2(-turns[:, 0, 1], turns[:, 0, 0])
    return found


def turns_of(data: pd.DataFrame) -> Doubles | None:
    """Return head rotations (N, 3, 3), NaN where missing; None without angles."""
    if not {"yaw", "pitch", "roll"} <= set(data.columns):
        return None
    values = data[["yaw", "pitch", "roll"]].to_numpy(float)
    return np.array([rotation(*row) for row in values]).reshape(-1, 3, 3)


def ours(data: pd.DataFrame) -> dict[str, Any]:
    """Convert pose and gaze of OpenFace to the names, units and signs of mien."""
    found: dict[str, Any] = {}
    if {"pose_Rx", "pose_Tx"} <= set(data.columns):
        turns = np.array([_turn(*row) for row in data[[f"pose_R{a}" for a in "xyz"]].to_numpy()])
        turns = turns.reshape(-1, 3, 3)
        ways = np.array([angles(turn) for turn in turns]).reshape(-1, 3)
        place = data[[f"pose_T{a}" for a in "xyz"]].to_numpy(float) - turns @ ORIGIN
        found |= dict(zip(("yaw", "pitch", "roll"), ways.T, strict=True))
        found |= dict(zip("xyz", place.T, strict=True))
    for eye, side in enumerate(SIDES):
        if f"gaze_{eye}_x" in data:
            x, y, z = (data[f"gaze_{eye}_{axis}"].to_numpy(float) for axis in "xyz")
            length = np.sqrt(x**2 + y**2 + z**2)
            with np.errstate(invalid="ignore", divide="ignore"):
                found[f"gaze_yaw_{side}"] = np.degrees(np.arcsin(np.clip(x / length, -1, 1)))
            found[f"gaze_pitch_{side}"] = np.degrees(np.arctan2(-y, -z))
    return found


def _turn(x: float, y: float, z: float) -> Doubles:
    """Return Rx Ry Rz of three angles in rad."""
    (a, b, c), (d, e, f) = np.cos([x, y, z]), np.sin([x, y, z])
    about_x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    about_y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    matrix: Doubles = about_x @ about_y @ about_z
    return matrix


def _radians(data: pd.DataFrame, name: str) -> Doubles:
    if name not in data:
        return np.full(len(data), np.nan)
    values: Doubles = np.radians(data[name].to_numpy(float))
    return values


ABOUT: dict[str, Any] = {
    "format": "OpenFace 2.2",
    "conventions": {
        "frame": "from 1",
        "timestamp": "s, from the timestamps of the container",
        "confidence": "presence of the mesh network",
        "success": "1 if the face was measured; otherwise the other columns are empty",
        "gaze_0, gaze_1": "unit vectors, camera axes; eye 0 is the left one in the image",
        "gaze_angle": "rad, of the mean of both vectors",
        "pose_T": "mm, of the origin of OpenFace's head; for a head of mean size",
        "pose_R": "rad, R = Rx Ry Rz; zero pitch is that of mien's mean face, about 5 degrees off",
        "x_, y_": "px; points of the mesh for the 68",
        "X_, Y_, Z_": "mm, camera axes",
        "AU_r": "0 to 5",
        "AU_c": "1 or 0 as a head decides, empty if it is undecided; without a head, 1 if a "
        "calibrated probability is above 0.5",
        "empty": "eye_lmk, p_ and AU28 are not computed; missing is empty, never 0",
    },
}
