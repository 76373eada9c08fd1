"""Evaluate identification (1:N): searches for people inside and outside the gallery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.datasets.people import Picture
from mien.decision import Calibration
from mien.decision.decide import NEAREST, best_probability
from mien.errors import TooFewTrialsError
from mien.evaluate.verification.vectors import Failure
from mien.metrics import (
    Clusters,
    Estimate,
    calibration_error,
    fnir,
    fpir,
    ranks,
    reliability,
    threshold_at_fmr,
)
from mien.metrics.findings import Cell, Curve, Fact, Findings, Kind, Plot, Table
from mien.metrics.identification import best_of_people
from mien.types import Doubles, Floats

RATES = (0.1, 0.03, 0.01, 3e-3, 1e-3)  # false positive identification rates
RANKS = (1, 5, 10, 20)
LEAST_ALARMS = 10  # false alarms behind a rate; with fewer the rate is not reported
OUTSIDE = 0.4  # share of the people who are kept out of every gallery
ROWS = 512  # probes in one matrix product
PRIOR = 0.5  # at which probabilities are tested: half of the searches are for people enrolled
BINS, LEAST = 10, 20  # of the reliability plot, and searches in each

NOTES = (
    "FPIR, false positive identification rate: share of searches for people who are not "
    "enrolled that return somebody. FNIR, false negative identification rate: share of "
    "searches for enrolled people that do not return them first, above the threshold.",
    "An image without a face is a miss, also at enrolment. Searches for strangers without a face "
    "in the image are left out: counting them would lower FPIR.",
    "The same people stay outside all galleries. Intervals count people and take the "
    "gallery and the threshold as given.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """The results of all searches in one gallery."""

    people: int  # in the gallery
    templates: int
    own: Doubles  # (M,) score (or cosine) of the person searched for; NaN: failed
    rank: NDArray[np.int64]  # (M,)
    wanted: tuple[str, ...]  # (M,) who
    best: Doubles  # (U,) best score (or cosine) of searches for people who are not enrolled
    strangers: tuple[str, ...]  # (U,) who
    stated: Doubles  # (M + U,) probability of the best candidate at PRIOR; NaN: none

    def missed(self, threshold: float, most: int = 1) -> Estimate:
        """FNIR, by person."""
        return Clusters(list(self.wanted)).share(fnir(self.own, self.rank, threshold, most))

    def alarms(self, threshold: float) -> Estimate:
        """FPIR, by person."""
        return Clusters(list(self.strangers)).share(fpir(self.best, threshold))


def search(
    vectors: Mapping[Picture, Floats],
    failures: Sequence[Failure],
    sizes: Sequence[int] = (),
    *,
    outside: float = OUTSIDE,
    seed: int = 0,
    calibration: Calibration | None = None,
) -> list[Searches]:
    """Search galleries of several sizes.

    The first image of each enrolled person is enrolled, every other one is searched for. A
    person whose first image shows no face is enrolled without a template: all searches for them
    miss. People who are kept out are the same for every gallery, and a smaller gallery is part of
    the larger one.

    Args:
        vectors: unit vectors by image.
        failures: images without a face.
        sizes: people in the galleries; sizes above the number of available people are refused.
            Default: all people who may be enrolled, and halves of them down to 25.
        outside: share of people who are kept out, in (0, 1).
        seed: of the selection of enrolled people.
        calibration: of the embedder, which gives scores and probabilities; None: cosines.

    Raises:
        TooFewTrialsError: nobody to enrol, nobody outside, or a size larger than the people.
    """
    rows: dict[str, list[Picture]] = {}
    for picture in [*vectors, *(failure.picture for failure in failures)]:
        rows.setdefault(picture.person, []).append(picture)
    for pictures in rows.values():
        pictures.sort(key=lambda p: str(p.path))
    names = sorted(rows)
    random = np.random.default_rng(seed)
    twice = [n for n in random.permutation(names).tolist() if len(rows[n]) > 1]
    once = [n for n in random.permutation(names).tolist() if len(rows[n]) == 1]
    if len(names) < 4 or len(twice) < 2:
        raise TooFewTrialsError(
            f"{len(names)} people, {len(twice)} of them with two images, are too few to fill a "
            "gallery and search it; at least four people are needed, and two images of two of them."
        )
    # People with one image cannot be searched for: those are kept out first.
    kept_out = (once + twice[::-1])[: max(1, round(outside * len(names)))]
    inside = [n for n in twice + once if n not in set(kept_out)]
    chosen = sorted(set(sizes), reverse=True) or _halved(len(inside))
    if chosen[0] > len(inside) or chosen[-1] < 1:
        raise TooFewTrialsError(
            f"A gallery of {chosen[0]} people was asked for, but {len(inside)} can be enrolled "
            f"while {len(kept_out)} stay outside; ask for at most {len(inside)}."
        )
    return [_searches(vectors, rows, inside[:size], kept_out, calibration) for size in chosen]


def _halved(most: int) -> list[int]:
    sizes = [most]
    while sizes[-1] >= 50:
        sizes.append(sizes[-1] // 2)
    return sizes


def _searches(
    vectors: Mapping[Picture, Floats],
    rows: Mapping[str, list[Picture]],
    enrolled: Sequence[str],
    outside: Sequence[str],
    calibration: Calibration | None,
) -> Searches:
    number = {name: k for k, name in enumerate(enrolled)}
    templates = [rows[name][0] for name in enrolled if rows[name][0] in vectors]
    if not templates:
        raise TooFewTrialsError("No image selected for enrolment shows a face.")
    gallery = np.stack([vectors[p] for p in templates])
    who = np.array([number[p.person] for p in templates])
    usual = calibration.norms(gallery) if calibration else None

    def similarity(pictures: Sequence[Picture]) -> Doubles:
        probes = np.stack([vectors[p] for p in pictures])
        cosines = (probes @ gallery.T).astype(np.float64)
        if calibration is None or usual is None:
            return cosines
        return calibration.scores(cosines, calibration.norms(probes)[:, None], usual)

    def probability(similarity: Doubles) -> Doubles:
        if calibration is None:
            return np.full(len(similarity), np.nan)
        people = -np.sort(-best_of_people(similarity, who), axis=1)[:, :NEAREST]
        return best_probability(people, calibration, people=len(enrolled), prior=PRIOR)

    mated = [p for name in enrolled for p in rows[name][1:]]
    wanted = tuple(p.person for p in mated)
    own, rank = np.full(len(mated), np.nan), np.zeros(len(mated), np.int64)
    stated = np.full(len(mated), np.nan)
    seen = [k for k, p in enumerate(mated) if p in vectors]
    for start in range(0, len(seen), ROWS):
        part = seen[start : start + ROWS]
        scores = similarity([mated[k] for k in part])
        own[part], rank[part] = ranks(scores, who, [number[wanted[k]] for k in part])
        stated[part] = probability(scores)
    others = [p for name in outside for p in rows[name] if p in vectors]
    best, more = [np.zeros(0)], [stated]
    for start in range(0, len(others), ROWS):
        scores = similarity(others[start : start + ROWS])
        best.append(best_of_people(scores, who).max(1))
        more.append(probability(scores))
    strangers = tuple(p.person for p in others)
    flat, told = np.concatenate(best), np.concatenate(more)
    return Searches(len(enrolled), len(templates), own, rank, wanted, flat, strangers, told)


def identify(
    galleries: Sequence[Searches],
    *,
    data: str,
    pictures: int,
    failed: int,
    basis: tuple[tuple[str, str], ...] = (),
    calibration: Calibration | None = None,
) -> Findings:
    """Summarise searches: rates, thresholds, tables and plots.

    Args:
        galleries: from `search`, the largest first.
        data: which images these are, in a sentence.
        pictures: all that were given.
        failed: of them without a face.
        basis: models, command line, ...
        calibration: whose thresholds are tested.
    """
    largest = galleries[0]
    tables, plots = (
        [_closed(galleries), _open(galleries)],
        [_trade_off(galleries), _ranked(galleries)],
    )
    if calibration:
        told, plot = _probabilities(galleries)
        tables += [_named(galleries, calibration), told]
        plots.append(plot)
    first = largest.missed(-np.inf)
    headline = [
        Fact("missed at rank 1", first, "rate", f"closed set, {largest.people:,} people enrolled")
    ]
    for rate in (0.01, 0.1):
        threshold = _threshold(largest, rate)
        if threshold is not None:
            meaning = f"{rate:.0%} of searches for strangers return somebody"
            headline.append(
                Fact(f"FNIR at FPIR {rate:g}", largest.missed(threshold), "rate", meaning)
            )
            break
    headline.append(
        Fact("failure to enrol", Estimate(failed / pictures, trials=pictures), "rate",
             "images without a template")
    )  # fmt: skip
    return Findings(
        "Identification: who is it, among many?",
        f"Searches on {data}: galleries of {', '.join(f'{g.people:,}' for g in galleries)} people, "
        f"one image each; {len(largest.wanted):,} searches for people in the largest, "
        f"{len(largest.strangers):,} for people in none.",
        tuple(headline),
        tuple(tables),
        tuple(plots),
        notes=NOTES,
        basis=(
            ("Images", f"{pictures:,}, {failed:,} without a face"),
            ("Searches for people enrolled", f"{len(largest.wanted):,}"),
            ("Searches for strangers", f"{len(largest.strangers):,}, of "
             f"{len(set(largest.strangers)):,} people"),
            *basis,
        ),
    )  # fmt: skip


def _threshold(searches: Searches, rate: float) -> float | None:
    """Threshold of a rate, if enough false alarms support it."""
    if searches.best.size * rate < LEAST_ALARMS:
        return None
    return threshold_at_fmr(searches.best, rate)


def _closed(galleries: Sequence[Searches]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for g in galleries:
        found = [g.missed(-np.inf, rank) for rank in RANKS]
        rows.append((f"{g.people:,}", len(g.wanted), *found))
    columns: list[tuple[str, Kind]] = [(f"missed at rank {rank}", "rate") for rank in RANKS]
    return Table(
        "Closed set: the person is enrolled",
        (("People enrolled", "text"), ("Searches", "count"), *columns),
        tuple(rows),
        "Share of searches in which the person is not among the first ranks; no threshold.",
    )


def _open(galleries: Sequence[Searches]) -> Table:
    rows = []
    for rate in RATES:
        for g in galleries:
            threshold = _threshold(g, rate)
            if threshold is not None:
                rows.append(
                    (f"{rate:g}", g.people, threshold, g.alarms(threshold), g.missed(threshold))
                )
    return Table(
        "Open set: the person may be a stranger",
        (
            ("FPIR asked", "text"),
            ("People enrolled", "count"),
            ("Threshold", "number"),
            ("FPIR", "rate"),
            ("FNIR", "rate"),
        ),
        tuple(rows),
        f"Thresholds are set on these searches; rates with fewer than {LEAST_ALARMS} false alarms "
        "are left out.",
    )


def _named(galleries: Sequence[Searches], calibration: Calibration) -> Table:
    rows = []
    for rate in (0.1, 0.01):
        for g in galleries:
            found = calibration.at_fpir(rate, g.people)
            alarms, missed = g.alarms(found.score), g.missed(found.score)
            told = "extrapolated" if found.extrapolated else "measured"
            rows.append((f"{rate:g}", g.people, found.score, told, alarms, missed))
    return Table(
        "Thresholds set before, tested here",
        (
            ("FPIR asked", "text"),
            ("People enrolled", "count"),
            ("Threshold", "number"),
            ("Its rate was", "text"),
            ("FPIR measured", "rate"),
            ("FNIR", "rate"),
        ),
        tuple(rows),
        f"Calibration '{calibration.name}', measured on: {calibration.data} If these people are "
        "among those, the results are too good.",
    )


def _probabilities(galleries: Sequence[Searches]) -> tuple[Table, Plot]:
    """Compare the stated probability of the best candidate with how often it is the person."""
    rows, curves = [], []
    for g in galleries:
        right = np.concatenate([g.rank == 1, np.zeros(g.best.size, bool)])
        told = ~np.isnan(g.stated)
        inside = np.arange(g.stated.size) < g.own.size
        weights = np.where(inside, 0.5 / max(1, (inside & told).sum()), 0.5 / max(1, g.best.size))
        stated, came, weights = g.stated[told], right[told], weights[told]
        error = calibration_error(stated, came, weights)
        high = stated > 0.95
        share = Clusters(np.array([*g.wanted, *g.strangers])[told][high].tolist())
        rows.append(
            (g.people, error, int(high.sum()), share.share(came[high]) if high.any() else None)
        )
        x, y, _ = reliability(stated, came, weights, BINS)
        _, _, count = reliability(stated, came, None, BINS)
        curves.append(Curve(f"{g.people:,} people", x[count >= LEAST], y[count >= LEAST]))
    ideal = Curve("as stated", np.array([0.0, 1.0]), np.array([0.0, 1.0]), style="dashed")
    table = Table(
        "Probability of the best candidate",
        (
            ("People enrolled", "count"),
            ("Calibration error", "number"),
            ("Searches above 0.95", "count"),
            ("of them right", "rate"),
        ),
        tuple(rows),
        f"At prior {PRIOR:g}: searches for people enrolled and for strangers count one half each.",
    )
    plot = Plot(
        "Reliability",
        "stated probability of the best candidate",
        "share of searches in which it is the person",
        (*curves, ideal),
        caption="Above the dashed line the stated probability is too low, below it too high. "
        f"Bins with fewer than {LEAST} searches are left out.",
        percent=(True, True),
    )
    return table, plot


def _trade_off(galleries: Sequence[Searches]) -> Plot:
    curves = []
    for g in galleries:
        bars = np.sort(g.best)[::-1]
        count = np.unique(np.geomspace(1, bars.size, 200).astype(int))
        y = [float(fnir(g.own, g.rank, threshold).mean()) for threshold in bars[count - 1]]
        x = [float(fpir(g.best, threshold).mean()) for threshold in bars[count - 1]]
        curves.append(Curve(f"{g.people:,} people", np.array(x), np.array(y)))
    return Plot(
        "Misses against false alarms",
        "false positive identification rate",
        "false negative identification rate",
        tuple(curves),
        x_log=True,
        percent=(True, True),
        caption="Each line is one size of gallery; further down and left is better.",
    )


def _ranked(galleries: Sequence[Searches]) -> Plot:
    curves = []
    for g in galleries:
        places = np.arange(1, min(50, g.people) + 1)
        y = [1 - float(fnir(g.own, g.rank, -np.inf, int(k)).mean()) for k in places]
        curves.append(Curve(f"{g.people:,} people", places.astype(np.float64), np.array(y)))
    return Plot(
        "Found among the first ranks",
        "candidates shown",
        "share of people found",
        tuple(curves),
        percent=(False, True),
        caption="Cumulative match characteristic, closed set.",
    )
