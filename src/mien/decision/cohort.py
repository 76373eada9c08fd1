"""Cohorts: vectors that stand for strangers, against which a similarity is normalised.

How similar strangers are depends on who they are and how they were photographed: two babies, two
people in one studio, two of a group that the embedder knows badly. One threshold for all cosines
therefore has another error rate for each of them. A face is compared with a cohort of strangers:
the similarities of its nearest rows say what is usual for this face.

Source: adaptive symmetric score normalisation, Cumani et al., "Comparison of speaker recognition
approaches for real applications", Interspeech 2011; the selection of the nearest rows, Matějka
et al., "Analysis of score normalization in multilingual speaker recognition", Interspeech 2017.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from pathlib import Path

import numpy as np

from mien.errors import MienError
from mien.types import Doubles, Floats

ROWS = 512  # faces in one matrix product: some megabytes
NARROW = 1e-3  # least spread: keeps a score finite if the nearest rows are equal


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Strangers of many kinds."""

    name: str
    data: str  # what the rows are made of, in one sentence
    embedders: tuple[str, ...]  # contracts that the rows fit
    vectors: Floats  # (C, D) unit length
    nearest: int  # number of rows that make up a neighbourhood
    crowded: float  # mean cosine from which a neighbourhood is crowded
    caution: float  # by how much of the excess the mean of a crowded neighbourhood is raised

    def norms(self, vectors: Floats) -> Doubles:
        """Return what is usual among strangers for (N, D) unit vectors.

        Returns:
            (N, 2) mean and standard deviation of the cosines to the nearest rows. In a crowded
            neighbourhood, of which the cohort shows less than there is, the mean is raised.
        """
        found = np.empty((len(vectors), 2))
        for start in range(0, len(vectors), ROWS):
            cosines = vectors[start : start + ROWS] @ self.vectors.T
            near = np.partition(cosines, -self.nearest, axis=1)[:, -self.nearest :]
            found[start : start + ROWS, 0] = near.mean(1, dtype=np.float64)
            found[start : start + ROWS, 1] = near.std(1, dtype=np.float64)
        found[:, 0] += self.caution * np.maximum(found[:, 0] - self.crowded, 0)
        found[:, 1] = np.maximum(found[:, 1], NARROW)
        return found


def normalise(cosines: Floats | Doubles, first: Doubles, second: Doubles) -> Doubles:
    """Return normalised similarities: by how many spreads a cosine exceeds what is usual.

    Args:
        cosines: of any shape.
        first: norms of the one side, (..., 2), broadcast against the cosines.
        second: norms of the other side.
    """
    one = (cosines - first[..., 0]) / first[..., 1]
    other = (cosines - second[..., 0]) / second[..., 1]
    mean: Doubles = (one + other) / 2
    return mean


@cache
def find_cohort(name: str) -> Cohort:
    """Return a shipped cohort.

    Raises:
        MienError: there is none of this name, or its file is damaged.
    """
    path = Path(str(resources("mien"))) / "decision" / "cohorts" / f"{name}.npz"
    if not path.is_file():
        raise MienError(f"There is no cohort '{name}'; measure again with `mien calibrate`.")
    return read_cohort(path)


def cohort_of(contract: str) -> Cohort | None:
    """Return the shipped cohort of an embedder; None if it has none."""
    folder = Path(str(resources("mien"))) / "decision" / "cohorts"
    cohorts = (find_cohort(path.stem) for path in sorted(folder.glob("*.npz")))
    return next((each for each in cohorts if contract in each.embedders), None)


def read_cohort(path: Path) -> Cohort:
    """Read and check a cohort.

    Raises:
        MienError: names the file and the fault.
    """
    try:
        with np.load(path, allow_pickle=False) as table:
            vectors = table["vectors"].astype(np.float32)
            cohort = Cohort(
                path.stem,
                str(table["data"]),
                tuple(table["embedders"].tolist()),
                vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
                int(table["nearest"]),
                float(table["crowded"]),
                float(table["caution"]),
            )
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise MienError(f"{path} is not a cohort ({error}); install mien again.") from None
    rows = len(cohort.vectors)
    if not (
        cohort.vectors.ndim == 2
        and np.isfinite(cohort.vectors).all()
        and 1 < cohort.nearest <= rows
        and np.isfinite([cohort.crowded, cohort.caution]).all()
    ):
        raise MienError(f"{path} is damaged: its tables do not fit; install mien again.")
    return cohort
