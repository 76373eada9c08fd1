"""Import FLAME (MPI for Intelligent Systems), a licensed head model; its licence must be stated.

Source: Li et al., "Learning a model of facial shape and expression from 4D scans", 2017. The jaw
moves as in FLAME itself; other blendshapes are taken from the built-in head, since FLAME's
expressions have no names.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.synth.head.blendshapes import JAW_TURN
from mien.synth.head.import_common import borrowed_moves
from mien.synth.head.model import SKIN, HeadModel
from mien.synth.head.register import fitted_places, spots_by_places
from mien.synth.head.unpickling import read_pickled

JAW, LEFT_EYE, RIGHT_EYE = 2, 3, 4  # joints, in the order of kintree_table
SHAPES = 300  # of the 400 columns; the rest are expressions
WANTED = {"v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f"}


def import_flame(source: Path, licence: str, modes: int = 100) -> HeadModel:
    """Read a FLAME model file (.pkl).

    Args:
        source: the file; only its plain arrays are read, none of its code is run.
        licence: licence of your copy, as its authors name it.
        modes: identity modes to keep.

    Raises:
        MienError: not such a file, hostile content, or no licence stated.
    """
    if not licence.strip():
        raise MienError("State the licence of your FLAME file (--licence); it differs by release.")
    found = read_pickled(source)
    missing = WANTED - set(found)
    if missing:
        raise MienError(f"{source} lacks {', '.join(sorted(missing))}; it is not a FLAME model.")
    model = {name: _array(found[name], name, source) for name in WANTED}
    count = len(model["v_template"])
    if model["shapedirs"].shape[:2] != (count, 3) or model["weights"].shape != (count, 5):
        raise MienError(f"{source} has arrays of other sizes than FLAME's five-joint head.")
    rest = model["v_template"] * 1000  # from metres
    joints = model["J_regressor"] @ rest
    eyes = np.array([_eye(rest, joints, model["weights"], j) for j in (RIGHT_EYE, LEFT_EYE)])
    ball = model["weights"][:, [LEFT_EYE, RIGHT_EYE]].sum(1) > 0.5
    triangles = model["f"].astype(np.int32)
    triangles = triangles[~ball[triangles].any(1)]
    shift = np.array([0.0, -2.0, 0.0]) - [0.0, eyes[:, 1].mean(), 0.0]
    places = fitted_places((rest + shift).astype(np.float32))
    moves = borrowed_moves(places, _scale(rest, places))
    moves["jawOpen"] = _jaw(model, rest, joints)
    shapes = model["shapedirs"][:, :, : min(SHAPES, modes)]
    return HeadModel(
        name="flame",
        template=(rest + shift).astype(np.float32),
        triangles=triangles,
        part=np.full(len(triangles), SKIN, np.uint8),
        canonical=places,
        identity=np.ascontiguousarray(shapes.transpose(2, 0, 1) * 1000, np.float32),
        expression=moves,
        landmarks=spots_by_places(places, triangles),
        eyes=(eyes + np.array([*shift, 0])).astype(np.float32),
        licence=licence,
    )


def _array(value: Any, name: str, source: Path) -> NDArray[np.float64]:
    """Finite numbers, whatever their pickled type."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise MienError(f"{source} holds no numbers in '{name}'.") from error
    if array.size == 0 or not np.isfinite(array).all():
        raise MienError(f"{source} holds nothing, NaN or infinity in '{name}'.")
    return array


def _eye(
    rest: NDArray[Any], joints: NDArray[Any], weights: NDArray[Any], joint: int
) -> NDArray[np.float64]:
    """Centre and radius of an eyeball: its joint, and the distance of its corners from it."""
    own = rest[weights[:, joint] > 0.5]
    if not len(own):
        raise MienError("The model has no eyeballs on joints 3 and 4, as FLAME has.")
    return np.array([*joints[joint], np.median(np.linalg.norm(own - joints[joint], axis=1))])


def _jaw(
    model: dict[str, NDArray[Any]], rest: NDArray[Any], joints: NDArray[Any]
) -> NDArray[np.float32]:
    """Rotate the jaw joint, with FLAME's own pose corrective (eq. 5)."""
    turn = np.radians(JAW_TURN)
    rotation = np.array(
        [[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]]
    )
    feature = np.zeros(model["posedirs"].shape[2])
    feature[9 * (JAW - 1) : 9 * JAW] = (rotation - np.eye(3)).ravel()
    corrected = rest + 1000 * (model["posedirs"] @ feature)
    arm = corrected - joints[JAW]
    swung = arm @ rotation.T + joints[JAW]
    mixed = corrected + model["weights"][:, JAW : JAW + 1] * (swung - corrected)
    return np.asarray(mixed - rest, np.float32)


def _scale(rest: NDArray[Any], places: NDArray[Any]) -> NDArray[np.float64]:
    """Scale of the mesh relative to its places, along each axis."""
    return np.asarray(np.ptp(rest, axis=0) / np.maximum(np.ptp(places, axis=0), 1e-6))
