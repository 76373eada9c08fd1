"""Compare two matchers on the same comparisons, with a bootstrap over people."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.verification.trial_set import Compared
from mien.evaluate.verification.verify import rate_name
from mien.metrics import Estimate, Trials, bootstrap_weights
from mien.metrics.findings import Curve, Fact, Findings, Plot, Table
from mien.metrics.trials import LEAST_ERRORS
from mien.types import Doubles

RESAMPLES = 1000  # of people
Rows = NDArray[np.int64]
MOST = 200_000  # impostors that are resampled; of more, those of low similarity are thinned


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One matcher's trials, prepared for weights."""

    genuine: Doubles  # (P,) -inf where the comparison failed
    person: Rows  # (P,)
    impostors: Doubles  # (K,) falling
    first: Rows  # (K,)
    second: Rows  # (K,)
    weight: Doubles  # (K,) number of pairs that each represents

    def missed(self, fmr: float, draw: Doubles) -> float:
        """FNMR at the threshold of this rate for this bootstrap draw of people."""
        passed = np.cumsum(self.weight * draw[self.first] * draw[self.second])
        if passed[-1] <= 0:
            return float("nan")
        bar = self.impostors[
            min(int(np.searchsorted(passed, fmr * passed[-1] + 1e-9, "right")), passed.size - 1)
        ]
        weight = draw[self.person]
        total = weight.sum()
        return float(weight[self.genuine <= bar].sum() / total) if total else float("nan")


def compare(
    a: Compared,
    b: Compared,
    names: tuple[str, str],
    *,
    fmr: float,
    data: str,
    basis: tuple[tuple[str, str], ...] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Findings:
    """Compare the FNMR of two matchers, each at its own threshold of one false match rate.

    Args:
        a: trials of the first.
        b: trials of the second: the same comparisons in the same order.
        names: of both.
        fmr: false match rate at which both operate.
        data: which images these are, in a sentence.
        basis: models, command line, ...
        resamples: of people.
        seed: of the resamples.

    Raises:
        MienError: the trials are not the same comparisons.
        TooFewTrialsError: they cannot show that rate.

    Source: Bolle, Ratha and Pankanti, CVIU 93, 2004, for resampling people; both matchers get the
        same draw, so effects that the people have on both cancel out.
    """
    _require_same(a.trials, b.trials)
    for side in (a, b):
        side.trials.require()
    if a.trials.impostors.size * fmr < LEAST_ERRORS:
        raise TooFewTrialsError(
            f"FMR {fmr:g} needs {LEAST_ERRORS / fmr:,.0f} comparisons of different people, got "
            f"{a.trials.impostors.size:,}; ask for a larger rate, or compare all images (--all)."
        )
    sides = [_side(one.trials, fmr, seed) for one in (a, b)]
    people = int(max(a.trials.first.max(), a.trials.second.max())) + 1
    draws = bootstrap_weights(people, resamples, seed)
    drawn = np.array([[side.missed(fmr, draw) for side in sides] for draw in draws])
    gap = drawn[:, 0] - drawn[:, 1]
    missed = [one.trials.fnmr_at(fmr) for one in (a, b)]
    low, high = np.nanpercentile(gap, [2.5, 97.5])
    difference = Estimate(
        missed[0].value - missed[1].value, float(low), float(high), missed[0].trials, people
    )
    return _findings(difference, missed, names, fmr, data, basis, gap)


def _require_same(a: Trials, b: Trials) -> None:
    same = a.same.shape == b.same.shape and all(
        np.array_equal(getattr(a, key), getattr(b, key)) for key in ("same", "first", "second")
    )
    if not same:
        raise MienError(
            "The two matchers were not tested on the same comparisons in the same order, so a "
            "paired comparison is not possible; compare both on one list."
        )


def _side(trials: Trials, fmr: float, seed: int) -> _Side:
    apart = ~trials.same & ~trials.failed
    similarity = trials.similarity[apart]
    order = np.argsort(-similarity, kind="stable")
    keep, weight = order, np.ones(order.size)
    tail = int(10 * fmr * order.size) + LEAST_ERRORS
    if order.size > max(MOST, 2 * tail):  # the thresholds lie in the tail, which stays complete
        rest = np.random.default_rng(seed).choice(
            np.arange(tail, order.size), MOST // 2, replace=False
        )
        keep = order[np.concatenate([np.arange(tail), np.sort(rest)])]
        weight = np.concatenate(
            [np.ones(tail), np.full(rest.size, (order.size - tail) / rest.size)]
        )
    return _Side(
        np.where(trials.failed, -np.inf, trials.similarity)[trials.same],
        trials.first[trials.same],
        similarity[keep],
        trials.first[apart][keep],
        trials.second[apart][keep],
        weight,
    )


def _findings(
    difference: Estimate,
    missed: list[Estimate],
    names: tuple[str, str],
    fmr: float,
    data: str,
    basis: tuple[tuple[str, str], ...],
    gap: Doubles,
) -> Findings:
    a, b = names
    better = b if difference.value > 0 else a
    if difference.low > 0 or difference.high < 0:
        verdict = f"{better} misses fewer; the interval of the difference excludes 0."
    else:
        verdict = "The interval of the difference includes 0: no difference is shown by these data."
    counts, edges = np.histogram(gap[np.isfinite(gap)], 40)
    return Findings(
        f"{a} or {b}?",
        f"Both on the same comparisons of {data}, each at its own threshold for FMR {fmr:g}. "
        f"{verdict}",
        (
            Fact(f"FNMR {a} minus {b}", difference, "rate", "below 0: the first is better"),
            Fact(a, missed[0], "rate", f"FNMR at {rate_name(fmr)}"),
            Fact(b, missed[1], "rate", f"FNMR at {rate_name(fmr)}"),
        ),
        (
            Table(
                "Misses",
                (("Embedder", "text"), ("FNMR", "rate"), ("Comparisons", "count")),
                tuple((n, m, m.trials) for n, m in zip(names, missed, strict=True)),
                verdict,
            ),
        ),
        (
            Plot(
                "Differences over draws of people",
                f"FNMR {a} minus {b}",
                "draws",
                (Curve("draws", edges[:-1], counts.astype(np.float64), style="steps"),),
                percent=(True, False),
            ),
        ),
        notes=(
            "People are resampled with replacement, and both matchers get the same draw. A pair of "
            "two people counts as often as the product of their draws, which makes the interval "
            "rather too wide than too narrow.",
        ),
        basis=basis,
    )
