"""Report a grid of gender predictors, with the limits of each result."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mien.errors import TooFewTrialsError
from mien.evaluate.fairness.disparity import (
    ALPHA,
    LEAST,
    Cell,
    Factor,
    balanced_sets,
    cells_of,
    factors_of,
    flips,
    front,
    one_set_audit,
    orders,
)
from mien.evaluate.fairness.grid import Results
from mien.metrics import Estimate
from mien.metrics.factors import direction, silhouette
from mien.metrics.findings import Cell as Shown
from mien.metrics.findings import Curve, Fact, Findings, Kind, Plot, Table
from mien.metrics.trials import Flags
from mien.types import Doubles

Names = NDArray[np.str_]

LIMIT = (
    "A fair number on one data set is no evidence of fairness on another. Labels are binary "
    "annotations by others; appearance-based prediction of gender misgenders people and must not "
    "be used for decisions about anybody. This audit covers methods, not individual people."
)

DRAWN = 400  # images in the plots of features; more would overlap


def disparity(
    results: Results, *, data: str, basis: tuple[tuple[str, str], ...] = (), seed: int = 0
) -> Findings:
    """Report accuracy, disparity, their causes, and recommendations.

    Args:
        results: of a grid.
        data: which images these are, in a sentence.
        basis: command line, ...
        seed: of the resamples and permutations.
    """
    cells = cells_of(results, seed=seed)
    gap = factors_of(results, gap=True, seed=seed)
    accuracy = factors_of(results, gap=False, seed=seed)
    even = balanced_sets(cells, results.grid.balanced)
    turned = flips(cells, even)
    between, within = orders(results)
    abstained = float(np.isnan(results.male).mean())
    tables = [
        _by_dataset(cells),
        _factors(gap, accuracy),
        _configurations(cells),
        _flips(turned, even),
        _alone(cells),
        *_features(results),
    ]
    return Findings(
        "Gender predictors: disparity by model, loss and data set",
        f"{data}: {len(results.grid.pairs)} pairs of model and loss, {len(results.grid.datasets)} "
        f"data sets, {len(results.grid.seeds)} seeds; {len(results.test):,} test images. "
        f"{_driver(gap)}",
        _headline(cells, gap, turned, even),
        tuple(tables),
        (_forest(cells), _scatter(cells), *_views(results, seed)),
        _warnings(cells, results, abstained),
        (
            "Disparity is the recall of men minus the recall of women, in points; above 0 women "
            "are recognised less often. Intervals resample people, or images where people are "
            "unknown.",
            f"A sign counts as certain at {ALPHA:.0%} divided by the number of data sets. A data "
            f"set with fewer than {LEAST} images of a gender gets no verdict.",
            f"Order of configurations by disparity, between data sets: Kendall's tau "
            f"{between:.2f}; order of data sets, between configurations: {within:.2f}.",
            *recommendations(gap, turned, cells),
        ),
        basis,
    )


def recommendations(
    gap: Sequence[Factor], turned: Sequence[object], cells: Sequence[Cell]
) -> list[str]:
    """Recommendations that the results support, by rule."""
    share = {f.name: f for f in gap}
    found = []
    if turned:
        found.append(
            "Recommendation: the sign of the disparity differs between balanced data sets, so do "
            "not certify a model on one set."
        )
    if share["data set"].p <= ALPHA and share["data set"].share > 0.5:
        found.append(
            "Recommendation: the data set explains most of the disparity; check how its images "
            "were taken and labelled before changing the network or the loss."
        )
    for name in ("model", "loss"):
        if share[name].p <= ALPHA and share[name].share > 0.25:
            found.append(f"Recommendation: the {name} matters here; compare several of them.")
    wide = [c for c in cells if c.disparity.known and c.disparity.high - c.disparity.low > 0.1]
    if wide:
        found.append(
            f"Recommendation: {len(wide)} of {len(cells)} intervals are wider than 10 points; "
            "add images before comparing configurations."
        )
    return found


def _driver(gap: Sequence[Factor]) -> str:
    sure = [f for f in gap if f.p <= ALPHA]
    if not sure:
        return "No component explains more of the disparity than chance would."
    first = max(sure, key=lambda f: f.share)
    return f"The {first.name} explains most of the disparity ({first.share:.0%} of its variance)."


def _headline(
    cells: Sequence[Cell], gap: Sequence[Factor], turned: Sequence[object], even: Sequence[str]
) -> tuple[Fact, ...]:
    known = [c for c in cells if c.disparity.known]
    facts = []
    if known:
        worst = max(known, key=lambda c: abs(c.disparity.value))
        meaning = f"{worst.model}, {worst.loss}, on {worst.dataset}; men minus women"
        facts.append(Fact("largest disparity", worst.disparity, "rate", meaning))
    for name in ("data set", "model", "loss"):
        one = next(f for f in gap if f.name == name)
        meaning = "share of the variance of the disparity" + (
            f", p {one.p:.3g}" if math.isfinite(one.p) else ""
        )
        facts.append(Fact(name, Estimate(one.share), "rate", meaning))
    meaning = f"on {len(even)} data sets balanced between women and men"
    facts.append(Fact("configurations that flip", Estimate(float(len(turned))), "count", meaning))
    return tuple(facts)


def _by_dataset(cells: Sequence[Cell]) -> Table:
    rows: list[tuple[Shown, ...]] = []
    for data in dict.fromkeys(c.dataset for c in cells):
        mine = [c for c in cells if c.dataset == data]
        known = [c.disparity.value for c in mine if c.disparity.known]
        rows.append(
            (
                data, mine[0].women, mine[0].men, float(np.mean([c.balanced for c in mine])),
                float(np.mean([c.recall_women for c in mine])),
                float(np.mean([c.recall_men for c in mine])),
                float(np.mean(known)) if known else None,
                f"{sum(c.surely > 0 for c in mine)} / {sum(c.surely < 0 for c in mine)}"
                if known else mine[0].disparity.reason,
            )
        )  # fmt: skip
    return Table(
        "Data sets, mean over configurations",
        (
            ("Data set", "text"), ("Women", "count"), ("Men", "count"),
            ("Balanced accuracy", "rate"), ("Women right", "rate"), ("Men right", "rate"),
            ("Disparity", "rate"), ("Surely above / below 0", "text"),
        ),
        tuple(rows),
    )  # fmt: skip


def _factors(gap: Sequence[Factor], accuracy: Sequence[Factor]) -> Table:
    rows = tuple(
        (a.name, a.share, a.p if math.isfinite(a.p) else None,
         b.share, b.p if math.isfinite(b.p) else None)
        for a, b in zip(gap, accuracy, strict=True)
    )  # fmt: skip
    return Table(
        "What explains them",
        (
            ("Component", "text"), ("Of the disparity", "rate"), ("p", "number"),
            ("Of the accuracy", "rate"), ("p ", "number"),
        ),
        rows,
        "Eta squared of a three-way analysis of variance with seeds as replicates. p by "
        "permutation: of images between data sets, of networks between models or losses.",
    )  # fmt: skip


def _configurations(cells: Sequence[Cell]) -> Table:
    rows: list[tuple[Shown, ...]] = []
    for model, loss, accuracy, gap, best in sorted(front(list(cells)), key=lambda r: -r[2]):
        rows.append((f"{model}, {loss}", accuracy, gap, "not beaten in both" if best else ""))
    return Table(
        "Configurations, mean over data sets",
        (
            ("Model and loss", "text"), ("Balanced accuracy", "rate"),
            ("Mean size of the disparity", "rate"), ("Trade-off", "text"),
        ),
        tuple(rows),
    )  # fmt: skip


def _flips(turned: Sequence[tuple[str, str, str, str]], even: Sequence[str]) -> Table:
    return Table(
        "Biased in opposite directions",
        (
            ("Model and loss", "text"),
            ("Lower recall of women on", "text"),
            ("Lower recall of men on", "text"),
        ),
        tuple((f"{m}, {loss}", up, down) for m, loss, up, down in turned),
        f"Among the balanced data sets ({', '.join(even) or 'none'}); only certain signs.",
    )


def _alone(cells: Sequence[Cell]) -> Table:
    return Table(
        "Result of an audit on one data set",
        (
            ("Data set alone", "text"),
            ("Certain signs", "count"),
            ("Other sets with the opposite certain sign, at most", "count"),
        ),
        tuple(one_set_audit(list(cells))),
    )


def _features(results: Results) -> list[Table]:
    """Separation of the first network's features by gender and by data set, and probes."""
    if results.features.shape[1] == 0:
        return []
    points = results.features.astype(np.float64)
    points = (points - points.mean(0)) / np.maximum(points.std(0), 1e-9)
    which, male = np.array(results.test.dataset), results.test.male
    names = list(results.grid.datasets)
    probes = {}
    for name in names:
        try:
            probes[name] = direction(points[which == name], male[which == name])
        except TooFewTrialsError:
            continue
    rows: list[tuple[Shown, ...]] = []
    for a in probes:
        row: list[Shown] = [a]
        for b in probes:
            unit, offset = probes[a] if a != b else _half(points[which == b], male[which == b])
            some = which == b
            guess = points[some] @ unit > offset
            row.append(float((guess == male[some]).mean()))
        rows.append(tuple(row))
    columns: list[tuple[str, Kind]] = [("Probe of", "text"), *((name, "rate") for name in probes)]
    turned = [float(probes[a][0] @ probes[b][0]) for a, b in combinations(probes, 2)]
    by_set = _dataset_probe(points, which)
    model = ", ".join(map(str, results.nets[0]))
    return [
        Table(
            f"Features of {model}: probes across data sets",
            tuple(columns),
            tuple(rows),
            f"Accuracy of a linear probe of the row's data set on the column's; on "
            f"its own it is fitted on one half and tested on all. Cosine between gender directions "
            f"of two data sets: {np.mean(turned):.2f} on average, {min(turned):.2f} at least. "
            f"Silhouette by gender {silhouette(points, male):.3f}, by data set "
            f"{silhouette(points, which):.3f}. A linear probe identifies the data set of "
            f"{by_set:.0%} of the images (chance: {_largest(which):.0%}).",
        )
    ]


def _views(results: Results, seed: int) -> list[Plot]:
    """The features in two dimensions, by gender and by data set; for illustration only."""
    if results.features.shape[1] == 0:
        return []
    points = results.features.astype(np.float64)
    points = (points - points.mean(0)) / np.maximum(points.std(0), 1e-9)
    _, spread, axes = np.linalg.svd(points, full_matrices=False)
    shares = spread**2 / (spread**2).sum()
    drawn = np.random.default_rng(seed).permutation(len(points))[:DRAWN]
    flat = points[drawn] @ axes[:2].T  # (K, 2)
    gender = np.where(results.test.male, "labelled male", "labelled female")[drawn]
    which = np.array(results.test.dataset)[drawn]
    caption = f"Two directions with {shares[:2].sum():.0%} of the variance; {len(drawn)} images."
    return [
        Plot(
            f"Features by {by}",
            f"first direction, {shares[0]:.0%}",
            f"second, {shares[1]:.0%}",
            tuple(
                Curve(str(name), flat[kinds == name, 0], flat[kinds == name, 1], style="dots")
                for name in dict.fromkeys(kinds.tolist())
            ),
            caption=caption,
        )
        for by, kinds in (("gender", gender), ("data set", which))
    ]


def _half(points: Doubles, male: Flags) -> tuple[Doubles, float]:
    even = np.arange(len(points)) % 2 == 0
    return direction(points[even], male[even])


def _dataset_probe(points: Doubles, which: Names) -> float:
    """Share of images whose data set a linear probe, fitted on the other half, predicts."""
    names, place = np.unique(which, return_inverse=True)
    half = np.arange(len(points)) % 2 == 0
    right = 0
    for fit in (half, ~half):
        ones = np.column_stack([points, np.ones(len(points))])
        target = np.eye(names.size)[place]
        gram = ones[fit].T @ ones[fit] + 1e-3 * fit.sum() * np.eye(ones.shape[1])
        weights = np.linalg.solve(gram, ones[fit].T @ target[fit])
        right += int(((ones[~fit] @ weights).argmax(1) == place[~fit]).sum())
    return right / len(points)


def _largest(which: Names) -> float:
    return float(np.unique(which, return_counts=True)[1].max() / which.size)


def _forest(cells: Sequence[Cell]) -> Plot:
    """Disparity of every configuration on each data set."""
    names = tuple(dict.fromkeys(c.dataset for c in cells))
    curves = []
    for model in dict.fromkeys(c.model for c in cells):
        mine = [c for c in cells if c.model == model and c.loss == cells[0].loss]
        x, low, high = (
            np.array([getattr(c.disparity, key) for c in mine]) for key in ("value", "low", "high")
        )
        y = np.array([float(names.index(c.dataset)) for c in mine])
        curves.append(Curve(f"{model}, {cells[0].loss}", x, y, low, high, "dots"))
    return Plot(
        "Disparity by data set",
        "recall of men minus recall of women",
        "",
        tuple(curves),
        names=names,
        percent=(True, False),
        caption="One loss of each model; right of 0 women are recognised less often.",
    )


def _scatter(cells: Sequence[Cell]) -> Plot:
    rows = front(list(cells))
    curves = [
        Curve(model, np.array([r[3] for r in rows if r[0] == model]),
              np.array([r[2] for r in rows if r[0] == model]), style="dots")
        for model in dict.fromkeys(r[0] for r in rows)
    ]  # fmt: skip
    best = sorted((r[3], r[2]) for r in rows if r[4])
    line = Curve("not beaten in both", np.array([b[0] for b in best]),
                 np.array([b[1] for b in best]), style="dashed")  # fmt: skip
    return Plot(
        "Accuracy against disparity",
        "mean size of the disparity",
        "balanced accuracy",
        (*curves, line),
        percent=(True, True),
        caption="Each dot is a model with a loss; further up and left is better.",
    )


def _warnings(cells: Sequence[Cell], results: Results, abstained: float) -> tuple[str, ...]:
    warnings = [LIMIT]
    small = sorted({c.dataset for c in cells if not c.disparity.known})
    if small:
        warnings.append(f"No verdict about {', '.join(small)}: fewer than {LEAST} of a gender.")
    if results.test.unlabelled:
        warnings.append(
            f"{results.test.unlabelled} images have a missing or third label; they are counted "
            "here and in no rate."
        )
    if abstained:
        warnings.append(f"{abstained:.2%} of the answers are abstentions, which count as wrong.")
    if not any(results.test.person):
        warnings.append("People are unknown, so intervals count images.")
    return tuple(warnings)
