"""Calibrations: error rates at each similarity of one embedder, measured on labelled people.

A threshold has no meaning without its data, model and rate. A calibration keeps them together in
one JSON file, which `mien calibrate` writes.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mien.errors import MienError, TooFewTrialsError

# A measured rate needs this many errors. Source: Doddington et al., "The NIST speaker
# recognition evaluation", Speech Communication 31, 2000: with 30 errors the true rate is within
# 30 % of the measured one at 90 % confidence, if trials are independent. Comparisons that share
# people are not independent, which the intervals by person take into account.
LEAST_ERRORS = 30
LARGEST_LLR = 700.0  # its exponential is finite in double precision

Record = TypeVar("Record")


class CalibrationError(MienError, ValueError):
    """A calibration is missing or invalid, or a requested value is out of its range."""


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold, and its false match rate per comparison."""

    fmr: float  # share of comparisons of two different people above the threshold, in (0, 1)
    threshold: float  # cosine similarity that must be exceeded
    low: float  # 95 % interval of the threshold (bootstrap by person), lower end
    high: float  # the same, upper end


@dataclass(frozen=True, slots=True)
class Rate:
    """The error rates of a threshold on people outside the calibration."""

    fmr: float  # asked for
    threshold: float  # cosine similarity that must be exceeded
    measured: float  # false match rate, lower is better
    low: float  # 95 % interval of the measured rate (bootstrap by person), lower end
    high: float  # the same, upper end
    fnmr: float  # false non-match rate, lower is better; each person counts once
    fnmr_low: float  # 95 % interval of it, by person, lower end
    fnmr_high: float  # the same, upper end


@dataclass(frozen=True, slots=True)
class Check:
    """The results on held-out people."""

    data: str  # description, in one sentence
    people: int
    genuine: int  # mated comparisons
    impostors: int  # non-mated comparisons
    rates: tuple[Rate, ...]  # only rates with enough comparisons
    ece: float  # calibration error of the probability at prior 0.5, in [0, 1], lower is better
    cllr: float  # cost of the log-likelihood ratio, bits, lower is better, 1 = no information


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration of one embedder. Field names are the keys of its JSON file."""

    name: str  # what users type
    contract: str  # of the embedder; the thresholds are invalid for any other
    detector: str  # card of the detector
    data: str  # description of the images, in one sentence
    people: int
    genuine: int  # mated comparisons
    impostors: int  # non-mated comparisons
    points: tuple[Point, ...]  # from the largest FMR to the smallest that the data support
    slope: float  # log-likelihood ratio = slope * similarity + intercept; slope > 0
    intercept: float
    check: Check | None  # None: no people were held out
    command: str  # of the measurement

    @property
    def strictest(self) -> Point:
        """Return the point with the smallest false match rate that the data support."""
        return self.points[-1]

    def at_fmr(self, fmr: float) -> Point:
        """Return the threshold for a 1:1 comparison.

        Args:
            fmr: permitted share of non-mated comparisons that match, in (0, 1).

        Returns:
            The point, interpolated along the logarithm of the rate.

        Raises:
            TooFewTrialsError: the data are too few for this rate.
            CalibrationError: the rate is not in (0, 1), or larger than that of the first point.
        """
        _require_rate("false match rate", fmr)
        if fmr < self.strictest.fmr * (1 - 1e-9):
            raise TooFewTrialsError(
                f"Calibration '{self.name}' has {self.impostors:,} non-mated comparisons, which "
                "support a "
                f"false match rate down to {self.strictest.fmr:.3g}, not {fmr:.3g}; request a "
                "larger "
                f"rate, or run `mien calibrate` on more people."
            )
        self._require_at_most(fmr, f"a false match rate of {fmr:.2g}")
        return self._between(fmr)

    def at_fpir(self, fpir: float, templates: int) -> Point:
        """Return the threshold for a search.

        Args:
            fpir: permitted share of searches of people outside the gallery with a name, in (0, 1).
            templates: number of templates that are searched, at least 1.

        Returns:
            The point at which each comparison has a false match rate of
            1 - (1 - fpir)^(1 / templates). Templates of one person are similar, so the true rate
            of such searches is lower: the threshold errs to the safe side.

        Raises:
            TooFewTrialsError: the data are too few for a gallery of this size.
            CalibrationError: a rate is not in (0, 1), or larger than that of the first point.

        Source: ISO/IEC 19795-1:2021, false positive identification rate; independent comparisons.
        """
        _require_rate("false positive identification rate", fpir)
        if templates < 1:
            raise CalibrationError(
                f"A search needs at least one template, but the gallery has {templates}; enrol "
                "a person first."
            )
        fmr = -math.expm1(math.log1p(-fpir) / templates)
        if fmr < self.strictest.fmr * (1 - 1e-9):
            least = -math.expm1(templates * math.log1p(-self.strictest.fmr))
            raise TooFewTrialsError(
                f"A false positive identification rate of {fpir:.2g} in a gallery of "
                f"{templates:,} templates needs a false match rate of {fmr:.3g}, but calibration "
                f"'{self.name}' ({self.impostors:,} non-mated comparisons) supports it down to "
                f"{self.strictest.fmr:.3g}; request {_up(least)} or more, search fewer people, or "
                "run "
                "`mien calibrate` on more people."
            )
        self._require_at_most(
            fmr, f"a false positive identification rate of {fpir:.2g} among {templates:,} templates"
        )
        return self._between(fmr)

    def fmr_of(self, threshold: float) -> float:
        """Return the false match rate of a comparison at a threshold.

        Args:
            threshold: cosine similarity that must be exceeded.

        Returns:
            Rate in (0, 1), lower is better.

        Raises:
            TooFewTrialsError: the threshold is stricter than the data support.
            CalibrationError: the threshold is below that of the first point, or not a number.
        """
        first, last = self.points[0], self.points[-1]
        if threshold > last.threshold:
            raise TooFewTrialsError(
                f"Calibration '{self.name}' ends at cosine {last.threshold:.4f}, a false match "
                f"rate of {last.fmr:.2g}; the rate of {threshold:.4f} is lower but unknown. Use a "
                "lower threshold, or run `mien calibrate` on more people."
            )
        if not threshold >= first.threshold:  # NaN too
            raise CalibrationError(
                f"Calibration '{self.name}' begins at cosine {first.threshold:.4f}, a false match "
                f"rate of {first.fmr:.2g}; the rate of {threshold:.4f} is higher than any use "
                "permits. "
                f"Use a threshold from {first.threshold:.4f} to {last.threshold:.4f}."
            )
        thresholds = [point.threshold for point in self.points]
        logs = [math.log(point.fmr) for point in self.points]
        return math.exp(float(np.interp(threshold, thresholds, logs)))

    def llr(self, similarity: float) -> float:
        """Return the log-likelihood ratio of a similarity: one person against two people.

        Args:
            similarity: cosine, in [-1, 1].

        Returns:
            Natural logarithm of the likelihood ratio: 0 is neutral, above 0 supports the same
            person. mien.metrics.posterior converts it to a probability, given a prior.
        """
        return self.slope * similarity + self.intercept

    def ratio(self, similarity: float) -> float:
        """Return the likelihood ratio, above 0: 1 is neutral."""
        return math.exp(min(self.llr(similarity), LARGEST_LLR))

    def _require_at_most(self, fmr: float, what: str) -> None:
        if fmr > self.points[0].fmr * (1 + 1e-9):
            raise CalibrationError(
                f"Calibration '{self.name}' begins at a false match rate of "
                f"{self.points[0].fmr:.2g} per comparison, and {what} is higher; request a lower "
                "rate."
            )

    def _between(self, fmr: float) -> Point:
        logs = [-math.log(point.fmr) for point in self.points]  # rising, as np.interp requires
        at = -math.log(fmr)
        rows = [[point.threshold, point.low, point.high] for point in self.points]
        threshold, low, high = (
            float(np.interp(at, logs, column)) for column in zip(*rows, strict=True)
        )
        return Point(fmr, threshold, low, high)


def calibrations(extra: Sequence[Path] = ()) -> dict[str, Calibration]:
    """Return all calibrations by name: those of the package, then those of the files.

    A file replaces a calibration of the package with the same name.
    """
    shipped = sorted(Path(str(resources("mien"))).glob("decision/calibrations/*.json"))
    found = (read_calibration(path) for path in [*shipped, *extra])
    return {calibration.name: calibration for calibration in found}


def find_calibration(
    contract: str, detector: str | None = None, *, path: Path | None = None
) -> Calibration:
    """Find the calibration of an embedder; never that of another one.

    Args:
        contract: of the embedder.
        detector: card of the detector; None: any, if there is only one.
        path: a file from `mien calibrate`; other calibrations are then ignored.

    Raises:
        CalibrationError: there is none, or several, or the file is for other models.
    """
    known = [read_calibration(path)] if path else list(calibrations().values())
    fitting = [
        each for each in known if each.contract == contract and detector in (None, each.detector)
    ]
    wanted = f"embedder '{contract}'" + (f" with detector '{detector}'" if detector else "")
    if not fitting:
        there = "; ".join(f"'{e.name}' is for '{e.contract}' with '{e.detector}'" for e in known)
        raise CalibrationError(
            f"No calibration exists for {wanted} (known: {there or 'none'}). Run `mien calibrate` "
            "on "
            "your own images and give its file."
        )
    if len(fitting) > 1:
        names = ", ".join(f"'{each.name}'" for each in fitting)
        raise CalibrationError(
            f"Several calibrations fit {wanted}: {names}; name the detector, or give the file."
        )
    return fitting[0]


def read_calibration(path: Path) -> Calibration:
    """Read and check one calibration.

    Raises:
        CalibrationError: names the file and the fault.
    """
    try:
        table = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CalibrationError(
            f"Calibration {path} cannot be read ({error.strerror}); give the file from "
            "`mien calibrate`."
        ) from None
    except ValueError as error:  # invalid JSON, or not UTF-8
        raise CalibrationError(
            f"{path} is not a calibration ({error}); measure it again with `mien calibrate`."
        ) from None
    try:
        return _calibration(table)
    except (TypeError, ValueError, KeyError) as error:
        raise CalibrationError(
            f"{path} is not a calibration ({error}); measure it again with `mien calibrate`."
        ) from None


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write one calibration as JSON, without loss."""
    text = json.dumps(asdict(calibration), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", "utf-8")


def _calibration(table: Any) -> Calibration:
    points = tuple(_record(Point, row) for row in table["points"])
    check = table["check"]
    if check is not None:
        rates = tuple(_record(Rate, row) for row in check["rates"])
        check = _record(Check, {**check, "rates": rates})
    calibration = _record(Calibration, {**table, "points": points, "check": check})
    rates_, thresholds = (np.array([getattr(p, k) for p in points]) for k in ("fmr", "threshold"))
    if not (
        len(points) > 1
        and rates_.min() > 0
        and rates_.max() < 1
        and np.all(rates_[1:] < rates_[:-1])
    ):
        raise ValueError("its points must have decreasing FMR, between 0 and 1")
    if np.any(np.diff(thresholds) < 0) or any(not p.low <= p.threshold <= p.high for p in points):
        raise ValueError(
            "its thresholds must increase as the FMR decreases, each within its interval"
        )
    if not calibration.slope > 0:
        raise ValueError("its slope must be above 0")
    return calibration


def _record(kind: type[Record], row: Any) -> Record:
    """Create a record; check the types of all fields, and that there are no other keys."""
    for each in fields(kind):  # type: ignore[arg-type]
        value = row[each.name]
        if each.type is float and (isinstance(value, bool) or not math.isfinite(value)):
            raise ValueError(f"'{each.name}' must be a number, got {value!r}")
        if each.type in (int, str) and type(value) is not each.type:
            raise ValueError(f"'{each.name}' must be of type {each.type.__name__}, got {value!r}")
    return kind(**row)


def _require_rate(what: str, rate: float) -> None:
    if not 0 < rate < 1:
        raise CalibrationError(
            f"A {what} must be between 0 and 1, got {rate:g}; a typical value is 0.001."
        )


def _up(rate: float) -> str:
    """Format with two digits, rounded up, so that the printed rate is accepted."""
    scale = 10.0 ** (math.floor(math.log10(rate)) - 1)
    return f"{math.ceil(rate / scale) * scale:.2g}"
