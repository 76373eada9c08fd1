"""Evaluate similarities as evidence: likelihood ratios tested on people outside the fit."""

import zlib
from dataclasses import dataclass

import numpy as np

from mien.errors import TooFewTrialsError
from mien.evaluate.verification.trial_set import Compared, subset
from mien.metrics import (
    Estimate,
    PavLlr,
    calibration_error,
    cllr,
    cross_entropy,
    doubt_before,
    fit_llr,
    least_cllr,
    posterior,
    reliability,
)
from mien.metrics.findings import Curve, Plot, Table
from mien.metrics.trials import Flags
from mien.types import Doubles

LEAST = 10  # pairs of each kind on each side of the split
MOST = 100_000  # pairs of each kind that are used; from more, this many are drawn at random
PRIORS = np.linspace(-4, 4, 81)  # base-10 logarithm of P(one person) / P(two people), for the plot


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """Log-likelihood ratios of one map."""

    name: str
    same: Doubles  # (P,) natural logarithm
    different: Doubles  # (Q,)

    @property
    def cost(self) -> float:
        """Cllr, bits."""
        return cllr(self.same, self.different)

    @property
    def error(self) -> float:
        """Calibration error of the probability at prior 0.5, each kind weighted one half."""
        stated = posterior(np.concatenate([self.same, self.different]), 0.5)
        came = np.arange(stated.size) < self.same.size
        return calibration_error(stated, came, _halves(came))


def held_out(compared: Compared) -> list[Ratios]:
    """Logistic and isotonic ratios, each fitted on one half of the people and tested on the other.

    Comparisons of people of both halves are left out, so nobody is in both training and test.

    Raises:
        TooFewTrialsError: a half has fewer than ten pairs of a kind.
    """
    half = np.array([zlib.crc32(name.encode()) & 1 for name in compared.names])
    t = compared.trials
    sides = [
        subset(compared, (half[t.first] == k) & (half[t.second] == k) & ~t.failed).trials
        for k in (0, 1)
    ]
    for side in sides:
        if min(side.genuine.size, side.impostors.size) < LEAST:
            raise TooFewTrialsError(
                f"Half of the people give {side.genuine.size} comparisons of one person and "
                f"{side.impostors.size} of two; fitting and testing need {LEAST} of each. "
                "Add people."
            )
    parts: dict[str, list[tuple[Doubles, Doubles]]] = {"logistic": [], "isotonic (PAV)": []}
    drawn = [(some(side.genuine), some(side.impostors)) for side in sides]
    for train, (genuine, impostors) in zip(drawn, drawn[::-1], strict=True):
        slope, intercept = fit_llr(*train)
        steps = PavLlr(*train)
        line = (slope * genuine + intercept, slope * impostors + intercept)
        parts["logistic"].append(line)
        parts["isotonic (PAV)"].append((steps(genuine), steps(impostors)))
    return [
        Ratios(name, np.concatenate([a for a, _ in halves]), np.concatenate([b for _, b in halves]))
        for name, halves in parts.items()
    ]


def some(values: Doubles, seed: int = 0) -> Doubles:
    """All values, or MOST of them at random: enough for a curve and for Cllr to three digits."""
    if values.size <= MOST:
        return values
    return np.random.default_rng(seed).choice(values, MOST, replace=False)


def report_ratios(
    maps: list[Ratios], genuine: Doubles, impostors: Doubles
) -> tuple[Table, list[Plot]]:
    """Return a table of costs, a reliability plot and an empirical cross-entropy plot."""
    least = least_cllr(genuine, impostors)
    rows = [(m.name, m.same.size, m.different.size, Estimate(m.cost), m.error) for m in maps]
    table = Table(
        "Value as evidence",
        (
            ("Map from similarity to likelihood ratio", "text"),
            ("Same person", "count"),
            ("Different", "count"),
            ("Cllr, bits", "number"),
            ("Calibration error", "number"),
        ),
        tuple(rows),
        f"Cllr is the information lost by trusting the ratios: 0 is perfect, 1 carries no "
        f"information. No map of these similarities can be below {least:.4f}. Logistic and "
        "isotonic maps were fitted on one half of the people and tested on the other. "
        f"From more than {MOST:,} pairs of a kind, that many are drawn.",
    )
    return table, [_reliability(maps), _cross_entropy(maps)]


def _reliability(maps: list[Ratios]) -> Plot:
    curves = []
    for one in maps:
        stated = posterior(np.concatenate([one.same, one.different]), 0.5)
        came = np.arange(stated.size) < one.same.size
        x, y, _ = reliability(stated, came, _halves(came))
        _, _, count = reliability(stated, came)
        curves.append(Curve(one.name, x[count >= LEAST], y[count >= LEAST]))
    ideal = Curve("as stated", np.array([0.0, 1.0]), np.array([0.0, 1.0]), style="dashed")
    return Plot(
        "Reliability",
        "stated probability",
        "share of comparisons of one person",
        (*curves, ideal),
        caption="At prior 0.5. Above the dashed line the stated probability is too low, "
        f"below it too high. Bins with fewer than {LEAST} comparisons are left out.",
        percent=(True, True),
    )


def _cross_entropy(maps: list[Ratios]) -> Plot:
    natural = PRIORS * np.log(10)
    curves = [Curve(m.name, PRIORS, cross_entropy(m.same, m.different, natural)) for m in maps]
    nothing = Curve("without evidence", PRIORS, doubt_before(natural), style="dashed")
    return Plot(
        "Remaining uncertainty",
        "prior, log10 of P(one person) / P(two people)",
        "cross-entropy, bits",
        (*curves, nothing),
        caption="Empirical cross-entropy: lower is better; above the dashed line the evidence "
        "does more harm than good at that prior.",
    )


def _halves(came: Flags) -> Doubles:
    """Weights that give each kind of pair one half."""
    weights: Doubles = np.where(came, 1 / came.sum(), 1 / (~came).sum())
    return weights
