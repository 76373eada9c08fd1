"""Import the light face model of ICT-FaceKit (MIT, USC Institute for Creative Technologies).

Source: github.com/USC-ICT/ICT-FaceKit; its README gives the ranges of corners. Its iris lies
behind an opaque white, so eyes, tear film, occlusion and lashes are replaced by ours.
"""

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.synth.head.model import GUMS, LINING, SKIN, SOCKET, TEETH, HeadModel
from mien.synth.head.register import canonical_places
from mien.synth.motion.controls import SHAPES
from mien.types import Doubles, Floats

CORNERS = 26719
# First corner after each part: face, head and neck, mouth, eye sockets, gums and tongue, teeth.
_ENDS = ((11248, SKIN), (13294, SOCKET), (14062, LINING), (17039, GUMS), (21451, TEETH))
_WHITES = ((23021, 23791), (21451, 22221))  # corners of the right and the left white
KEPT = _ENDS[-1][0]
NASION = np.array([0.0, 3.74, 1.9])  # cm; becomes the origin, but for the depth of the face
Arrays = dict[str, NDArray[Any]]


def import_ict(source: Path, modes: int = 100) -> HeadModel:
    """Read ICT-FaceKit.

    Args:
        source: the folder FaceXModel of the release (OBJ files), or an .npz made of it with
            `neutral`, `quads`, `identity`, `expression`, `expression_names`, `landmarks68`.
        modes: identity modes to keep, the strongest first.

    Raises:
        MienError: it is not that model, or a file of it is missing, truncated or damaged.
    """
    arrays = _from_folder(source, modes) if source.is_dir() else _from_npz(source)
    neutral = arrays["neutral"]
    if neutral.shape != (CORNERS, 3) or not np.isfinite(neutral).all():
        raise MienError(
            f"{source} has a neutral face of shape {neutral.shape}, not the {CORNERS} corners of "
            "ICT-FaceKit's light model; name its folder FaceXModel."
        )
    rest = _mm(neutral - NASION)
    spots = rest[arrays["landmarks68"]]
    triangles, part = _triangles(arrays["quads"], rest)
    names = [str(name) for name in arrays["expression_names"]]
    if sorted(names) != list(SHAPES):
        missing = sorted(set(SHAPES) - set(names))
        raise MienError(
            f"{source} lacks expressions: {', '.join(missing) or 'unknown extra ones'}."
        )
    eyes = np.array([_sphere(rest[low:high]) for low, high in _WHITES])
    corners = np.repeat(np.asarray(arrays["landmarks68"], np.int32)[:, None], 3, 1)
    first = np.tile(np.array([1, 0, 0], np.float32), (68, 1))
    return HeadModel(
        name="ict",
        template=rest[:KEPT],
        triangles=triangles,
        part=part,
        canonical=canonical_places(rest[:KEPT], spots),
        identity=_mm(arrays["identity"][:modes, :KEPT]),
        expression={n: _mm(d[:KEPT]) for n, d in zip(names, arrays["expression"], strict=True)},
        landmarks=(corners, first),
        eyes=eyes.astype(np.float32),
        spread=1.2,
        licence="MIT",
    )


def _mm(centimetres: NDArray[Any]) -> Floats:
    return np.asarray(centimetres, np.float32) * np.float32(10)


def _triangles(quads: NDArray[Any], rest: Floats) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Triangles of the parts that are kept, down to the clothes.

    -1 marks the fourth corner of a polygon that has only three.
    """
    quads = np.asarray(quads)[np.asarray(quads).max(1) < KEPT]
    square = quads[:, 3] >= 0
    cells = np.concatenate([quads[:, :3], quads[square][:, [0, 2, 3]]]).astype(np.int32)
    cells = cells[rest[cells][:, :, 1].mean(1) > -205]
    ends = np.array([end for end, _ in _ENDS])
    part = np.array([kind for _, kind in _ENDS], np.uint8)
    return cells, part[np.searchsorted(ends, cells.max(1), side="right")]


def _sphere(points: Floats) -> Doubles:
    """Centre and radius of the sphere nearest to the white of an eye, in least squares."""
    p = points.astype(np.float64)
    rows = np.c_[2 * p, np.ones(len(p))]
    found, *_ = np.linalg.lstsq(rows, (p**2).sum(1), rcond=None)
    radius = np.sqrt(found[3] + (found[:3] ** 2).sum())
    return np.array([*found[:3], radius])


def _from_npz(path: Path) -> Arrays:
    wanted = {"neutral", "quads", "identity", "expression", "expression_names", "landmarks68"}
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as file:
            missing = wanted - set(file.files)
            if missing:
                raise MienError(
                    f"{path} lacks {', '.join(sorted(missing))}; it is not ICT-FaceKit."
                )
            return {name: file[name] for name in wanted}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise MienError(
            f"{path} cannot be read as ICT-FaceKit ({error}); name its folder FaceXModel, or an "
            ".npz made of it."
        ) from error


def _from_folder(folder: Path, modes: int) -> Arrays:
    """The original OBJ files: all share the order of their corners."""
    neutral, quads = _obj(folder / "generic_neutral_mesh.obj", faces=True)
    faces = sorted(folder.glob("identity*.obj"))[:modes]
    if not faces:
        raise MienError(
            f"{folder} contains no identity000.obj and so on; name the folder FaceXModel."
        )
    identity = np.stack([_obj(p)[0] - neutral for p in faces]).astype(np.float16)
    files = {path.stem: path for path in folder.glob("*.obj")}
    missing = [name for name in SHAPES if name not in files]
    if missing:
        raise MienError(f"{folder} lacks {missing[0]}.obj and {len(missing) - 1} further files.")
    expression = np.stack([_obj(files[name])[0] - neutral for name in SHAPES]).astype(np.float16)
    index = folder / "vertex_indices.json"
    try:
        spots = json.loads(index.read_text("utf-8"))["idx_to_landmark_verts"]
    except (OSError, ValueError, KeyError) as error:
        raise MienError(f"{index} lacks idx_to_landmark_verts ({error}).") from error
    return {
        "neutral": neutral, "quads": quads, "identity": identity, "expression": expression,
        "expression_names": np.array(SHAPES), "landmarks68": np.array(spots, np.int64),
    }  # fmt: skip


def _obj(path: Path, faces: bool = False) -> tuple[Floats, NDArray[np.int32]]:
    """Corners, and polygons of three or four corners if requested, of a Wavefront OBJ file."""
    points, cells = [], []
    try:
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("v "):
                points.append([float(v) for v in line.split()[1:4]])
            elif faces and line.startswith("f "):
                corner = [int(v.split("/")[0]) - 1 for v in line.split()[1:]]
                cells.append([*corner, -1][:4])
    except (OSError, ValueError) as error:
        raise MienError(f"{path} cannot be read as a mesh ({error}).") from error
    if len(points) != CORNERS:
        raise MienError(f"{path} has {len(points)} corners, ICT-FaceKit has {CORNERS}.")
    return np.array(points, np.float32), np.array(cells, np.int32).reshape(-1, 4)
