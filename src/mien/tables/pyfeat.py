"""Export to the columns, units and signs of py-feat 2.1 (Fex).

Source: feat/ of the wheel 2.1.5. Angles are rad; pitch is positive up, yaw and roll positive to
the subject's right, which is image left: the opposite sign of mien. Its two detectors disagree
about the yaw of gaze; that of detector_v2 is used, positive to the subject's right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mien.tables.engines import pandas

if TYPE_CHECKING:
    import pandas as pd

    from mien.tables.contents import TableData

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
AFFECT = ("valence", "arousal")
# fmt: off
# The 52 of MediaPipe's blendshape network, in its order. mien does not compute them.
BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)
# fmt: on


def names() -> list[str]:
    """Return all 2,183 columns in order."""
    found = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    found += [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    found += ["Pitch", "Roll", "Yaw", "X", "Y", "Z"]
    found += [f"AU{unit:02d}" for unit in UNITS]
    found += [*EMOTIONS, *AFFECT, "gaze_pitch", "gaze_yaw", "gaze_angle"]
    found += ["Identity", *(f"Identity_{i}" for i in range(1, 513))]
    found += [f"mesh_{axis}_{i}" for axis in "xyz" for i in range(478)]
    return [*found, *BLENDSHAPES, "FrameHeight", "FrameWidth", "input", "frame", "approx_time"]


def as_pyfeat(table: TableData, where: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows of one input in the format of py-feat, and notes on the format."""
    pd = pandas()
    data = table.data[table.data["input"] == where].reset_index(drop=True)
    out: dict[str, Any] = {
        "FaceRectX": data["box_left"],
        "FaceRectY": data["box_top"],
        "FaceRectWidth": data["box_right"] - data["box_left"],
        "FaceRectHeight": data["box_bottom"] - data["box_top"],
        "FaceScore": data["confidence"],
        "Identity": table.who[table.data["input"] == where].reset_index(drop=True),
        "input": data["input"],
        "frame": data["frame"],
        "approx_time": [_clock(time) for time in data["time"]],
    }
    if "yaw" in data:
        for name, sign in (("pitch", 1), ("roll", -1), ("yaw", -1)):
            out[name.capitalize()] = sign * np.radians(data[name].to_numpy(float))
        out |= {axis.upper(): data[axis] for axis in "xyz"}
    out |= _gaze(data) | {
        f"AU{unit:02d}": data[f"AU{unit:02d}_p"]  # probabilities in py-feat
        for unit in UNITS
        if f"AU{unit:02d}_p" in data
    }
    out |= {name: data[f"expression_{name}"] for name in EMOTIONS if f"expression_{name}" in data}
    out |= {name: data[name] for name in AFFECT if name in data}
    sizes = table.recordings
    if len(sizes) and "height" in sizes:
        [row] = sizes[sizes["input"] == where][["height", "width"]].to_numpy()[:1]
        out |= {"FrameHeight": row[0], "FrameWidth": row[1]}
    gone = pd.Series(np.nan, index=data.index)
    every = {n: out.get(n, data[n] if n in data.columns else gone) for n in names()}
    return pd.DataFrame(every, index=data.index).round(6), ABOUT


def _gaze(data: pd.DataFrame) -> dict[str, Any]:
    """Return the mean gaze of both eyes, rad."""
    if "gaze_yaw_left" not in data:
        return {}
    yaw, pitch = (
        np.radians(data[[f"gaze_{angle}_left", f"gaze_{angle}_right"]].mean(axis=1, skipna=False))
        for angle in ("yaw", "pitch")
    )
    away = np.arccos(np.clip(np.cos(pitch) * np.cos(yaw), -1, 1))
    return {"gaze_pitch": pitch, "gaze_yaw": -yaw, "gaze_angle": away}


def _clock(seconds: float) -> str | None:
    """Format as MM:SS.mmm; py-feat omits milliseconds."""
    if np.isnan(seconds):
        return None
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes:02d}:{rest / 1000:06.3f}"


ABOUT: dict[str, Any] = {
    "format": "py-feat 2.1 (Fex)",
    "conventions": {
        "FaceRect": "px, around the mesh; not enlarged by 20 % as in py-feat",
        "FaceScore": "presence of the mesh network",
        "Pitch, Roll, Yaw": "rad; positive up, to the subject's right, to the subject's right",
        "X, Y, Z": "mm; right, down, away",
        "AU": "calibrated probability; empty without one. Intensities from 0 to 5 (`AU12_r`) "
        "are another scale, and are not in this file",
        "gaze": "rad; pitch up, yaw to the subject's right; angle from the camera's axis",
        "approx_time": "MM:SS.mmm from the timestamps of the container",
        "empty": "identity vectors, blendshapes, columns not requested; missing is empty",
    },
}
