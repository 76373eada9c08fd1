"""Sets of trials: compared images with people, folds, groups and failures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets.people import Picture
from mien.datasets.spreadsheets import rows_of
from mien.datasets.trial_pairs import Pair, Side, pictures_of
from mien.decision import Calibration
from mien.errors import MienError
from mien.evaluate.verification.vectors import Failure
from mien.metrics import Trials
from mien.metrics.trials import Flags
from mien.types import Doubles, Floats

MOST = 10_000_000  # comparisons of different people; from more, this many are drawn at random

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Trials, with the facts about each."""

    trials: Trials
    names: tuple[str, ...]  # of the people, by their number
    folds: tuple[int, ...] | None = None  # (N,)
    groups: tuple[str, ...] | None = None  # (N,) of the pair; "" if its people differ in group
    pictures: int = 0
    failed: int = 0  # images without a template: failures to enrol
    known: bool = True  # whether the people are known; else intervals count pairs
    drawn: int = 0  # number of comparisons of different people, if not all were used


def compare_pairs(
    pairs: Sequence[Pair],
    vectors: Mapping[Picture, Floats],
    *,
    known: bool = True,
    calibration: Calibration | None = None,
) -> Compared:
    """Compare the sides of each pair; a side without a face makes the pair a failure.

    Args:
        pairs: checked.
        vectors: unit vectors of the images with a face. A template of several images is
            their mean, scaled to length 1.
        known: whether the names of people are real, not generated for each pair.
        calibration: of the embedder: trials have scores; None: they have cosines.
    """
    sides = list(dict.fromkeys(s for pair in pairs for s in (pair.first, pair.second)))
    templates = {each: _template(each, vectors) for each in sides}
    names = sorted({s.person for s in sides})
    number = {name: k for k, name in enumerate(names)}
    similarity = np.full(len(pairs), np.nan)
    whole = [
        (k, a, b)
        for k, p in enumerate(pairs)
        if (a := templates[p.first]) is not None and (b := templates[p.second]) is not None
    ]
    if whole:
        rows, first, second = zip(*whole, strict=True)
        a, b = np.stack(first), np.stack(second)
        measured = calibration.pair_scores(a, b) if calibration else np.einsum("nd,nd->n", a, b)
        similarity[list(rows)] = measured
    trials = Trials(
        similarity,
        np.array([pair.same for pair in pairs]),
        np.array([number[pair.first.person] for pair in pairs]),
        np.array([number[pair.second.person] for pair in pairs]),
        np.isnan(similarity),
    )
    folds = tuple(p.fold for p in pairs if p.fold is not None)
    groups = tuple(pair.group for pair in pairs)
    taken = pictures_of(pairs)
    return Compared(
        trials,
        tuple(names),
        folds if len(folds) == len(pairs) else None,
        groups if any(groups) else None,
        len(taken),
        sum(picture not in vectors for picture in taken),
        known,
    )


def compare_everybody(
    vectors: Mapping[Picture, Floats],
    failures: Sequence[Failure] = (),
    *,
    groups: Mapping[str, str] | None = None,
    most: int = MOST,
    seed: int = 0,
    calibration: Calibration | None = None,
) -> Compared:
    """Compare every image with every other image.

    Args:
        vectors: by image.
        failures: images without a face; each of their comparisons with an image of the same
            person is a failure.
        groups: group of each person, if known.
        most: comparisons of different people; from more, this many are drawn at random.
        seed: of that draw.
        calibration: of the embedder: trials have scores; None: they have cosines.
    """
    pictures = [*vectors, *(failure.picture for failure in failures)]
    names, who = np.unique([p.person for p in pictures], return_inverse=True)
    table = np.stack([*vectors.values()]) if vectors else np.zeros((0, 1), np.float32)
    order = np.argsort(who, kind="stable")
    a, b = _inside(who[order])
    a, b = order[a], order[b]
    lost = (a >= len(table)) | (b >= len(table))
    genuine = np.full(a.size, np.nan)
    norms = calibration.norms(table) if calibration and len(table) else None

    def measured(first: Rows, second: Rows) -> Doubles:
        cosines = _dots(table, first, second)
        if calibration is None or norms is None:
            return cosines
        return calibration.scores(cosines, norms[first], norms[second])

    genuine[~lost] = measured(a[~lost], b[~lost])
    c, d, total = _between(who[: len(table)], most, seed)
    trials = Trials(
        np.concatenate([genuine, measured(c, d)]),
        np.arange(a.size + c.size) < a.size,
        np.concatenate([who[a], who[c]]),
        np.concatenate([who[b], who[d]]),
        np.concatenate([lost, np.zeros(c.size, bool)]),
    )
    label = None
    if groups is not None:
        of = np.array([groups.get(str(name), "") for name in names])
        first, second = of[trials.first], of[trials.second]
        label = tuple(np.where(first == second, first, "").tolist())
    people = tuple(str(name) for name in names)
    drawn = total if total > c.size else 0
    failed = len(failures)
    return Compared(trials, people, None, label, len(pictures), failed, drawn=drawn)


def compared_in(path: Path) -> Compared:
    """Read scores of any matcher: CSV with similarity, same, person_a, person_b.

    Args:
        path: `similarity` is empty where a comparison failed; `fold` and `group` may follow.

    Raises:
        MienError: a value does not fit its column, by line.
    """
    rows = rows_of(path, ("similarity", "same", "person_a", "person_b"))
    names = sorted({row[f"person_{x}"] for row in rows for x in "ab"})
    number = {name: k for k, name in enumerate(names)}
    similarity = np.array([_score(row["similarity"], path, n) for n, row in enumerate(rows, 2)])
    first, second = (np.array([number[row[f"person_{x}"]] for row in rows]) for x in "ab")
    marks = [(row["same"], str(int(row["person_a"] == row["person_b"]))) for row in rows]
    wrong = next(
        (line for line, (marked, is_same) in enumerate(marks, 2) if marked != is_same), None
    )
    if wrong:
        raise MienError(
            f"{path}, line {wrong}: `same` must be 1 where person_a is person_b and 0 elsewhere; "
            "correct that line."
        )
    trials = Trials(similarity, first == second, first, second, np.isnan(similarity))
    folds = tuple(int(r["fold"]) for r in rows if (r.get("fold") or "").isdigit())
    groups = tuple(r.get("group") or "" for r in rows)
    return Compared(
        trials,
        tuple(names),
        folds if len(folds) == len(rows) else None,
        groups if any(groups) else None,
        failed=int(np.isnan(similarity).sum()),
    )


def subset(compared: Compared, keep: Flags) -> Compared:
    """Some of the trials; people keep their numbers."""
    t = compared.trials
    trials = Trials(t.similarity[keep], t.same[keep], t.first[keep], t.second[keep], t.failed[keep])
    rows = np.flatnonzero(keep)
    folds = tuple(compared.folds[k] for k in rows) if compared.folds else None
    groups = tuple(compared.groups[k] for k in rows) if compared.groups else None
    return replace(compared, trials=trials, folds=folds, groups=groups)


def _score(text: str, path: Path, line: int) -> float:
    if not text.strip():
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise MienError(
            f"{path}, line {line}: similarity '{text}' is not a finite number; leave the cell "
            "empty where a comparison failed, and correct the others."
        )
    return value


def _template(one: Side, vectors: Mapping[Picture, Floats]) -> Floats | None:
    found = [vectors[p] for p in one.pictures if p in vectors]
    if not found:
        return None
    mean = np.mean(found, axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def _dots(table: Floats, a: Rows, b: Rows) -> Doubles:
    """Cosines of selected pairs, in blocks that fit into the cache."""
    out = np.empty(a.size)
    for start in range(0, a.size, 1 << 18):
        cut = slice(start, start + (1 << 18))
        out[cut] = np.einsum("nd,nd->n", table[a[cut]], table[b[cut]])
    return out


def _inside(who: Rows) -> tuple[Rows, Rows]:
    """Row pairs of one person each; `who` is sorted."""
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    ends = np.append(starts[1:], who.size)
    first, second = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start, end in zip(starts, ends, strict=True):
        a, b = np.triu_indices(end - start, 1)
        first.append(a + start)
        second.append(b + start)
    return np.concatenate(first), np.concatenate(second)


def _between(
    who: Rows,
    most: int,
    seed: int,
) -> tuple[Rows, Rows, int]:
    """Row pairs of two people each, all or `most` at random, and their total number."""
    counts = np.bincount(who)
    total = int(who.size * (who.size - 1) // 2 - (counts * (counts - 1) // 2).sum())
    if total <= most:
        a, b = np.triu_indices(who.size, 1)
        keep = who[a] != who[b]
        return a[keep], b[keep], total
    random = np.random.default_rng(seed)
    drawn: Rows = np.zeros(0, np.int64)
    while drawn.size < most:
        a, b = np.sort(random.integers(0, who.size, (2, most)), axis=0)
        keep = (a != b) & (who[a] != who[b])
        drawn = np.unique(np.concatenate([drawn, a[keep] * who.size + b[keep]]))
    chosen = random.permutation(drawn)[:most]
    return chosen // who.size, chosen % who.size, total
