"""The attack on a matcher without vectors: one fixed batch of pictures, and another embedder.

What scores say about an enrolled face is a direction in the space of the stand-in. The picture of
the data that is nearest to it, with the attribute, is shown to the matcher once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mien.align import align
from mien.audit import CountedModel
from mien.contracts import Samples, Scope, Subject, silent
from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Clusters, Estimate, threshold_at_fmr
from mien.metrics.findings import Fact, Findings, graded
from mien.metrics.rising import rising_fit
from mien.systems.subspheres.geometry import LEAST, Probe, Subsphere, estimated, fit, unit
from mien.systems.subspheres.measure import FAR_PAIRS, VALUES, Options
from mien.systems.subspheres.people import frames_of
from mien.types import Crop, Doubles, Face, OnStep, Pixels

RISES = 0.2  # least rank correlation of scores and cosines of the stand-in
LIMITS = (0.01, 0.1, 0.5)  # lower ends from which the risk is low, medium, high
KINDS = ("estimate", "best of the batch", "at random")


@dataclass(frozen=True, slots=True, eq=False)
class ScoreFound:
    """Rates at which one picture of another appearance matches."""

    threshold: float  # of the matcher
    correlation: float  # of scores and cosines of the stand-in, over strangers
    people: list[str] = field(default_factory=list)
    hits: dict[str, list[bool]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    kept: list[bool] = field(default_factory=list)  # the point is read as the attribute

    def share(self, kind: str) -> Estimate:
        """The rate of one of KINDS, or of "kept"."""
        found = self.kept if kind == "kept" else self.hits[kind]
        if not found:
            return Estimate(float("nan"), reason="nobody differs")
        return Clusters(np.unique(self.people, return_inverse=True)[1]).share(np.array(found))


Ask = Callable[[Pixels, Pixels], Doubles]  # (N, S, S, 3) probes, a reference -> (N,) scores


def asking(counter: CountedModel) -> Ask:
    """Return the matcher of mien.audit.ScoreMatcher, with each question counted."""

    def ask(probes: Pixels, reference: Pixels) -> Doubles:
        counter.note(probes)
        found: Doubles = counter.score(probes, reference)
        return found

    return ask


def attack_scores(
    counter: CountedModel,
    chips: Pixels,
    vectors: Doubles,
    words: np.ndarray,
    names: np.ndarray,
    options: Options,
    seed: int,
    on_step: OnStep = silent,
) -> ScoreFound:
    """Ask about rendered people with one batch of each value of the attribute.

    Args:
        counter: a mien.audit.ScoreMatcher whose questions are counted.
        chips: (N, S, S, 3) of the data.
        vectors: (N, D) of the stand-in.
        words: (N,) values of the attribute.
        names: (N,) people.
        options: see Options.
        seed: of pairs and batches.
        on_step: called after each enrolled person.

    Raises:
        TooFewTrialsError: too few strangers for the operating point, or faces of a value.
        MienError: scores do not rise with similarity, or are no numbers.
    """
    ask, rng = asking(counter), np.random.default_rng([seed, 22])
    scores, cosines = _strangers(ask, chips, vectors, names, options.fmr, rng)
    order = [np.argsort(np.argsort(values)) for values in (scores, cosines)]
    ranks = np.corrcoef(order[0], order[1])[0, 1]
    if not ranks >= RISES:
        raise MienError(
            f"The scores of '{counter.name}' do not rise with the similarity of its stand-in (rank "
            f"correlation {ranks:.2f}, {RISES:g} is expected); choose a stand-in of the same kind."
        )
    xs, ys = rising_fit(scores, cosines)
    found = ScoreFound(float(threshold_at_fmr(scores, options.fmr)), float(ranks))
    counts = {word: int((words == word).sum()) for word in sorted(set(words))}
    values = sorted((w for w in counts if counts[w] >= 2 * LEAST), key=lambda w: -counts[w])
    if len(values) < 2:
        raise TooFewTrialsError(f"Two values with {2 * LEAST} faces are needed; found {counts}.")
    pools = {value: _Pool.of(value, vectors, words, options, rng) for value in values[:VALUES]}
    for number in range(options.people):
        reference = _reference(seed * 1000 + number, counter.crop)
        own = unit(np.asarray(counter(reference[None])).astype(np.float64))
        for pool in pools.values():
            if pool.probe(own)[0]:
                continue
            answers = ask(chips[pool.batch], reference)
            point = estimated(vectors[pool.batch], np.interp(answers, xs, ys)[None])
            if np.isfinite(point).all():
                point = pool.sphere.closest(point)
            nearest = pool.rest[np.argmax(vectors[pool.rest] @ np.nan_to_num(point[0]))]
            tried = [nearest, pool.batch[np.argmax(answers)], rng.choice(pool.rest)]
            hits = ask(chips[np.array(tried)], reference) > found.threshold
            for kind, hit in zip(KINDS, hits, strict=True):
                found.hits[kind].append(bool(hit))
            found.kept.append(bool(pool.probe(np.nan_to_num(point))[0]))
            found.people.append(f"rendered {number}")
        on_step("enrolled people", number + 1, options.people)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """The pictures with one value: those of the batch, and the rest."""

    batch: np.ndarray  # rows
    rest: np.ndarray
    sphere: Subsphere
    probe: Probe

    @classmethod
    def of(
        cls,
        value: str,
        vectors: Doubles,
        words: np.ndarray,
        options: Options,
        rng: np.random.Generator,
    ) -> "_Pool":
        rows = rng.permutation(np.flatnonzero(words == value))
        count = min(options.probes, len(rows) // 2)
        batch, rest = rows[:count], rows[count:]
        return cls(batch, rest, fit(vectors[rows], min(40, count)), Probe(vectors, words == value))


def _strangers(
    ask: Ask,
    chips: Pixels,
    vectors: Doubles,
    names: np.ndarray,
    rate: float,
    rng: np.random.Generator,
) -> tuple[Doubles, Doubles]:
    """Scores and cosines of random pairs of different people, as many as the rate needs."""
    wanted = int(np.ceil(FAR_PAIRS / rate))
    each = int(np.ceil(wanted / len(chips)))
    if each >= len(chips) - 1:
        raise TooFewTrialsError(
            f"{len(chips)} faces have no {wanted:,} pairs of strangers, which FMR {rate:g} needs; "
            "give more people, or --set fmr= a higher rate."
        )
    scores, cosines = [], []
    for row in range(len(chips)):
        others = rng.permutation(np.flatnonzero(names != names[row]))[:each]
        scores.append(ask(chips[others], chips[row]))
        cosines.append(vectors[others] @ vectors[row])
    return np.concatenate(scores), np.concatenate(cosines)


def _reference(number: int, crop: Crop) -> Pixels:
    image, points = frames_of(number)[0]
    face = Face(np.zeros(4, np.float32), 1.0, points)
    return np.asarray(align(image, [face], crop)[0])


def score_findings(
    subject: Subject, data: Samples, scope: Scope, options: Options, task: str, found: ScoreFound
) -> Findings:
    """Write down what was measured; the risk is the rate of the estimate, less that of chance."""
    hit, lot = found.share("estimate"), found.share("at random")
    above = Estimate(hit.value - lot.value, max(0.0, hit.low - lot.value), hit.high - lot.value,
                     hit.trials, hit.people)  # fmt: skip
    return Findings(
        "Attribute subspheres by scores alone: can a face of another appearance pass?",
        f"Attribute '{task}'; {len(set(found.people))} enrolled people, {options.probes} pictures "
        "in a batch.",
        (
            Fact("picture at the estimate matches", hit, "rate", "asked once after the batch"),
            Fact("best picture of the batch matches", found.share("best of the batch"), "rate",
                 "baseline"),
            Fact("picture at random matches", lot, "rate", "null"),
            Fact("the estimate keeps the attribute", found.share("kept"), "rate",
                 "read from the stand-in"),
        ),
        (),
        notes=(
            f"Threshold: score {found.threshold:.4g}, FMR {options.fmr:g} on strangers of the "
            f"data. Rank correlation of scores and stand-in: {found.correlation:.2f}.",
            "The matcher gives no vectors, so those of another embedder stand in for its own; a "
            "low rate can be a poor stand-in.",
            "Testing a system without the authority of its owner is unlawful in many countries.",
        ),
        basis=(("Matcher", subject.label), ("Data", data.name),
               ("Purpose", scope.purpose or "not stated")),
        risk=graded(above, LIMITS, "Success of the estimate, above chance,"),
    )  # fmt: skip
