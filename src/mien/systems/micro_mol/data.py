"""Flow images of micro-expressions with classes and action units."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets.spreadsheets import rows_of
from mien.errors import TrainingError
from mien.systems.micro_mol.head import CLASSES, SMALL, UNITS
from mien.types import Doubles, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """One row per clip."""

    image: Pixels  # (N, 28, 28, 3) strain, v, u, each stretched to 0 to 255
    label: NDArray[np.int64]  # (N,) of CLASSES
    units: NDArray[np.bool_]  # (N, 9) of UNITS
    coded: NDArray[np.bool_]  # (N,) whether somebody coded the units
    person: tuple[str, ...]  # (N,) set and subject

    @property
    def x(self) -> Doubles:
        """(N, D) values in [0, 1]."""
        return np.asarray(self.image.reshape(len(self.image), -1) / 255.0)

    def some(self, rows: NDArray[np.int64]) -> "Flows":
        """Those rows."""
        return Flows(self.image[rows], self.label[rows], self.units[rows], self.coded[rows],
                     tuple(self.person[k] for k in rows))  # fmt: skip


def read(data: Path | None) -> Flows:
    """micro_flow.npz (`flow`) and micro_labels.csv (dataset, subject, label3, aus).

    Raises:
        TrainingError: a file is missing, rows differ in number, or a class is unknown.
    """
    if data is None or not (data / "micro_flow.npz").is_file():
        raise TrainingError("micro-mol learns from micro_flow.npz and micro_labels.csv only; pass "
                            "their folder with --data.")  # fmt: skip
    with np.load(data / "micro_flow.npz") as kept:
        image = kept["flow"]
    rows = rows_of(data / "micro_labels.csv", ("dataset", "subject", "label3", "aus"))
    if image.shape != (len(rows), SMALL, SMALL, 3) or image.dtype != np.uint8:
        raise TrainingError(f"micro_flow.npz has {image.dtype} {image.shape}, but there are "
                            f"{len(rows)} labels; expected uint8 (N, 28, 28, 3).")  # fmt: skip
    strange = sorted({r["label3"] for r in rows} - set(CLASSES))
    if strange:
        raise TrainingError(f"Class '{strange[0]}' is none of {', '.join(CLASSES)}.")
    nobody = [line for line, r in enumerate(rows, 2) if not r["subject"].strip()]
    if nobody:
        raise TrainingError(f"micro_labels.csv, line {nobody[0]} names no subject, so its clip "
                            "cannot be left out; add it or remove the row.")  # fmt: skip
    coded = [{f"AU{unit}" for unit in r["aus"].split(";") if unit} for r in rows]
    return Flows(
        image,
        np.array([CLASSES.index(r["label3"]) for r in rows]),
        np.array([[unit in one for unit in UNITS] for one in coded]),
        np.array([bool(one) for one in coded]),
        tuple(f"{r['dataset']} {r['subject']}" for r in rows),
    )
