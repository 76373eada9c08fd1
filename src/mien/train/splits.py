"""Who is in training and who is in the test: no person, and no look-alike image, in both."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.errors import TrainingError

Rows = NDArray[np.int64]


def group_ids(people: Sequence[str], *others: Sequence[object]) -> tuple[str, ...]:
    """Groups of rows that must stay together, because they share a person or anything else.

    Args:
        people: (N,) names; "" where unknown, which is nobody's and joins nothing.
        others: more such columns: numbers of near-duplicates (labelled_faces.alike), hashes.

    Returns:
        (N,) a name a group: rows that are joined by any chain have the same.
    """
    above = list(range(len(people)))

    def top(row: int) -> int:
        while above[row] != row:
            above[row] = above[above[row]]
            row = above[row]
        return row

    for column in (people, *others):
        first: dict[object, int] = {}
        for row, value in enumerate(column):
            if value != "":
                above[top(row)] = top(first.setdefault(value, row))
    return tuple(people[top(row)] or f"row {top(row)}" for row in range(len(people)))


def held_out(groups: Sequence[str], share: float, seed: int = 0) -> tuple[Rows, Rows]:
    """Rows of the training and of the held-out part; a group is on one side.

    Args:
        groups: (N,) people, or what `kin` gives.
        share: of the rows that is held out, about; in (0, 1). At least one group is.
        seed: of who it is.

    Raises:
        TrainingError: there is one group only.
    """
    wanted = max(2, round(1 / min(share, 1 - share)))
    parts = folds(groups, max(2, min(wanted, len(set(groups)))), seed)  # one group at the least
    train, held = parts[0]
    return (train, held) if share <= 0.5 else (held, train)


def folds(groups: Sequence[str], count: int, seed: int = 0) -> list[tuple[Rows, Rows]]:
    """Training and test rows of each fold; folds have about the same number of rows.

    Args:
        groups: (N,) people, or what `kin` gives.
        count: of folds, at least 2.
        seed: of who is where.

    Raises:
        TrainingError: there are fewer groups than folds.
    """
    names, rows = np.unique(np.asarray(groups, str), return_inverse=True)
    _require(len(names), count)
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(rows)
    order = order[np.argsort(-sizes[order], kind="stable")]  # large groups first
    filled, fold_of = np.zeros(count), np.empty(len(names), int)
    for name in order:
        fold_of[name] = np.argmin(filled)
        filled[fold_of[name]] += sizes[name]
    fold = fold_of[rows]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def leave_one_out(people: Sequence[str]) -> list[tuple[str, Rows, Rows]]:
    """Each person once as the test: (name, training rows, test rows), by name. LOSO.

    Raises:
        TrainingError: there is one person only, or rows whose person is unknown.
    """
    who = np.asarray(people, str)
    if (who == "").any():
        raise TrainingError(
            f"{int((who == '').sum())} rows name no person, so nobody can be left out; name them, "
            "or use folds."
        )
    names = np.unique(who)
    _require(len(names), 2)
    return [(str(n), np.flatnonzero(who != n), np.flatnonzero(who == n)) for n in names]


def require_classes(
    labels: Sequence[str], classes: Sequence[str], where: str = "training"
) -> NDArray[np.int64]:
    """Labels as numbers (N,) of their classes.

    Raises:
        TrainingError: a label that is no class, or a class without a row.
    """
    place = {name: number for number, name in enumerate(classes)}
    strange = Counter(label for label in labels if label not in place)
    if strange:
        told = ", ".join(f"'{name}' {count} times" for name, count in strange.most_common(5))
        raise TrainingError(f"Labels outside {', '.join(classes)} in {where}: {told}.")
    empty = [name for name in classes if name not in set(labels)]
    if empty:
        raise TrainingError(
            f"No row of {where} is {' or '.join(empty)}; add some, or leave the class out of the "
            "list, since a network would learn that it never happens."
        )
    return np.array([place[label] for label in labels], np.int64)


def _require(groups: int, least: int) -> None:
    if groups < max(2, least):
        raise TrainingError(
            f"{groups} {'person' if groups == 1 else 'people or groups'} cannot be split into "
            f"{max(2, least)} parts without being in two; add people, or ask for fewer parts."
        )
