"""Save and open head models."""

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

from mien.errors import MienError
from mien.media import write_bytes
from mien.synth.head.builtin import builtin_head
from mien.synth.head.model import HeadModel
from mien.zoo import home

FORMAT = "mien-head-1"


def save_head(head: HeadModel, path: Path) -> None:
    """Write a head to an .npz; displacements in 16 bits, which is 2 micrometres in 4 mm."""
    names = sorted(head.expression)
    out = BytesIO()
    np.savez_compressed(
        out,
        format=np.array(FORMAT),
        name=np.array(head.name),
        licence=np.array(head.licence),
        template=head.template,
        triangles=head.triangles,
        part=head.part,
        canonical=head.canonical,
        identity=head.identity.astype(np.float16),
        expression_names=np.array(names),
        expression=np.stack([head.expression[n] for n in names]).astype(np.float16),
        corners=head.landmarks[0],
        weights=head.landmarks[1],
        eyes=head.eyes,
        lids_cut=np.array(head.lids_cut),
        spread=np.array([head.spread, head.limit]),
    )
    write_bytes(path, out.getvalue())


def read_head(path: Path) -> HeadModel:
    """Read a head that `save_head` wrote.

    Raises:
        MienError: no such file, or not a head.
    """
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as file:
            if str(file["format"]) != FORMAT:
                raise MienError(f"{path} is a head of format {file['format']}, not {FORMAT}.")
            names = [str(n) for n in file["expression_names"]]
            moves = file["expression"].astype(np.float32)
            return HeadModel(
                name=str(file["name"]),
                template=file["template"],
                triangles=file["triangles"],
                part=file["part"],
                canonical=file["canonical"],
                identity=file["identity"].astype(np.float32),
                expression=dict(zip(names, moves, strict=True)),
                landmarks=(file["corners"], file["weights"]),
                eyes=file["eyes"],
                lids_cut=bool(file["lids_cut"]),
                spread=float(file["spread"][0]),
                limit=float(file["spread"][1]),
                licence=str(file["licence"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise MienError(
            f"{path} cannot be read as a head model ({error}); make one with mien synth "
            "import-ict, import-flame or import-bfm."
        ) from error


def head_path(name: str) -> Path:
    """Path of an imported head of that name."""
    return home() / "heads" / f"{name}.npz"


def open_head(name: str) -> HeadModel:
    """The head "builtin", an imported one by its name, or one by the path of its .npz.

    Raises:
        MienError: there is no such head.
    """
    if name == "builtin":
        return builtin_head()
    path = Path(name) if name.endswith(".npz") else head_path(name)
    if not path.is_file():
        raise MienError(
            f"There is no head '{name}' ({path}); use builtin, or import one: "
            "mien synth import-ict."
        )
    return read_head(path)
