"""Import of tables of other tools: names, units, signs, and zeros that mean missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.errors import MienError
from mien.tables import openface, pyfeat
from mien.tables.columns import KEYS, Column
from mien.tables.engines import pandas
from mien.tables.table import Table

if TYPE_CHECKING:
    import pandas as pd

IOD_FREE = {"yaw": "degree", "pitch": "degree", "roll": "degree", "x": "mm", "y": "mm", "z": "mm"}
POSES = ("yaw", "pitch", "roll", "x", "y", "z")


def read_openface(path: str | os.PathLike[str]) -> Table:
    """Read a CSV of OpenFace, of a film or an image; old files have blanks in their names.

    Rows without success become missing: OpenFace writes 0 there. `AU12_c` remains 0 or 1.

    Raises:
        MienError: the file cannot be read, or is not a table of OpenFace.
    """
    data = _csv(path, ("confidence",), "OpenFace")
    if not any(name.startswith(("AU", "pose_", "gaze_", "x_")) for name in data):
        raise MienError(f"'{path}' has no columns of OpenFace; check which tool wrote it.")
    seen = data["success"].to_numpy() > 0 if "success" in data else np.full(len(data), True)
    track = data["face_id"] if "face_id" in data else data.get("face", np.zeros(len(data)))
    keys = {
        "frame": data["frame"] - 1 if "frame" in data else np.zeros(len(data)),
        "time": data["timestamp"] if "timestamp" in data else np.full(len(data), np.nan),
        "track": track,
        "confidence": data["confidence"],
        "reason": np.where(seen, "ok", "no-face"),
    }
    values: dict[str, Any] = openface.ours(data)
    plain = [f"{axis}_{i}" for axis in "xyXYZ" for i in range(68)]
    plain += [name for name in data if name.startswith("AU")]
    values |= {name: data[name].to_numpy(float) for name in plain if name in data}
    return _table(path, keys, values, seen, "OpenFace")


def read_pyfeat(path: str | os.PathLike[str]) -> Table:
    """Read a CSV of py-feat 1 or 2; the case of column names is ignored.

    The action units are probabilities, and become `AU12_p`. A row without a face has no reason
    in that table, and gets `no-face` here.

    Raises:
        MienError: the file cannot be read, or is not a table of py-feat.
    """
    data = _csv(path, ("FaceScore",), "py-feat")
    emotions = {"happy": "happiness", "sad": "sadness"}
    seen = data["FaceScore"].notna().to_numpy()
    keys = {
        "input": data.get("input"),
        "frame": data["frame"] if "frame" in data else np.zeros(len(data)),
        "time": data["approx_time"].map(_seconds) if "approx_time" in data else np.nan,
        "person": data.get("Identity"),
        "confidence": data["FaceScore"],
        "reason": np.where(seen, "ok", "no-face"),
    }
    values: dict[str, Any] = {}
    if "Pitch" in data:
        for name, sign in (("pitch", 1), ("roll", -1), ("yaw", -1)):
            values[name] = sign * np.degrees(data[name.capitalize()].to_numpy(float))
        values |= {
            axis: data[axis.upper()].to_numpy(float) for axis in "xyz" if axis.upper() in data
        }
    left, top = data["FaceRectX"].to_numpy(float), data["FaceRectY"].to_numpy(float)
    wide, tall = (data[f"FaceRect{side}"].to_numpy(float) for side in ("Width", "Height"))
    box = (left, top, left + wide, top + tall)
    values |= dict(zip(("box_left", "box_top", "box_right", "box_bottom"), box, strict=True))
    for name in data:
        lower = emotions.get(name.lower(), name.lower())
        if name.startswith("AU") and name[2:].isdecimal():
            values[f"{name}_p"] = data[name].to_numpy(float)
        elif lower in pyfeat.AFFECT:
            values[lower] = data[name].to_numpy(float)
        elif lower in pyfeat.EMOTIONS:
            values[f"expression_{lower}"] = data[name].to_numpy(float)
        elif name.startswith(("x_", "y_", "mesh_")):
            values[name] = data[name].to_numpy(float)
    return _table(path, keys, values, seen, "py-feat")


def read_libreface(path: str | os.PathLike[str]) -> Table:
    """Read a CSV of LibreFace.

    Its pitch, yaw and roll become `libreface_yaw` etc.: they are not degrees of a head (its
    solver turns the model twice and multiplies degrees by 360). Its time in "ms" is in seconds.

    Raises:
        MienError: the file cannot be read, or is not a table of LibreFace.
    """
    data = _csv(path, ("frame_idx",), "LibreFace")
    seen = data.drop(columns=["frame_idx", "frame_time_in_ms"], errors="ignore").notna().any(axis=1)
    keys = {
        "frame": data["frame_idx"],
        "time": data.get("frame_time_in_ms", np.nan),
        "reason": np.where(seen, "ok", "no-face"),
    }
    values: dict[str, Any] = {}
    for name in data:
        number = name.removeprefix("au_").removesuffix("_intensity")
        if name.startswith("au_") and number.isdecimal():
            kind = "r" if name.endswith("_intensity") else "c"
            values[f"AU{int(number):02d}_{kind}"] = data[name].to_numpy(float)
        elif name in ("pitch", "yaw", "roll") or name in ("gaze_yaw", "gaze_pitch"):
            values[f"libreface_{name}"] = data[name].to_numpy(float)
        elif name == "facial_expression":
            values["expression"] = data[name].astype(object).where(data[name].notna(), None)
        elif name.startswith("lm_mp_"):
            _, _, point, axis = name.split("_")
            values[f"mesh_{axis}_{point}"] = data[name].to_numpy(float)
    return _table(path, keys, values, seen.to_numpy(), "LibreFace")


def _csv(path: str | os.PathLike[str], needed: Sequence[str], tool: str) -> pd.DataFrame:
    """Read a CSV, and strip blanks from its column names."""
    pd = pandas()
    try:
        data = pd.read_csv(path, skipinitialspace=True)
    except OSError as error:
        raise MienError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise MienError(f"{path} is not a CSV table ({error}).") from error
    data.columns = pd.Index([str(name).strip() for name in data.columns])
    lacking = [name for name in needed if name not in data]
    if lacking:
        raise MienError(
            f"'{path}' has no column '{lacking[0]}', which all tables of {tool} have; check which "
            "tool wrote it."
        )
    return data


def _seconds(clock: Any) -> float:
    """Convert "MM:SS" or "MM:SS.mmm" to seconds."""
    if not isinstance(clock, str) or ":" not in clock:
        return float("nan")
    minutes, _, rest = clock.rpartition(":")
    return 60 * float(minutes.rpartition(":")[2]) + float(rest)


def _table(
    path: str | os.PathLike[str],
    keys: dict[str, Any],
    values: dict[str, Any],
    seen: Any,
    tool: str,
) -> Table:
    """Assemble a table; numbers of rows without a face become missing."""
    pd = pandas()
    count = len(seen)
    ready: dict[str, Any] = {}
    for column in KEYS:
        given = keys.get(column.name)
        if column.name == "input" and given is None:
            given = [Path(path).name] * count
        if given is None or np.ndim(given) == 0:
            given = [None if column.kind == "text" else np.nan] * count
        ready[column.name] = pd.Series(list(given))
        if column.kind == "int":
            ready[column.name] = ready[column.name].astype("Int32")
    columns = {column.name: column for column in KEYS}
    for name, numbers in values.items():
        columns[name] = _column(name, tool)
        ready[name] = numbers if columns[name].kind == "text" else np.where(seen, numbers, np.nan)
    facts = {"source": tool, "settings": {"file": str(path)}}
    return Table(pd.DataFrame(ready), columns, pd.DataFrame(), pd.DataFrame(), facts)


def _column(name: str, tool: str) -> Column:
    """Describe a column of another tool."""
    if name in POSES:
        return Column(name, IOD_FREE[name], "poses", model=tool)
    if name.startswith("gaze_"):
        return Column(name, "degree", "gazes", model=tool)
    if name.startswith("AU"):
        unit = {"r": "FACS 0-5", "p": "probability", "c": "0 or 1"}.get(name[-1], "")
        return Column(name, unit, "aus", model=tool)
    if name.startswith("expression"):
        kind = "text" if name == "expression" else "float"
        return Column(name, "", "expression", kind, model=tool)  # type: ignore[arg-type]
    if name in pyfeat.AFFECT:
        return Column(name, "-1 to 1", "expression", model=tool)
    if name.startswith("box_"):
        return Column(name, "px", "boxes", model=tool)
    if name.startswith("libreface_"):
        return Column(name, "as LibreFace writes it", "foreign", model=tool)
    unit = "mm" if name[0] in "XYZ" else "px"
    return Column(name, unit, "landmarks", model=tool)
