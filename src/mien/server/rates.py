"""Endpoints about error rates: what a rate costs in misses, and where the numbers are from."""

import math
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mien.decision import Calibration
from mien.decision.calibration import calibration_text
from mien.gallery.watching import SIGNALS
from mien.server.access import Anybody
from mien.server.galleries import Gallery

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["rates"])
RATES = (0.1, 0.05, 0.03, 0.01, 0.005, 0.003, 0.001)


class Cost(BaseModel):
    """What a rate means for this gallery."""

    rate: float = Field(description="share of searches for a stranger that return a name")
    strangers: int = Field(description="the same as N of 1 in N")
    threshold: float = Field(description="score that a match must exceed")
    fmr: float = Field(description="false match rate of each comparison")
    extrapolated: bool = Field(description="rarer than the data of the calibration show")
    misses: float | None = Field(
        description="share of searches for a known person without a name; None: not measured"
    )
    misses_low: float | None = Field(description="95 % interval by person, lower end")
    misses_high: float | None = Field(description="upper end")
    between: bool = Field(description="misses are interpolated between two measured rates")


class Curve(BaseModel):
    """The rates of a gallery of this size, and the data behind them."""

    people: int
    calibration: str
    data: str = Field(description="for whom the rates were measured")
    checked_on: str | None = Field(description="held-out people, of whom misses were measured")
    checked_people: int | None
    ece: float | None = Field(description="calibration error of the probability")
    costs: list[Cost]


class MeasuredRate(BaseModel):
    """A rate that was asked for and measured on held-out people."""

    fmr: float
    measured: float
    low: float
    high: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float


class CalibrationFacts(BaseModel):
    """A calibration: the curve of false matches, and the check."""

    name: str
    contract: str
    detector: str
    data: str
    people: int
    genuine: int
    impostors: int
    command: str
    points: list[dict[str, float]] = Field(description="fmr, threshold, low, high")
    evidence: list[dict[str, float]] = Field(description="score and log-likelihood ratio")
    checked: list[MeasuredRate]
    ece: float | None
    cllr: float | None
    own: bool = Field(description="kept in the gallery; false: that of the embedder")
    drift: list[str] = Field(description="what of live searches has left the calibration")


def cost(calibration: Calibration, rate: float, people: int) -> Cost:
    """Return what a rate means for a number of people."""
    threshold = calibration.at_fpir(rate, people)
    misses: list[float | None] = [None, None, None]
    known = sorted(calibration.check.rates, key=lambda one: one.fmr) if calibration.check else []
    ends = [one.fmr for one in known]
    inside = bool(ends) and ends[0] * (1 - 1e-9) <= threshold.fmr <= ends[-1] * (1 + 1e-9)
    if inside:
        places = [math.log(one.fmr) for one in known]
        misses = [
            float(np.interp(math.log(threshold.fmr), places, [getattr(r, name) for r in known]))
            for name in ("fnmr", "fnmr_low", "fnmr_high")
        ]
    return Cost(
        rate=rate,
        strangers=round(1 / rate),
        threshold=round(threshold.score, 4),
        fmr=threshold.fmr,
        extrapolated=threshold.extrapolated,
        misses=misses[0],
        misses_low=misses[1],
        misses_high=misses[2],
        between=inside and not any(math.isclose(r.fmr, threshold.fmr) for r in known),
    )


@router.get("/rates")
def rates(
    gallery: Gallery,
    caller: Anybody,
    rate: Annotated[
        list[float] | None, Query(description="Rates; default: 0.1 to 0.001.", max_length=50)
    ] = None,
) -> Curve:
    """Show what a rate costs: the stricter, the fewer strangers and the more misses."""
    known = caller.gallery(gallery)
    calibration = caller.state.pipelines.searching(known).calibrated()
    people, check = max(known.enrolled(), 1), calibration.check
    return Curve(
        people=known.enrolled(),
        calibration=calibration.name,
        data=calibration.data,
        checked_on=check.data if check else None,
        checked_people=check.people if check else None,
        ece=check.ece if check else None,
        costs=[cost(calibration, each, people) for each in rate or RATES],
    )


@router.get("/calibration")
def calibration(gallery: Gallery, caller: Anybody) -> CalibrationFacts:
    """Show the calibration that decides in a gallery."""
    known = caller.gallery(gallery)
    found = caller.state.pipelines.searching(known).calibrated()
    own = known.calibration() == calibration_text(found)
    drifts = {signal: known.drift(signal) for signal in SIGNALS}
    left = [signal for signal, drift in drifts.items() if drift and drift.alarm]
    return calibration_facts(found, own, left)


def calibration_facts(found: Calibration, own: bool, drift: list[str]) -> CalibrationFacts:
    """Return what is shown of a calibration."""
    points: list[dict[str, Any]] = [
        {"fmr": one.fmr, "threshold": one.threshold, "low": one.low, "high": one.high}
        for one in found.points
    ]
    check = found.check
    names = MeasuredRate.model_fields
    return CalibrationFacts(
        name=found.name,
        contract=found.contract,
        detector=found.detector,
        data=found.data,
        people=found.people,
        genuine=found.genuine,
        impostors=found.impostors,
        command=found.command,
        points=points,
        evidence=[{"score": one.score, "llr": one.llr} for one in found.evidence],
        checked=[
            MeasuredRate(**{name: getattr(one, name) for name in names})
            for one in (check.rates if check else ())
        ],
        ece=check.ece if check else None,
        cllr=check.cllr if check else None,
        own=own,
        drift=drift,
    )
