"""Calibrations: error rates at each score of one embedder, measured on labelled people.

A threshold has no meaning without its data, model and rate. A calibration keeps them together in
one JSON file, which `mien calibrate` writes.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from mien.decision.cohort import find_cohort, normalise
from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles, Floats

# A measured rate needs this many errors. Source: Doddington et al., "The NIST speaker
# recognition evaluation", Speech Communication 31, 2000: with 30 errors the true rate is within
# 30 % of the measured one at 90 % confidence, if trials are independent. Comparisons that share
# people are not independent, which the intervals by person take into account.
LEAST_ERRORS = 30
STRICT = 1e-3  # false match rates of a comparison below this use the upper end of the interval
TINY = 1e-12  # least difference of two thresholds

Record = TypeVar("Record")


class CalibrationError(MienError, ValueError):
    """A calibration is missing or invalid, or a requested value is out of its range."""


@dataclass(frozen=True, slots=True)
class Point:
    """A normalised similarity, and the false match rate of a comparison at it."""

    fmr: float  # share of comparisons of two different people above the threshold, in (0, 1)
    threshold: float  # normalised similarity that must be exceeded
    low: float  # 95 % interval of the threshold (bootstrap by person), lower end
    high: float  # the same, upper end


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score that must be exceeded."""

    fmr: float  # false match rate that is permitted
    score: float
    low: float  # 95 % interval of the score that has this rate, lower end
    high: float  # the same, upper end
    extrapolated: bool = False  # the rate is rarer than the data show: a model of the tail


@dataclass(frozen=True, slots=True)
class Rate:
    """The error rates of a threshold on people outside the calibration."""

    fmr: float  # asked for
    threshold: float  # normalised similarity that must be exceeded
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
class Evidence:
    """The likelihood ratio at one score."""

    score: float
    llr: float  # natural logarithm: one person against two


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration of one embedder. Field names are the keys of its JSON file.

    A cosine is normalised against the cohort, then converted to a score: the negative decimal
    logarithm of the share of strangers who are at least as similar. A score of 4 means: of 10,000
    comparisons of strangers one is as similar.
    """

    name: str  # what users type
    contract: str  # of the embedder; the thresholds are invalid for any other
    detector: str  # card of the detector
    data: str  # description of the images, in one sentence
    people: int
    genuine: int  # mated comparisons
    impostors: int  # non-mated comparisons
    points: tuple[Point, ...]  # from the largest FMR to the smallest that the data support
    evidence: tuple[Evidence, ...]  # likelihood ratio by score, both rising
    slope: float  # log-likelihood ratio = slope * cosine + intercept, where only a cosine is known
    intercept: float
    check: Check | None  # None: no people were held out
    command: str  # of the measurement
    tail: tuple[Point, ...] = ()  # rarer rates than those of `points`, extrapolated
    cohort: str = ""  # name of the strangers that similarities are normalised against; "": none
    usual: tuple[float, float] = (-1.0, 1.0)  # cosine to the nearest strangers, of calibrated faces

    @property
    def strictest(self) -> Point:
        """Return the point with the smallest false match rate that the data support."""
        return self.points[-1]

    @property
    def rarest(self) -> float:
        """Return the smallest false match rate that can be shown at all, in (0, 1)."""
        return self.tail[-1].fmr if self.tail else self.strictest.fmr

    def norms(self, vectors: Floats) -> Doubles:
        """Return what is usual among strangers for (N, D) unit vectors: (N, 2) mean and spread."""
        if self.cohort:
            return find_cohort(self.cohort).norms(vectors)
        return np.tile([0.0, 1.0], (len(vectors), 1))  # the normalised similarity is the cosine

    def scores(self, cosines: Floats | Doubles, first: Doubles, second: Doubles) -> Doubles:
        """Return scores of cosines.

        Args:
            cosines: of any shape.
            first: norms of the one side (`norms`), (..., 2), broadcast.
            second: norms of the other side.
        """
        return self.score(normalise(cosines, first, second))

    def pair_scores(self, first: Floats, second: Floats) -> Doubles:
        """Return the scores of pairs of unit vectors, (N, D) and (N, D) -> (N,)."""
        one, other = self.norms(first), self.norms(second)
        return self.scores(np.einsum("nd,nd->n", first, second), one, other)

    def score(self, similarity: ArrayLike) -> Doubles:
        """Convert normalised similarities to scores, above 0, rising.

        Between points the score is a straight line; beyond the last it is a straight line through
        the last two; below the first, where no use is made of it, it falls to 0.
        """
        x, y = self._curve
        given = np.asarray(similarity, np.float64)
        steep = (y[-1] - y[-2]) / max(x[-1] - x[-2], TINY)
        flat = (y[1] - y[0]) / max(x[1] - x[0], TINY) / y[0]
        above = y[-1] + steep * np.maximum(given - x[-1], 0)
        below = y[0] * np.exp(np.clip(flat * (given - x[0]), -700.0, 0))
        scores: Doubles = np.where(
            given > x[-1], above, np.where(given < x[0], below, np.interp(given, x, y))
        )
        return scores

    def at_fmr(self, fmr: float) -> Threshold:
        """Return the threshold for a 1:1 comparison.

        Args:
            fmr: permitted share of non-mated comparisons that match, in (0, 1).

        Returns:
            The threshold. For rates below `STRICT` it is the upper end of its interval: the true
            rate is then below `fmr` with a probability of 97.5 %.

        Raises:
            TooFewTrialsError: the rate is rarer than even an extrapolation shows.
            CalibrationError: the rate is not in (0, 1), or larger than that of the first point.
        """
        _require_rate("false match rate", fmr)
        if fmr < self.rarest * (1 - 1e-9):
            raise TooFewTrialsError(
                f"Calibration '{self.name}' has {self.impostors:,} non-mated comparisons, which "
                f"support a false match rate down to {self.rarest:.3g}, not {fmr:.3g}; request a "
                "larger rate, or run `mien calibrate` on more people."
            )
        self._require_at_most(fmr, f"a false match rate of {fmr:.2g}")
        return self._strict(fmr)

    def at_fpir(self, fpir: float, people: int) -> Threshold:
        """Return the threshold for a search.

        Args:
            fpir: permitted share of searches of people outside the gallery with a name, in (0, 1).
            people: number of people that are searched, at least 1.

        Returns:
            The threshold at which each comparison has a false match rate of
            1 - (1 - fpir)^(1 / people), below `STRICT` the upper end of its interval. If even an
            extrapolation does not show this rate, the threshold of the rarest rate that it shows:
            `fmr` says which.

        Raises:
            CalibrationError: a rate is not in (0, 1), or larger than that of the first point.

        Source: ISO/IEC 19795-1:2021, false positive identification rate; independent comparisons.
        """
        _require_rate("false positive identification rate", fpir)
        if people < 1:
            raise CalibrationError(
                f"A search needs at least one person, but the gallery has {people}; enrol "
                "a person first."
            )
        fmr = max(-math.expm1(math.log1p(-fpir) / people), self.rarest)
        self._require_at_most(
            fmr, f"a false positive identification rate of {fpir:.2g} among {people:,} people"
        )
        return self._strict(fmr)

    def fpir_of(self, fmr: float, people: int) -> float:
        """Return the false positive identification rate that follows from that of a comparison."""
        return -math.expm1(people * math.log1p(-fmr))

    def llr(self, scores: ArrayLike) -> Doubles:
        """Return log-likelihood ratios of scores: one person against two people.

        Returns:
            Natural logarithms: 0 is neutral, above 0 supports the same person; constant beyond
            the scores that the data show. mien.metrics.posterior converts them to probabilities,
            given a prior.
        """
        found: Doubles = np.interp(
            np.asarray(scores, np.float64),
            [each.score for each in self.evidence],
            [each.llr for each in self.evidence],
        )
        return found

    def cosine_llr(self, cosine: ArrayLike) -> Any:
        """Return log-likelihood ratios of bare cosines, for the faces of one track."""
        return self.slope * np.asarray(cosine) + self.intercept

    @property
    def _curve(self) -> tuple[Doubles, Doubles]:
        """Normalised similarities and their scores, both rising."""
        known = (*self.points, *self.tail)
        thresholds = np.array([point.threshold for point in known])
        return thresholds, np.array([-math.log10(point.fmr) for point in known])

    def _strict(self, fmr: float) -> Threshold:
        """Return the threshold; its upper end for a rate that few comparisons show."""
        found = self._at(fmr)
        return replace(found, score=found.high) if fmr < STRICT * (1 - 1e-9) else found

    def _at(self, fmr: float) -> Threshold:
        known = (*self.points, *self.tail)
        scores = [-math.log10(point.fmr) for point in known]
        score = -math.log10(fmr)
        low, high = (
            float(self.score(np.interp(score, scores, [getattr(p, side) for p in known])))
            for side in ("low", "high")
        )
        beyond = fmr < self.strictest.fmr * (1 - 1e-9)
        return Threshold(fmr, score, min(low, score), max(high, score), beyond)

    def _require_at_most(self, fmr: float, what: str) -> None:
        if fmr > self.points[0].fmr * (1 + 1e-9):
            raise CalibrationError(
                f"Calibration '{self.name}' begins at a false match rate of "
                f"{self.points[0].fmr:.2g} per comparison, and {what} is higher; request a lower "
                "rate."
            )


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
        return parse_calibration(path.read_bytes(), str(path))
    except OSError as error:
        raise CalibrationError(
            f"Calibration {path} cannot be read ({error.strerror}); give the file from "
            "`mien calibrate`."
        ) from None


def parse_calibration(data: str | bytes, where: str) -> Calibration:
    """Read and check one calibration from JSON.

    Args:
        data: JSON, UTF-8.
        where: file or gallery, for messages.

    Raises:
        CalibrationError: states the fault.
    """
    try:
        return _calibration(json.loads(data))
    except (TypeError, ValueError, KeyError) as error:  # also if it is not UTF-8
        raise CalibrationError(
            f"{where} is not a calibration ({error}); measure it again with `mien calibrate`."
        ) from None


def calibration_text(calibration: Calibration) -> str:
    """Return one calibration as JSON, without loss."""
    return json.dumps(asdict(calibration), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write one calibration as JSON, without loss."""
    path.write_text(calibration_text(calibration), "utf-8")


def _calibration(table: Any) -> Calibration:
    points, tail = (tuple(_record(Point, row) for row in table[k]) for k in ("points", "tail"))
    evidence = tuple(_record(Evidence, row) for row in table["evidence"])
    low, high = (float(end) for end in table["usual"])
    check = table["check"]
    if check is not None:
        rates = tuple(_record(Rate, row) for row in check["rates"])
        check = _record(Check, {**check, "rates": rates})
    parts = {"points": points, "tail": tail, "evidence": evidence, "usual": (low, high)}
    calibration = _record(Calibration, {**table, **parts, "check": check})
    known = (*points, *tail)
    rates_, thresholds = (np.array([getattr(p, k) for p in known]) for k in ("fmr", "threshold"))
    if not (
        len(points) > 1
        and rates_.min() > 0
        and rates_.max() < 1
        and np.all(rates_[1:] < rates_[:-1])
    ):
        raise ValueError("its points must have decreasing FMR, between 0 and 1")
    if np.any(np.diff(thresholds) < 0) or any(not p.low <= p.threshold <= p.high for p in known):
        raise ValueError(
            "its thresholds must increase as the FMR decreases, each within its interval"
        )
    columns = [(each.score, each.llr) for each in evidence]
    if len(columns) < 2 or np.any(np.diff(columns, axis=0) < 0):
        raise ValueError("its evidence must rise with the score")
    if not calibration.slope > 0:
        raise ValueError("its slope must be above 0")
    if not low < high:
        raise ValueError("the range of its usual cosines must not be empty")
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
