"""Findings of a fit, for the report and as JSON."""

import math

import numpy as np

from mien.metrics.estimates import Estimate
from mien.metrics.findings import Curve, Fact, Findings, Plot, Table
from mien.metrics.survival import Curve as Steps
from mien.metrics.survival import Hazards
from mien.systems.survival_fahr.fitting import FOLDS, Fitted
from mien.types import Doubles

LIMITS = (
    "Research only. This is not a diagnosis, and not for decisions about anybody: not for "
    "insurance, hiring or triage, and not for minors.",
    "A hazard here is relative to this cohort. Other people, cameras, light, make-up and surgery "
    "change it; it says nothing about an individual person's life.",
)
QUARTILES = ("lowest risk", "second", "third", "highest risk")


def findings(fitted: Fitted, data: str, lost: str, basis: tuple[tuple[str, str], ...]) -> Findings:
    """Findings about one cohort.

    Args:
        fitted: the fit.
        data: which cohort this is.
        lost: images that were left out, in a sentence.
        basis: models, command line, ...
    """
    cohort, found = fitted.model.cohort, fitted.concordance
    facts = [
        Fact("Concordance", found["risk"], "number", "0.5 is chance, 1 perfect order"),
        Fact("Events", Estimate(float(cohort["events"])), "count", f"of {cohort['people']} people"),
    ]
    if fitted.top is not None:
        facts.append(
            Fact(
                "Hazard ratio",
                _ratio(fitted.top, 0),
                "number",
                "highest against lowest quarter, adjusted for the other columns",
            )
        )
    others = [name for name in found if name != "risk"]
    both = [("risk, one spread", 0), *((name, k) for k, name in enumerate(others, 1))]
    rows = tuple((name, _ratio(fitted.both, k), float(fitted.both.p[k])) for name, k in both)
    tables = [
        Table(
            "Concordance of each column",
            (("what", "text"), ("concordance", "number")),
            tuple(found.items()),
            "Each alone, in either direction. The risk of each person is from a model "
            f"fitted without their fifth of the cohort ({FOLDS} folds).",
        ),
        Table(
            "Together, in one Cox model",
            (("what", "text"), ("hazard ratio", "number"), ("p", "number")),
            rows,
            "; ".join(f"{k}: p = {v:.2g}" for k, v in fitted.adds.items()),
        ),
    ]
    curves = tuple(
        Curve(name, *_from_the_start(one), "steps")
        for name, one in zip(QUARTILES, fitted.curves, strict=False)
    )
    statistic, p = fitted.log_rank
    plot = Plot(
        "Share without the event, by quarter of risk", "days", "share", curves,
        caption=f"Kaplan-Meier with 95 % intervals; log-rank {statistic:.3g}, p = {p:.2g}",
        percent=(False, True),
    )  # fmt: skip
    return Findings(
        "Hazards from faces", f"Fitted to {data}.", tuple(facts), tuple(tables), (plot,),
        (*LIMITS, *((lost,) if lost else ())), (), basis,
    )  # fmt: skip


def _from_the_start(curve: Steps) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Times, shares and interval from day 0, before any event."""
    times = np.concatenate([[0.0], curve.times])
    share, low, high = (np.concatenate([[1.0], v]) for v in (curve.share, curve.low, curve.high))
    return times, share, low, high


def _ratio(hazards: Hazards, column: int) -> Estimate:
    ratio, low, high = (float(v) if math.isfinite(v) else math.nan for v in hazards.ratios[column])
    return Estimate(ratio, low, high, hazards.events)
