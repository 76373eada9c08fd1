"""Evaluate quality scores: errors that remain when the images of lowest quality are discarded."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from mien.datasets.people import Picture
from mien.errors import ImageError, TooFewTrialsError
from mien.media import read_image
from mien.metrics import Clusters, Estimate, area, bootstrap_weights, discard_curve
from mien.metrics.discard import RANGE
from mien.metrics.findings import Curve, Fact, Findings, Plot, Table
from mien.metrics.trials import Flags
from mien.photo import Pipeline
from mien.types import Doubles, Floats, OnStep, Quality

STARTS = (0.01, 0.05)  # FNMR before anything is discarded. Source: arXiv:2303.13294
DRAWN = 5  # curves in one plot
RESAMPLES = 200
NOTES = (
    "Each curve starts at a fixed share of misses and shows the share that remains when the "
    "comparisons of lowest quality are discarded. The oracle discards the misses "
    "themselves; random discarding gives a flat line.",
    "Gain: 1 equals the oracle, 0 equals random discarding, below 0 is worse than random.",
)


def judge_pictures(
    pictures: Sequence[Picture], pipeline: Pipeline, on_step: OnStep | None = None
) -> dict[Picture, Quality]:
    """Assess the quality of the main face of each image that shows one."""
    lean = replace(pipeline, embedder=None, gallery=None, heads=(), quality=True)
    found = {}
    for number, picture in enumerate(pictures, 1):
        try:
            face = lean.main_face(read_image(picture.path))
        except ImageError:
            face = None
        if face is not None and face.quality is not None:
            found[picture] = face.quality
        if on_step:
            on_step("quality", number, len(pictures))
    return found


def one_person(pictures: Sequence[Picture]) -> list[tuple[Picture, Picture]]:
    """All pairs of images of one person."""
    people: dict[str, list[Picture]] = {}
    for picture in pictures:
        people.setdefault(picture.person, []).append(picture)
    return [two for each in people.values() for two in combinations(each, 2)]


def discard(
    pairs: Sequence[tuple[Picture, Picture]],
    vectors: Mapping[Picture, Floats],
    qualities: Mapping[Picture, Quality],
    *,
    data: str,
    basis: tuple[tuple[str, str], ...] = (),
) -> Findings:
    """Compute error-versus-discard curves of every quality component, over mated comparisons.

    Args:
        pairs: of one person. Pairs with an image without a face are left out, since no quality
            score could have saved them; their number is reported.
        vectors: by image.
        qualities: by image.
        data: which images these are, in a sentence.
        basis: models, command line, ...

    Raises:
        TooFewTrialsError: fewer than a hundred comparisons of one person.
    """
    used = [two for two in pairs if all(p in vectors and p in qualities for p in two)]
    if len(used) < 100:
        raise TooFewTrialsError(
            f"{len(used)} comparisons of one person with a face in both images are too few for "
            "curves; a hundred are needed."
        )
    similarity = np.array([float(vectors[a] @ vectors[b]) for a, b in used])
    people = [a.person for a, _ in used]
    columns = _components(used, qualities)
    tables, plots, facts = [], [], []
    for start in STARTS:
        table, plot, (name, gain) = _at(start, similarity, columns, people)
        tables.append(table)
        plots.append(plot)
        meaning = f"share of the possible gain, first {RANGE:.0%} discarded, FNMR from {start:.0%}"
        facts.append(Fact(f"best at {start:.0%}: {name}", gain, "number", meaning))
    lost = len(pairs) - len(used)
    return Findings(
        "Quality: does it predict misses?",
        f"{len(used):,} comparisons of one person on {data}; those with the lower quality of two "
        "images are discarded first.",
        tuple(facts),
        tuple(tables),
        tuple(plots),
        (f"{lost} comparisons have an image without a face and are not in the curves.",)
        if lost else (),
        NOTES,
        basis,
    )  # fmt: skip


def _components(
    used: Sequence[tuple[Picture, Picture]], qualities: Mapping[Picture, Quality]
) -> dict[str, Doubles]:
    """The lower of two qualities, for every component that varies."""
    columns = {}
    for name in sorted({n for q in qualities.values() for n in q.components}):
        each = [[qualities[p].components.get(name) for p in pair] for pair in used]
        # A component that could not be computed counts as the lowest quality: -1.
        columns[name] = np.array([min(-1.0 if v is None else v for v in two) for two in each])
    return {name: values for name, values in columns.items() if np.ptp(values) > 0}


def _at(
    start: float, similarity: Doubles, columns: Mapping[str, Doubles], people: Sequence[str]
) -> tuple[Table, Plot, tuple[str, Estimate]]:
    """Curves that start at one share of misses."""
    threshold = float(np.quantile(similarity, start))
    wrong = similarity <= threshold
    gains = {name: _gain(wrong, values, people) for name, values in columns.items()}
    order = sorted(gains, key=lambda name: -gains[name].value)
    curves = {name: discard_curve(wrong, columns[name], most=0.5) for name in order[:DRAWN]}
    some = curves[order[0]]
    drawn = [Curve(name.replace("_", " "), c.share, c.error) for name, c in curves.items()]
    drawn.append(Curve("oracle", some.share, some.oracle, style="dashed"))
    drawn.append(Curve("coin", some.share, np.full(some.share.shape, some.random), style="dashed"))
    title = f"starting at {start:.0%} missed"
    return (
        Table(
            f"Gain by discarding, {title}",
            (("Component", "text"), (f"Gain, first {RANGE:.0%} discarded", "number")),
            tuple((name.replace("_", " "), gains[name]) for name in order),
        ),
        Plot(
            f"Misses that remain, {title}",
            "comparisons discarded",
            "share missed of the rest",
            tuple(drawn),
            percent=(True, True),
            caption=f"The {len(curves)} best of {len(columns)} components.",
        ),
        (order[0].replace("_", " "), gains[order[0]]),
    )


def _gain(wrong: Flags, quality: Doubles, people: Sequence[str]) -> Estimate:
    """The area with its interval over resamples of people."""
    value = area(discard_curve(wrong, quality, most=0.5))
    who = np.unique(np.array(people), return_inverse=True)[1]
    drawn = []
    for draw in bootstrap_weights(int(who.max()) + 1, RESAMPLES, seed=0):
        rows = np.repeat(np.arange(who.size), draw[who].astype(int))
        if rows.size > 1:
            drawn.append(area(discard_curve(wrong[rows], quality[rows], most=0.5)))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), wrong.size, Clusters(who).people)
