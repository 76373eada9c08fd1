"""Baseline: the measures of a person's neutral face."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mien.behaviour.unit_tables import average
from mien.decision import Calibration
from mien.decision.decide import one_in
from mien.errors import MienError
from mien.landmarks.measures import UNITS
from mien.media import write_bytes
from mien.types import Doubles, Floats

FORMAT = "mien-baseline-1"
Mode = Literal["whole", "causal", "average"]
FRONTAL = 20.0  # degrees of yaw, and of pitch off its median, up to which a frame can be neutral
# Minimum share of frames that are neutral. With a quarter, the smile of a man who smiles for 1.8
# of 2.4 seconds was taken for his neutral face.
SHARE = 0.15
CANDIDATE_WIDTH = (
    1.5  # times the width of the densest group, up to which another group is a candidate
)
MOST = 600  # maximum number of frames that are compared, evenly spaced in time
BEGINNING = 10.0  # s of measured face that the causal mode uses
STEP = 0.2  # s: longer gaps between two frames do not count as time
EXPRESSIVE = tuple(
    name
    for name, unit in UNITS.items()
    if unit == "inter-ocular distance" and "width_" not in name and "apart" not in name
)
FMR = 0.001  # false match rate at which a baseline is accepted as that of the person


class BaselineError(MienError, ValueError):
    """A baseline cannot be fitted or read, or belongs to another person."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """The measures of a person's neutral face, for use across clips, cameras and live."""

    centre: Mapping[str, float]  # name of UNITS -> neutral value, in its unit
    spread: Mapping[str, float]  # name -> standard deviation over the neutral frames
    mode: Mode  # fitted to a whole clip, to its beginning, or average people
    frames: int  # neutral frames
    seconds: float  # of measured face that they were selected from
    vector: Floats | None = None  # (D,) unit length: embedding of the person
    contract: str | None = None  # of the embedder that made the vector

    @staticmethod
    def fit(
        times: ArrayLike,
        columns: Mapping[str, ArrayLike],
        *,
        vector: Floats | None = None,
        contract: str | None = None,
        causal: bool = False,
    ) -> "Baseline":
        """Fit the baseline of a person to a clip.

        The neutral frames are the densest group in measurement space: 15 % of the near-frontal
        frames. If several groups are about as dense, as for a person who smiles most of the
        time, the one nearest to the average baseline is used.

        Args:
            times: (T,) seconds, rising; those of photos may be any rising numbers.
            columns: name -> (T,), values of `measure`; NaN where missing.
            vector: (D,) embedding of the person.
            contract: of that embedder; both or neither.
            causal: True: only the first 10 seconds of measured face are used, as live.

        Raises:
            BaselineError: no frame shows the whole face near-frontal.
            ValueError: lengths differ, times do not rise, or a measure is missing.
        """
        moments, table = _checked(times, columns)
        if (vector is None) != (contract is None):
            raise ValueError("Only one of vector and contract is given: give both or neither.")
        seen = np.isfinite(np.column_stack([table[name] for name in EXPRESSIVE])).all(axis=1)
        steps = np.where(seen, np.diff(moments, prepend=moments[:1]), 0)
        passed = np.cumsum(np.minimum(steps, STEP))
        if causal:
            seen &= passed <= BEGINNING
        chosen = np.flatnonzero(seen & _frontal(table, seen))
        if not len(chosen):
            raise BaselineError(
                f"None of {len(moments)} frames shows the whole face within {FRONTAL:g} degrees of "
                "frontal, so no baseline can be fitted; use a clip with frontal faces."
            )
        rest = chosen[_densest(np.column_stack([table[n][chosen] for n in EXPRESSIVE]))]
        return Baseline(
            {name: _median(table[name][rest]) for name in UNITS},
            {name: _spread(table[name][rest]) for name in UNITS},
            "causal" if causal else "whole",
            len(rest),
            float(min(passed[-1], BEGINNING) if causal else passed[-1]),
            None if vector is None else _unit(vector),
            contract,
        )

    @staticmethod
    def average() -> "Baseline":
        """Return the average baseline, for single images of unknown people."""
        rows = average()
        centre = {name: rows[name][0] if name in rows else math.nan for name in UNITS}
        spread = {name: rows[name][1] if name in rows else math.nan for name in UNITS}
        return Baseline(centre, spread, "average", 0, 0.0)

    def check_person(self, vector: Floats, contract: str, calibration: Calibration) -> None:
        """Check that this baseline belongs to the person.

        A baseline without an embedding, such as the average one, is valid for all people.

        Args:
            vector: (D,) embedding of the person.
            contract: of the embedder that made it.
            calibration: of that embedder.

        Raises:
            BaselineError: it belongs to another person, or the embeddings are not comparable.
        """
        if self.vector is None:
            return
        if not contract == self.contract == calibration.contract:
            raise BaselineError(
                f"The baseline was made with embedder '{self.contract}', the face was embedded by "
                f"'{contract}' and the calibration is for '{calibration.contract}'; use one "
                "embedder, or fit the baseline anew."
            )
        [score] = calibration.pair_scores(self.vector[None], _unit(vector)[None]).tolist()
        threshold = calibration.at_fmr(max(FMR, calibration.strictest.fmr))
        if not score > threshold.score:
            raise BaselineError(
                f"This baseline belongs to another person: {one_in(score)} strangers is this "
                f"similar, where {one_in(threshold.score)} is needed. Fit a baseline of this "
                "person with `mien baseline fit`."
            )

    def save(self, path: Path) -> None:
        """Write the baseline as one complete JSON file."""
        vector = None if self.vector is None else [round(float(v), 7) for v in self.vector]
        table = {
            "format": FORMAT, "mode": self.mode, "frames": self.frames, "seconds": self.seconds,
            "units": UNITS, "centre": _rounded(self.centre), "spread": _rounded(self.spread),
            "contract": self.contract, "vector": vector,
        }  # fmt: skip
        write_bytes(path, (json.dumps(table, indent=1, allow_nan=False) + "\n").encode())

    @staticmethod
    def load(path: Path) -> "Baseline":
        """Read and check a baseline file.

        Raises:
            BaselineError: names the file and the fault.
        """
        try:
            table = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise BaselineError(
                f"Baseline {path} cannot be read ({error.strerror}); make one with "
                "`mien baseline fit`."
            ) from None
        except ValueError as error:  # broken JSON, or not UTF-8
            raise BaselineError(
                f"{path} is not a baseline ({error}); fit it again with `mien baseline fit`."
            ) from None
        try:
            return _baseline(table)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise BaselineError(
                f"{path} is not a baseline ({error}); fit it again with `mien baseline fit`."
            ) from None


class RunningBaseline:
    """A baseline that is fitted to live measures; call it once per row.

    It is fitted every second to the last minute; earlier results do not change.
    """

    SECONDS, EVERY, SOONEST = 60.0, 1.0, 2.0

    def __init__(self) -> None:
        """Start without rows."""
        self._times: list[float] = []
        self._rows: list[dict[str, float]] = []
        self._fitted = -math.inf
        self.baseline: Baseline | None = None  # None: less than two seconds of rows

    def __call__(self, time: float, row: Mapping[str, float]) -> Baseline | None:
        """Add the measures of the next frame; return the current baseline.

        Args:
            time: seconds, later than the previous frame.
            row: from `measure`; frames without a face are omitted.
        """
        self._times.append(time)
        self._rows.append(dict(row))
        while time - self._times[0] > self.SECONDS:
            del self._times[0], self._rows[0]
        ready = time - self._times[0] >= self.SOONEST
        if ready and time - self._fitted >= self.EVERY - 1e-6:
            self._fitted = time
            columns = {n: np.array([one.get(n, np.nan) for one in self._rows]) for n in UNITS}
            try:
                fitted = Baseline.fit(np.array(self._times), columns)
                self.baseline = replace(fitted, mode="causal")
            except BaselineError:
                pass  # no frontal frame for a minute: the previous baseline is kept
        return self.baseline


def _checked(
    times: ArrayLike, columns: Mapping[str, ArrayLike]
) -> tuple[Doubles, dict[str, Doubles]]:
    """Check that arrays have one length, and that times rise."""
    moments = np.asarray(times, np.float64)
    if moments.ndim != 1 or not (np.isfinite(moments).all() and (np.diff(moments) > 0).all()):
        raise ValueError("Times must be finite and rising, one per frame; sort the rows.")
    missing = [name for name in UNITS if name not in columns]
    if missing:
        raise ValueError(f"Measure '{missing[0]}' is missing; give all measures of `measure`.")
    table = {name: np.asarray(columns[name], np.float64) for name in UNITS}
    for name, values in table.items():
        if values.shape != moments.shape:
            raise ValueError(
                f"'{name}' has shape {values.shape}, times have {moments.shape}; give equal "
                "lengths."
            )
    return moments, table


def _frontal(table: Mapping[str, Doubles], seen: Any) -> Any:
    """Return the near-frontal frames; pitch is relative, since its error depends on the person."""
    if not seen.any():
        return seen
    nod = table["pitch"] - np.median(table["pitch"][seen])
    return (np.abs(table["yaw"]) <= FRONTAL) & (np.abs(nod) <= FRONTAL)


def _densest(rows: Doubles) -> Any:
    """Return which of (N, M) rows are neutral."""
    count = len(rows)
    typical = average()
    scale = np.array([typical[name][1] for name in EXPRESSIVE])
    usual = np.array([typical[name][0] for name in EXPRESSIVE])
    placed = rows / scale
    few = placed[np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int))]
    apart = np.stack([_distance(few, row) for row in few])
    width = np.sort(apart, axis=1)[:, max(0, math.ceil(SHARE * len(few)) - 1)]
    close = width <= CANDIDATE_WIDTH * width.min()
    strange = np.where(close, _distance(few, usual / scale), np.inf)
    middle = few[int(strange.argmin())]
    order = np.argsort(_distance(placed, middle), kind="stable")
    return np.sort(order[: math.ceil(SHARE * count)])


def _distance(rows: Doubles, row: Doubles) -> Doubles:
    """Return the root mean square distance of rows to one row, (N,)."""
    out: Doubles = np.sqrt(((rows - row) ** 2).mean(axis=1))
    return out


def _median(values: Doubles) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) else math.nan


def _spread(values: Doubles) -> float:
    """Return the standard deviation from the median distance to the median; NaN below 3."""
    seen = values[np.isfinite(values)]
    if len(seen) < 3:
        return math.nan
    return float(1.4826 * np.median(np.abs(seen - np.median(seen))))


def _unit(vector: Floats) -> Floats:
    found: Floats = np.asarray(vector, np.float32)
    length = float(np.linalg.norm(found))
    if found.ndim != 1 or not (np.isfinite(length) and length > 0):
        raise ValueError(
            f"An embedding must have shape (D,) and length 1, got {found.shape} and {length}."
        )
    return np.asarray(found / length, np.float32)


def _rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    return {k: round(v, 6) if math.isfinite(v) else None for k, v in values.items()}


def _baseline(table: Any) -> Baseline:
    """Check the schema and create the record."""
    if table["format"] != FORMAT:
        raise ValueError(f"expected format '{FORMAT}', got {table['format']!r}")
    if table["mode"] not in ("whole", "causal", "average"):
        raise ValueError(f"unknown mode {table['mode']!r}")
    if type(table["frames"]) is not int or table["frames"] < 0:
        raise ValueError(f"'frames' must be a whole number, got {table['frames']!r}")
    if table["units"] != UNITS:
        raise ValueError("its measures differ from those of this version")
    centre, spread = (_numbers(table[key], key) for key in ("centre", "spread"))
    vector, contract = table["vector"], table["contract"]
    if (vector is None) != (contract is None):
        raise ValueError("it has only one of vector and contract")
    whose = None if vector is None else _unit(np.array(vector, np.float32))
    seconds = _number(table["seconds"], "seconds")
    return Baseline(centre, spread, table["mode"], table["frames"], seconds, whose, contract)


def _numbers(row: Any, key: str) -> dict[str, float]:
    found = {name: math.nan if row[name] is None else _number(row[name], name) for name in UNITS}
    if key == "centre" and not any(math.isfinite(found[name]) for name in EXPRESSIVE):
        raise ValueError("its 'centre' has no number")
    return found


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"'{name}' must be a number, got {value!r}")
    return float(value)
