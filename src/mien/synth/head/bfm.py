"""Import the Basel Face Model, 2009 (.mat) and 2017 or 2019 (.h5), a licensed head model.

Source: Paysan et al., "A 3D face model for pose and illumination invariant face recognition", 2009;
Gerig et al., "Morphable face models - an open framework", 2018. Its eyes are part of the skin and
are cut open as in the built-in head; its lips do not part. Blendshapes are those of the built-in
head.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, extra
from mien.synth.head import head_shape
from mien.synth.head.import_common import borrowed_moves
from mien.synth.head.model import SKIN, HeadModel
from mien.synth.head.register import fitted_places, spots_by_places

Arrays = dict[str, NDArray[Any]]


def import_bfm(source: Path, licence: str, modes: int = 80) -> HeadModel:
    """Read a Basel Face Model.

    Args:
        source: 01_MorphableModel.mat, or a file such as model2017-1_bfm_nomouth.h5.
        licence: licence of your copy, as its authors name it.
        modes: identity modes to keep.

    Raises:
        MienError: not such a file, damaged, or no licence stated.
    """
    if not licence.strip():
        raise MienError("State the licence of your Basel Face Model (--licence).")
    model = _mat(source) if source.suffix.lower() == ".mat" else _h5(source)
    rest = model["mean"].reshape(-1, 3)
    count, ways = len(rest), min(modes, model["basis"].shape[1])
    cells = model["cells"].astype(np.int64)
    if model["basis"].shape[0] != 3 * count or cells.shape[1] != 3:
        raise MienError(f"{source} mixes sizes: {count} corners, basis {model['basis'].shape}.")
    if cells.min() < 0 or cells.max() >= count or not np.isfinite(rest).all():
        raise MienError(f"{source} names corners that do not exist, or holds NaN.")
    triangles = cells.astype(np.int32)
    places = fitted_places(rest.astype(np.float32))
    scale = np.ptp(rest, axis=0) / np.maximum(np.ptp(places, axis=0), 1e-6)
    sigma = model["sigma"][:ways]
    basis = (model["basis"][:, :ways] * sigma).T.reshape(ways, count, 3)
    rest = rest + (places.mean(0) - rest.mean(0))  # the origin is that of the built-in head
    eyes = np.array(
        [
            [s * head_shape.EYE[0], head_shape.EYE[1], head_shape.EYE[2], head_shape.EYE_RADIUS]
            for s in (-1, 1)
        ]
    )
    return HeadModel(
        name="bfm",
        template=rest.astype(np.float32),
        triangles=triangles,
        part=np.full(len(triangles), SKIN, np.uint8),
        canonical=places,
        identity=np.ascontiguousarray(basis, np.float32),
        expression=borrowed_moves(places, scale),
        landmarks=spots_by_places(places, triangles),
        eyes=eyes.astype(np.float32),
        lids_cut=True,
        licence=licence,
    )


def _mat(path: Path) -> Arrays:
    """The release of 2009: micrometres, triangles counted from 1 in the opposite orientation."""
    from scipy.io import loadmat  # slow import
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(path, variable_names=["shapeMU", "shapePC", "shapeEV", "tl"])
        return {
            "mean": np.asarray(found["shapeMU"], np.float64).ravel() / 1000,
            "basis": np.asarray(found["shapePC"], np.float64) / 1000,
            "sigma": np.asarray(found["shapeEV"], np.float64).ravel(),
            "cells": np.asarray(found["tl"])[:, [0, 2, 1]].astype(np.int64) - 1,
        }
    except (
        OSError, KeyError, ValueError, TypeError, NotImplementedError, IndexError, MatReadError,
    ) as error:  # fmt: skip
        raise MienError(f"{path} cannot be read as BFM 2009 ({error}).") from error


def _h5(path: Path) -> Arrays:
    """The releases of 2017 and 2019: millimetres, variances instead of deviations."""
    with extra("synth", "BFM 2017"):
        import h5py
    try:
        with h5py.File(path, "r") as file:
            shape = file["shape"]
            cells = np.asarray(shape["representer/cells"])
            return {
                "mean": np.asarray(shape["model/mean"], np.float64).ravel(),
                "basis": np.asarray(shape["model/pcaBasis"], np.float64),
                "sigma": np.sqrt(np.asarray(shape["model/pcaVariance"], np.float64).ravel()),
                "cells": cells.T if cells.shape[0] == 3 else cells,
            }
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise MienError(f"{path} cannot be read as BFM 2017 ({error}).") from error
