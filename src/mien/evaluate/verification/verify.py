"""Evaluate verification (1:1): error rates, thresholds, likelihood ratios and groups."""

import numpy as np

from mien.decision import Calibration
from mien.errors import TooFewTrialsError
from mien.evaluate.verification.likelihood_ratio import Ratios, held_out, report_ratios, some
from mien.evaluate.verification.trial_set import Compared, subset
from mien.metrics import Estimate, Trials, compare_groups, fold_accuracy
from mien.metrics.estimates import Clusters
from mien.metrics.findings import Curve, Fact, Findings, Plot, Table
from mien.metrics.trials import LEAST_ERRORS

RATES = (0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)  # false match rates at which FNMR is reported
BINS = 60  # of the histogram
NOTES = (
    "FMR, false match rate: share of comparisons of two different people that match. "
    "FNMR, false non-match rate: share of comparisons of one person that do not match. An image "
    "without a face counts as a miss and is never left out.",
    "Intervals count people, not comparisons: two comparisons that share a person are not "
    "independent.",
    "A rate is reported only if at least thirty false matches support it (rule of thirty).",
)


def rate_name(rate: float) -> str:
    """The name of an operating point: fmr1e-3."""
    lead, power = f"{rate:.0e}".split("e")
    return f"fmr{lead}e{int(power)}"


def verify(
    compared: Compared,
    *,
    data: str,
    basis: tuple[tuple[str, str], ...] = (),
    calibration: Calibration | None = None,
) -> Findings:
    """Measure verification.

    Args:
        compared: trials; refused if they cannot show an error rate.
        data: which images these are, in a sentence.
        basis: models, command line, ...
        calibration: whose thresholds are tested, if the trials have its embedder.

    Raises:
        TooFewTrialsError: one person only, no impostors, or nobody with two images.
    """
    trials = compared.trials.require()
    points = _points(trials)
    tables = [_operating(points)]
    plots = [_trade_off(trials, calibration), _spread(trials)]
    warnings = _warnings(compared, points)
    if calibration:
        tables.append(_named(compared, calibration))
    if compared.groups:
        tables.append(by_group(compared, points))
    maps, complaint = _evidence(compared, calibration)
    if maps:
        table, more = report_ratios(maps, some(trials.genuine), some(trials.impostors))
        tables.append(table)
        plots += more
    if complaint:
        warnings.append(complaint)
    headline = _headline(compared, points, maps)
    return Findings(
        "Verification: is it the same person?",
        f"Verification on {data}: {trials.people:,} people, "
        f"{int(trials.same.sum()):,} comparisons of one person and "
        f"{int((~trials.same).sum()):,} of two.",
        tuple(headline),
        tuple(tables),
        tuple(plots),
        tuple(warnings),
        NOTES,
        (*_counted(compared), *basis),
    )


def _points(trials: Trials) -> list[tuple[float, float, Estimate]]:
    """False match rate, threshold and FNMR, for the rates that the trials can show."""
    least = LEAST_ERRORS / trials.impostors.size
    rates = [rate for rate in RATES if rate >= least * (1 - 1e-9)]
    if not rates or (rates[-1] > 1.01 * least and rates[-1] > 0.02):
        rates.append(least)  # few impostors: the smallest rate that they can show
    return [(rate, trials.threshold(rate), trials.fnmr_at(rate)) for rate in rates if rate <= 0.5]


def _operating(points: list[tuple[float, float, Estimate]]) -> Table:
    rows = tuple((rate_name(rate), rate, threshold, misses) for rate, threshold, misses in points)
    return Table(
        "FNMR at a false match rate",
        (("Name", "text"), ("FMR", "rate"), ("Threshold", "number"), ("FNMR", "rate")),
        rows,
        "Thresholds are set on these comparisons; their uncertainty is in the interval.",
    )


def _named(compared: Compared, calibration: Calibration) -> Table:
    """Test thresholds that were set before, on other people."""
    trials, rows = compared.trials, []
    lost = compared.failed / compared.pictures if compared.pictures else 0.0
    for rate, threshold in _shipped(calibration):
        matched, missed = trials.fmr(threshold), trials.fnmr(threshold)
        accepted = matched.value * (1 - lost) ** 2
        rows.append((rate_name(rate), threshold, matched, accepted, missed))
    return Table(
        "Thresholds set before, tested here",
        (
            ("Name", "text"),
            ("Threshold", "number"),
            ("FMR measured", "rate"),
            ("FAR of the system", "rate"),
            ("FNMR, with failures", "rate"),
        ),
        tuple(rows),
        f"Calibration '{calibration.name}', measured on: {calibration.data} If these people are "
        "among those, the results are too good. FAR counts images without a face as rejected.",
    )


def _shipped(calibration: Calibration) -> list[tuple[float, float]]:
    """Rates and the scores that the product asks for at them."""
    known = {point.fmr for point in calibration.points}
    return [(rate, calibration.at_fmr(rate).score) for rate in RATES if rate in known]


def by_group(compared: Compared, points: list[tuple[float, float, Estimate]]) -> Table:
    """Both rates of each group at the common threshold of the first rate up to 1 %."""
    rate, threshold, _ = next((p for p in points if p[0] <= 0.01), points[-1])
    groups = sorted({g for g in compared.groups or () if g})
    label, rows = np.array(compared.groups), []
    for name in groups:
        part = subset(compared, label == name).trials
        matched = part.fmr(threshold) if part.impostors.size else None
        missed = part.fnmr(threshold) if part.same.any() else None
        rows.append((name, part.people, matched, missed))
    return Table(
        f"Groups at the common threshold {rate_name(rate)}",
        (("Group", "text"), ("People", "count"), ("FMR within", "rate"), ("FNMR", "rate")),
        tuple(rows),
        _verdicts(compared, threshold, groups),
    )


def _verdicts(compared: Compared, threshold: float, groups: list[str]) -> str:
    """The verdicts about differences between groups."""
    label, verdicts = np.array(compared.groups), []
    for name, same in (("FMR", False), ("FNMR", True)):
        wrong, clusters = {}, {}
        for group in groups:
            t = subset(compared, (label == group) & (compared.trials.same == same)).trials
            keep = ~t.failed | same
            if keep.any():
                wrong[group] = ((t.similarity > threshold) != same)[keep]
                clusters[group] = Clusters(t.first[keep], t.second[keep])
        try:
            found = compare_groups(wrong, clusters)
            verdicts.append(f"{name}: {found.verdict}")
        except TooFewTrialsError as error:
            verdicts.append(f"{name}: {error}")
    return " ".join(verdicts)


def _evidence(
    compared: Compared, calibration: Calibration | None
) -> tuple[list[Ratios], str | None]:
    trials = compared.trials
    maps = []
    if calibration:
        parts = (calibration.llr(some(x)) for x in (trials.genuine, trials.impostors))
        maps.append(Ratios(f"calibration '{calibration.name}'", *parts))
    try:
        return maps + held_out(compared), None
    except TooFewTrialsError as error:
        return maps, str(error)


def _headline(
    compared: Compared, points: list[tuple[float, float, Estimate]], maps: list[Ratios]
) -> list[Fact]:
    trials, facts = compared.trials, []
    if points:
        rate, _, misses = next((p for p in points if p[0] <= 1e-3), points[-1])
        meaning = f"mated comparisons missed, where {rate:.2g} of strangers match"
        facts.append(Fact(f"FNMR at {rate_name(rate)}", misses, "rate", meaning))
    equal = trials.equal_error()
    facts.append(Fact("equal error rate", equal, "rate", "both errors equally frequent"))
    if compared.folds and len(set(compared.folds)) > 1:
        facts.append(_accuracy(compared))
    if compared.pictures:
        lost = Estimate(compared.failed / compared.pictures, trials=compared.pictures)
        facts.append(Fact("failure to enrol", lost, "rate", "images without a template"))
    if maps:
        best = min(maps, key=lambda m: m.cost)
        facts.append(Fact("Cllr", Estimate(best.cost), "number", f"bits, {best.name}"))
    return facts


def _accuracy(compared: Compared) -> Fact:
    trials, folds = compared.trials, np.array(compared.folds)
    found = fold_accuracy(trials.similarity, trials.same, folds, trials.failed)
    bars = dict(zip(np.unique(folds).tolist(), found.thresholds, strict=True))
    accepted = np.nan_to_num(trials.similarity, nan=-2.0) > [bars[fold] for fold in folds.tolist()]
    right = (accepted == trials.same) & ~trials.failed
    around = Clusters(trials.first, trials.second).share(right)
    accuracy = Estimate(found.mean, around.low, around.high, around.trials, around.people)
    return Fact("accuracy", accuracy, "rate", f"{len(bars)} folds, failures are errors")


def _trade_off(trials: Trials, calibration: Calibration | None) -> Plot:
    impostors, genuine = trials.rising[::-1], np.sort(trials.genuine)
    count = np.unique(np.geomspace(1, impostors.size, 300).astype(int))
    bars = impostors[count - 1]
    above = trials.rising.size - np.searchsorted(trials.rising, bars, side="right")
    matches = above / impostors.size
    misses = np.searchsorted(genuine, bars, side="right") + trials.misses
    total = genuine.size + trials.misses
    curves = [Curve("these comparisons", matches, misses / total)]
    if calibration:
        rates = [(trials.fmr(bar), trials.fnmr(bar)) for _, bar in _shipped(calibration)]
        x, y, low, high = (
            np.array(column)
            for column in zip(*((a.value, b.value, b.low, b.high) for a, b in rates), strict=True)
        )
        curves.append(Curve("thresholds set before", x, y, low, high, "dots"))
    return Plot(
        "Trade-off of the two errors",
        "false match rate",
        "false non-match rate",
        tuple(curves),
        x_log=True,
        y_log=True,
        percent=(True, True),
        caption="Detection error trade-off: further down and left is better.",
    )


def _spread(trials: Trials) -> Plot:
    every = np.concatenate([trials.genuine, trials.impostors])
    edges = np.linspace(every.min(), every.max() + 1e-9, BINS + 1)
    curves = [
        Curve(name, edges[:-1], np.histogram(part, edges)[0] / max(1, part.size), style="steps")
        for name, part in (("one person", trials.genuine), ("two people", trials.impostors))
    ]
    return Plot(
        "Similarities",
        "similarity",
        "share of comparisons",
        tuple(curves),
        percent=(False, True),
        caption="Where the two overlap, every threshold makes errors.",
    )


def _warnings(compared: Compared, points: list[tuple[float, float, Estimate]]) -> list[str]:
    found = []
    if not compared.known:
        found.append(
            "The people are not named in this data set, so every pair counts as people of its "
            "own: the intervals are too narrow by an unknown amount."
        )
    if compared.drawn:
        found.append(
            f"Of {compared.drawn:,} comparisons of different people "
            f"{compared.trials.impostors.size:,} were drawn at random."
        )
    if compared.failed:
        found.append(
            f"{compared.failed:,} of {compared.pictures or compared.trials.same.size:,} "
            f"{'images' if compared.pictures else 'comparisons'} failed; every comparison of "
            "one person with such an image is counted as missed."
        )
    if not points:
        found.append(
            f"{compared.trials.impostors.size} comparisons of different people are too few for "
            "any false match rate; add more."
        )
    return found


def _counted(compared: Compared) -> tuple[tuple[str, str], ...]:
    t = compared.trials
    rows = [
        ("People", f"{t.people:,}"),
        ("Comparisons of one person", f"{int(t.same.sum()):,}, {t.misses:,} of them failed"),
        ("Comparisons of two people", f"{int((~t.same).sum()):,}"),
    ]
    if compared.pictures:
        rows.insert(1, ("Images", f"{compared.pictures:,}, {compared.failed:,} without a face"))
    return tuple(rows)
