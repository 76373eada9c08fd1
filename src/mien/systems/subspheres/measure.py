"""Fit subspheres and attack with them: linear algebra on vectors, no pictures."""

from dataclasses import dataclass, field

import numpy as np

from mien.contracts import silent
from mien.errors import TooFewTrialsError
from mien.metrics import Clusters, Estimate, balanced_accuracy, confusion, threshold_at_fmr
from mien.systems.subspheres.answers import ANSWERS, answered
from mien.systems.subspheres.geometry import (
    LEAST,
    PER_DIMENSION,
    Probe,
    Subsphere,
    estimated,
    fit,
    random_cap,
    random_sphere,
)
from mien.systems.subspheres.people import Enrolled
from mien.types import Doubles, OnStep

SWEEP = (5, 10, 20, 30, 50, 80, 100)  # dimensions that are reported
FAR_PAIRS = 30  # comparisons that an operating point needs, times 1 / FMR
SEPARABLE = 0.8  # least balanced accuracy of the probe
VALUES = 4  # of an attribute that are examined, the most frequent
MOST = 4000  # faces among which pairs of strangers are counted


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit subspheres --set KEY=VALUE`."""

    attribute: str = ""  # label of the pictures; default: the first that they have
    dimensions: int = 20  # of the subspheres
    fmr: float = 1e-3  # false match rate of the operating point
    people: int = 24  # rendered people who are enrolled
    probes: int = 100  # pictures that are fixed before, for the attack with scores only
    decoded: int = 0  # rendered pictures from which a decoder learns; 0: no face is decoded


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value of the attribute: its faces, and what was fitted to them."""

    name: str
    faces: Doubles  # (N, D) of the fit
    probe: Probe
    second: Probe  # of other people, for the check of consistency
    accuracy: float  # balanced, of the first probe on people of the second


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Hits of one kind of attack over all values and enrolled people who differ."""

    people: list[str] = field(default_factory=list)
    score: list[bool] = field(default_factory=list)  # the point matches the enrolled picture
    kept: list[bool] = field(default_factory=list)  # and is read as the attribute
    second: list[bool] = field(default_factory=list)  # and matches the second picture as well
    cosine: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float | None:
        """Mean cosine; None without trials."""
        return float(np.mean(self.cosine)) if self.cosine else None

    def share(self, name: str) -> Estimate:
        """The rate of one kind of hit: "score", "kept" or "second"."""
        return _share(self.people, getattr(self, name))


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Trials with each kind of subsphere."""

    small: Trials = field(default_factory=Trials)
    great: Trials = field(default_factory=Trials)  # the ablation
    random: Trials = field(default_factory=Trials)  # null through the origin
    cap: Trials = field(default_factory=Trials)  # null about the mean of all faces


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was measured, before it is written down."""

    threshold: float
    values: tuple[Value, ...]
    enrolled: Enrolled
    sweep: dict[int, Arms]  # k -> what became of each kind of subsphere
    by_value: dict[str, Arms]  # at the chosen k
    by_answer: dict[str, Trials]  # attack with scores only, by what the matcher answers
    consistent: Trials  # with the check of consistency
    stricter: tuple[float, Trials] | None  # FMR and trials at a threshold with fewer false matches
    warnings: tuple[str, ...]


def measure(
    vectors: Doubles,
    words: np.ndarray,
    names: np.ndarray,
    enrolled: Enrolled,
    options: Options,
    seed: int = 0,
    on_step: OnStep = silent,
) -> Found:
    """Fit and attack; everything is linear algebra on vectors.

    Args:
        vectors: (N, D) unit vectors.
        words: (N,) values of the attribute.
        names: (N,) people.
        enrolled: people who are impersonated.
        options: see Options.
        seed: of the split of people and of random subspheres.
        on_step: called after each value.
    """
    rng = np.random.default_rng([seed, 2])
    strangers = _strangers(vectors, names, rng)
    threshold = _threshold(strangers, options.fmr)
    who = sorted(set(names))
    part = dict(zip(who, rng.permutation(len(who)) % 5, strict=True))  # 3 of 5 fit, 1 + 1 probe
    fold = np.array([part[name] for name in names])
    values, warnings = _values(vectors, words, fold, options)
    width = vectors.shape[1]
    own = {value.name: value.probe(enrolled.first) for value in values}
    sweep: dict[int, Arms] = {}
    by_value: dict[str, Arms] = {}
    for done, k in enumerate(sorted({*SWEEP, options.dimensions}), 1):
        if k >= width:
            continue
        totals = Arms()
        for value in values:
            each = Arms()
            for kind, sphere in (
                ("small", fit(value.faces, k)),
                ("great", fit(value.faces, k, small=False)),
                ("random", random_sphere(width, k, rng)),
                ("cap", random_cap(vectors, k, rng)),
            ):
                total, one = getattr(totals, kind), getattr(each, kind)
                points = sphere.closest(enrolled.first)
                _try(total, points, enrolled, value, threshold, ~own[value.name])
                _try(one, points, enrolled, value, threshold, ~own[value.name])
            if k == options.dimensions:
                by_value[value.name] = each
        sweep[k] = totals
        on_step("dimensions", done, len(SWEEP) + 1)
    by_answer, consistent, stricter = _scores_only(
        values, own, enrolled, options, (threshold, strangers), rng
    )
    return Found(threshold, values, enrolled, sweep, by_value, by_answer, consistent, stricter,
                 tuple(warnings))  # fmt: skip


def _strangers(vectors: Doubles, names: np.ndarray, rng: np.random.Generator) -> Doubles:
    """Cosines of pairs of different people; of at most MOST faces."""
    some = rng.permutation(len(vectors))[:MOST]
    upper = np.triu(names[some][:, None] != names[some][None], 1)
    return np.asarray((vectors[some] @ vectors[some].T)[upper])


def _threshold(strangers: Doubles, rate: float) -> float:
    if strangers.size < FAR_PAIRS / rate:
        raise TooFewTrialsError(
            f"{strangers.size:,} pairs of strangers show no threshold at FMR {rate:g}: "
            f"{FAR_PAIRS / rate:,.0f} are needed. Give more people, or --set fmr= a higher rate."
        )
    return float(threshold_at_fmr(strangers, rate))


def _values(
    vectors: Doubles, words: np.ndarray, fold: np.ndarray, options: Options
) -> tuple[tuple[Value, ...], list[str]]:
    counts = {word: int((words == word).sum()) for word in sorted(set(words))}
    frequent = sorted(counts, key=lambda word: -counts[word])[:VALUES]
    values, warnings = [], []
    for name in frequent:
        has = words == name
        faces = vectors[has & (fold < 3)]
        if len(faces) < LEAST or len(counts) < 2:
            warnings.append(f"'{name}' has {len(faces)} faces for its fit and was left out; "
                            f"{LEAST} are needed.")  # fmt: skip
            continue
        if len(faces) < PER_DIMENSION * options.dimensions:
            warnings.append(f"'{name}' has {len(faces)} faces, so its subsphere has fewer than "
                            f"{options.dimensions} dimensions.")  # fmt: skip
        one, two = fold == 3, fold == 4
        probe, second = Probe(vectors[one], has[one]), Probe(vectors[two], has[two])
        read = probe(vectors[two])
        accuracy = balanced_accuracy(confusion(has[two], read, ("False", "True")))
        if accuracy < SEPARABLE:
            warnings.append(
                f"'{name}' is read with a balanced accuracy of {accuracy:.2f}: the attribute is "
                "not separable, and its result is inconclusive."
            )
        values.append(Value(name, faces, probe, second, float(accuracy)))
    if not values:
        raise TooFewTrialsError(
            f"No value of the attribute has {LEAST} faces for its fit; found {counts}."
        )
    return tuple(values), warnings


def _try(
    trials: Trials,
    points: Doubles,
    enrolled: Enrolled,
    value: Value,
    threshold: float,
    differ: np.ndarray,
    allowed: np.ndarray | None = None,
) -> None:
    """Add the trials of one value: the enrolled people who do not have it themselves."""
    known = np.asarray(np.isfinite(points).all(1))
    safe = np.where(known[:, None], points, 0.0)
    cosine = np.sum(safe * enrolled.first, 1)
    hit = np.asarray((cosine > threshold) & known)
    hit = hit if allowed is None else hit & allowed
    kept = np.asarray(hit & value.probe(safe))
    again = np.asarray(kept & (np.sum(safe * enrolled.second, 1) > threshold))
    for row in np.flatnonzero(differ):
        trials.people.append(enrolled.names[row])
        trials.score.append(bool(hit[row]))
        trials.kept.append(bool(kept[row]))
        trials.second.append(bool(again[row]))
        trials.cosine.append(float(cosine[row]) if known[row] else 0.0)


def _scores_only(
    values: tuple[Value, ...],
    own: dict[str, np.ndarray],
    enrolled: Enrolled,
    options: Options,
    operating: tuple[float, Doubles],
    rng: np.random.Generator,
) -> tuple[dict[str, Trials], Trials, tuple[float, Trials] | None]:
    """One batch of pictures that is fixed before; the answers give a direction, then a point."""
    threshold, strangers = operating
    by_answer = {name: Trials() for name in ANSWERS}
    consistent, strict = Trials(), Trials()
    rate = options.fmr / 10
    able = strangers.size >= FAR_PAIRS / rate
    higher = threshold_at_fmr(strangers, rate) if able else np.inf
    for value in values:
        batch = value.faces[rng.permutation(len(value.faces))[: options.probes]]
        sphere = fit(value.faces, min(40, len(batch)))
        differ = ~own[value.name]
        for name in ANSWERS:
            asked, answers = answered(name, batch, enrolled.first, threshold)
            points = _points(sphere, estimated(asked, answers))
            _try(by_answer[name], points, enrolled, value, threshold, differ)
            if name == ANSWERS[0]:
                known = np.nan_to_num(points)
                same = value.second(known) == value.second(enrolled.first)
                _try(consistent, points, enrolled, value, threshold, differ, same)
                _try(strict, points, enrolled, value, float(higher), differ)
    return by_answer, consistent, (rate, strict) if able else None


def _points(sphere: Subsphere, directions: Doubles) -> Doubles:
    known = np.isfinite(directions).all(1)
    points = np.full_like(directions, np.nan)
    if known.any():
        points[known] = sphere.closest(directions[known])
    return points


def _share(people: list[str], hits: list[bool]) -> Estimate:
    if not hits:
        return Estimate(float("nan"), reason="nobody differs")
    numbers = np.unique(people, return_inverse=True)[1]
    return Clusters(numbers).share(np.array(hits))
