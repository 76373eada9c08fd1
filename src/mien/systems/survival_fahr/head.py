"""The hazard of a face relative to the mean of the cohort that a model was fitted to."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import MienError
from mien.media import write_bytes
from mien.types import Crop, Doubles, Floats, Pixels, Reading
from mien.zoo import find as card
from mien.zoo import load

TRUNK = "age-fahr"  # whose vectors are the features: one backbone, two heads
FORMAT = 1  # of the file
UNIT = "log hazard against the mean of the cohort"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A fitted model: vectors in, log hazards out."""

    trunk: str  # card and digest of the network that gives vectors
    mean: Doubles  # (D,) of the cohort's vectors
    directions: Doubles  # (D, P) along which they differ most, each with spread 1 in the cohort
    weights: Doubles  # (P,) log hazard ratio of one spread along each
    quartiles: Doubles  # (3,) of the cohort's own log hazards, from models fitted without them
    cohort: dict[str, Any] = field(default_factory=dict)  # its cohort, and the quality of the fit

    def __call__(self, vectors: Floats) -> Doubles:
        """(N,) log hazards of (N, D) vectors."""
        log_hazards = (vectors.astype(np.float64) - self.mean) @ self.directions @ self.weights
        return np.asarray(log_hazards, np.float64)

    def save(self, path: Path) -> None:
        """Write a JSON file."""
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(self).items()}
        text = json.dumps({"mien survival": FORMAT, **plain}, indent=1)
        write_bytes(path, text.encode())

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Read a JSON file.

        Raises:
            MienError: it is not such a file, is damaged, or belongs to another network.
        """
        try:
            plain = json.loads(path.read_text("utf-8"))
            if plain.pop("mien survival") != FORMAT:
                raise MienError(f"{path} has a format of another release; fit the cohort again.")
            arrays: dict[str, Any] = {
                name: np.array(plain.pop(name), np.float64)
                for name in ("mean", "directions", "weights", "quartiles")
            }
            model = cls(**arrays, **plain)
            fits = model.directions.shape == (len(model.mean), len(model.weights))
            if not fits or not all(np.isfinite(array).all() for array in arrays.values()):
                raise ValueError("numbers are missing")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MienError(
                f"{path} is not a file of `mien survival fit` ({error}); fit the cohort again."
            ) from error
        if model.trunk != trunk():
            raise MienError(
                f"{path} was fitted to vectors of {model.trunk}, but this mien has {trunk()}; the "
                "vectors of the two are not comparable. Fit the cohort again."
            )
        return model


def trunk() -> str:
    """Card and digest of the network that computes vectors."""
    return f"{TRUNK}@{card(TRUNK).digest}"


class Risk:
    """Research only, never a statement about one person's life; README.md is its card."""

    def __init__(
        self, model: Path | None = None, *, name: str, digest: str = "", device: str = "cpu"
    ) -> None:
        """Open the network that computes vectors, and a model.

        Args:
            model: file of `mien survival fit`; mien ships no model.
            name: the card this was opened from.
            digest: of the card.
            device: see mien.runtime.

        Raises:
            MienError: no model was named, or the file is not a model.
        """
        if model is None:
            raise MienError(
                f"'{name}' has no weights: hazards are relative to a cohort. Fit yours with: mien "
                "survival fit cohort.csv --out model.json"
            )
        self.model = Model.load(Path(model))
        self._trunk = load(TRUNK, device=device)
        self.crop: Crop = self._trunk.crop
        self.name, self.digest, self.device = name, digest, self._trunk.device

    def __call__(self, chips: Pixels) -> list[Reading]:
        """(N, S, S, 3) chips of `crop` -> N readings of `log_hazard`."""
        log_hazards = self.model(self._trunk.vectors(chips))
        return [Reading("survival", {"log_hazard": float(v)}, UNIT, self.name) for v in log_hazards]
