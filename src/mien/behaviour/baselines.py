"""A person's neutral as an object: what each measure reads while the face is at rest."""

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
from mien.errors import MienError
from mien.landmarks.measures import UNITS
from mien.media import write_bytes
from mien.types import Doubles, Floats

FORMAT = "mien-baseline-1"
Mode = Literal["whole", "causal", "average"]
FRONTAL = 20.0  # degrees of yaw, and of pitch off its median, up to which a frame may be at rest
# Of the frames, the share that is taken as rest: for as long a face is at rest at least. With a
# quarter, a man who smiles for 1.8 of 2.4 seconds was at rest while he smiled.
SHARE = 0.15
ALIKE = 1.5  # times the width of the stillest stretch up to which another one may be the rest
MOST = 600  # frames that are compared with each other, evenly over the time
BEGINNING = 10.0  # s of seen face from which the causal mode fits
STEP = 0.2  # s: what lies between two frames that are further apart does not count as time
EXPRESSIVE = tuple(
    name
    for name, unit in UNITS.items()
    if unit == "inter-ocular distance" and "width_" not in name and "apart" not in name
)
FMR = 0.001  # false match rate at which a baseline is taken for that of the same person


class BaselineError(MienError, ValueError):
    """A baseline cannot be fitted or read, or is that of somebody else."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a person's face reads at rest; reuse it across clips, cameras and live."""

    centre: Mapping[str, float]  # name of UNITS -> value at rest, in its unit
    spread: Mapping[str, float]  # name -> standard deviation among the frames at rest
    mode: Mode  # of a whole clip, of its beginning alone, or of average people
    frames: int  # that were taken as rest
    seconds: float  # of seen face that they were chosen from
    vector: Floats | None = None  # (D,) unit length: whose it is
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
        """Find the face at rest in a clip, and tell what it reads.

        Rest is what the face returns to: of the near-frontal frames, 15 in 100 that lie close
        together in all measures; if several such groups lie about as close, as where somebody
        smiles most of the time, the one that is nearest to average people at rest.

        Args:
            times: (T,) seconds, rising; those of photos may be any rising numbers.
            columns: name -> (T,), what `measure` told of each frame; NaN where missing.
            vector: (D,) of the person, from an embedder.
            contract: of that embedder; both or neither.
            causal: True: only the first 10 seconds of seen face are used, as live.

        Raises:
            BaselineError: no frame shows the face near-frontal and whole.
            ValueError: lengths differ, times do not rise, or a measure is missing.
        """
        moments, table = _checked(times, columns)
        if (vector is None) != (contract is None):
            raise ValueError("Give the vector and the contract of its embedder, or neither.")
        seen = np.isfinite(np.column_stack([table[name] for name in EXPRESSIVE])).all(axis=1)
        steps = np.where(seen, np.diff(moments, prepend=moments[:1]), 0)
        passed = np.cumsum(np.minimum(steps, STEP))
        if causal:
            seen &= passed <= BEGINNING
        chosen = np.flatnonzero(seen & _frontal(table, seen))
        if not len(chosen):
            raise BaselineError(
                f"None of {len(moments)} frames shows the whole face within {FRONTAL:g} degrees of "
                "frontal, so nobody knows how it is at rest; give a clip that does."
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
        """Average people at rest: for single pictures of people of whom nothing else is known."""
        rows = average()
        centre = {name: rows[name][0] if name in rows else math.nan for name in UNITS}
        spread = {name: rows[name][1] if name in rows else math.nan for name in UNITS}
        return Baseline(centre, spread, "average", 0, 0.0)

    def check_person(self, vector: Floats, contract: str, calibration: Calibration) -> None:
        """Make sure that this is a baseline of the person in front of the camera.

        A baseline without a vector, as of average people, fits everybody.

        Args:
            vector: (D,) of the person who is seen.
            contract: of the embedder that made it.
            calibration: of that embedder.

        Raises:
            BaselineError: it is that of somebody else, or the vectors cannot be compared.
        """
        if self.vector is None:
            return
        if not contract == self.contract == calibration.contract:
            raise BaselineError(
                f"The baseline was made with embedder '{self.contract}', the face was embedded by "
                f"'{contract}' and the calibration is for '{calibration.contract}'; use one "
                "embedder, or fit the baseline anew."
            )
        similarity = float(self.vector @ _unit(vector))
        threshold = calibration.at_fmr(max(FMR, calibration.strictest.fmr)).threshold
        if not similarity > threshold:
            raise BaselineError(
                f"This baseline is of somebody else: similarity {similarity:.3f} does not exceed "
                f"{threshold:.3f}, the threshold for one false match in {1 / FMR:,.0f}. Fit one of "
                "this person with `mien baseline fit`."
            )

    def save(self, path: Path) -> None:
        """Write it as JSON; the file appears whole or not at all."""
        vector = None if self.vector is None else [round(float(v), 7) for v in self.vector]
        table = {
            "format": FORMAT, "mode": self.mode, "frames": self.frames, "seconds": self.seconds,
            "units": UNITS, "centre": _told(self.centre), "spread": _told(self.spread),
            "contract": self.contract, "vector": vector,
        }  # fmt: skip
        write_bytes(path, (json.dumps(table, indent=1, allow_nan=False) + "\n").encode())

    @staticmethod
    def load(path: Path) -> "Baseline":
        """Read what `save` wrote, and check it.

        Raises:
            BaselineError: naming the file and what is wrong with it.
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
                f"{path} is not a baseline ({error}); make it anew with `mien baseline fit`."
            ) from None
        try:
            return _baseline(table)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise BaselineError(
                f"{path} is not a baseline ({error}); make it anew with `mien baseline fit`."
            ) from None


class RunningBaseline:
    """The baseline of somebody who is seen live and of whom there is none: call it row by row.

    It is fitted anew each second, to the last minute; what was told before is not told anew.
    """

    SECONDS, EVERY, SOONEST = 60.0, 1.0, 2.0

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._times: list[float] = []
        self._rows: list[dict[str, float]] = []
        self._fitted = -math.inf
        self.baseline: Baseline | None = None  # None: seen for less than two seconds

    def __call__(self, time: float, row: Mapping[str, float]) -> Baseline | None:
        """Take the measures of the next frame, and give the baseline as it is now.

        Args:
            time: seconds, later than the frame before.
            row: from `measure`; frames without a face are left out.
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
                pass  # turned away for a minute: the one before is still the best there is
        return self.baseline


def _checked(
    times: ArrayLike, columns: Mapping[str, ArrayLike]
) -> tuple[Doubles, dict[str, Doubles]]:
    """Arrays of one length, and times that rise."""
    moments = np.asarray(times, np.float64)
    if moments.ndim != 1 or not (np.isfinite(moments).all() and (np.diff(moments) > 0).all()):
        raise ValueError("Times must be finite and rise, one for each frame; sort the rows.")
    missing = [name for name in UNITS if name not in columns]
    if missing:
        raise ValueError(f"Measure '{missing[0]}' is missing; give all that `measure` tells.")
    table = {name: np.asarray(columns[name], np.float64) for name in UNITS}
    for name, values in table.items():
        if values.shape != moments.shape:
            raise ValueError(f"{values.shape} values of '{name}' for {moments.shape} times.")
    return moments, table


def _frontal(table: Mapping[str, Doubles], seen: Any) -> Any:
    """Frames whose head is turned little; pitch has an error of its own for each person."""
    if not seen.any():
        return seen
    nod = table["pitch"] - np.median(table["pitch"][seen])
    return (np.abs(table["yaw"]) <= FRONTAL) & (np.abs(nod) <= FRONTAL)


def _densest(rows: Doubles) -> Any:
    """Which of (N, M) rows are the face at rest."""
    count = len(rows)
    typical = average()
    scale = np.array([typical[name][1] for name in EXPRESSIVE])
    usual = np.array([typical[name][0] for name in EXPRESSIVE])
    placed = rows / scale
    few = placed[np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int))]
    apart = np.stack([_distance(few, row) for row in few])
    width = np.sort(apart, axis=1)[:, max(0, math.ceil(SHARE * len(few)) - 1)]
    close = width <= ALIKE * width.min()
    strange = np.where(close, _distance(few, usual / scale), np.inf)
    middle = few[int(strange.argmin())]
    order = np.argsort(_distance(placed, middle), kind="stable")
    return np.sort(order[: math.ceil(SHARE * count)])


def _distance(rows: Doubles, row: Doubles) -> Doubles:
    """(N,) root mean square distance of rows to one row."""
    out: Doubles = np.sqrt(((rows - row) ** 2).mean(axis=1))
    return out


def _median(values: Doubles) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) else math.nan


def _spread(values: Doubles) -> float:
    """Standard deviation by the median distance from the median; NaN of fewer than three."""
    seen = values[np.isfinite(values)]
    if len(seen) < 3:
        return math.nan
    return float(1.4826 * np.median(np.abs(seen - np.median(seen))))


def _unit(vector: Floats) -> Floats:
    found: Floats = np.asarray(vector, np.float32)
    length = float(np.linalg.norm(found))
    if found.ndim != 1 or not (np.isfinite(length) and length > 0):
        raise ValueError(f"A vector of shape {found.shape} and length {length} is nobody's.")
    return np.asarray(found / length, np.float32)


def _told(values: Mapping[str, float]) -> dict[str, float | None]:
    return {k: round(v, 6) if math.isfinite(v) else None for k, v in values.items()}


def _baseline(table: Any) -> Baseline:
    """Check the schema and make the record."""
    if table["format"] != FORMAT:
        raise ValueError(f"its format is {table['format']!r}, not '{FORMAT}'")
    if table["mode"] not in ("whole", "causal", "average"):
        raise ValueError(f"its mode is {table['mode']!r}")
    if type(table["frames"]) is not int or table["frames"] < 0:
        raise ValueError(f"'frames' must be a whole number, got {table['frames']!r}")
    if table["units"] != UNITS:
        raise ValueError("its measures are not those of this version")
    centre, spread = (_numbers(table[key], key) for key in ("centre", "spread"))
    vector, contract = table["vector"], table["contract"]
    if (vector is None) != (contract is None):
        raise ValueError("it has a vector without a contract, or the other way round")
    whose = None if vector is None else _unit(np.array(vector, np.float32))
    seconds = _number(table["seconds"], "seconds")
    return Baseline(centre, spread, table["mode"], table["frames"], seconds, whose, contract)


def _numbers(row: Any, key: str) -> dict[str, float]:
    found = {name: math.nan if row[name] is None else _number(row[name], name) for name in UNITS}
    if key == "centre" and not any(math.isfinite(found[name]) for name in EXPRESSIVE):
        raise ValueError("its 'centre' holds no number")
    return found


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"'{name}' must be a number, got {value!r}")
    return float(value)
