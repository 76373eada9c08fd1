"""Split rows into training and test: no person and no near-duplicate image in both."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.errors import TrainingError

Rows = NDArray[np.int64]


def group_ids(people: Sequence[str], *others: Sequence[object]) -> tuple[str, ...]:
    """Group ids of rows that must stay together, because they share a person or another property.

    Args:
        people: (N,) names; "" where unknown, which joins nothing.
        others: more such columns: groups from labelled_faces.near_duplicates, hashes.

    Returns:
        (N,) one name per group: rows that are connected by any chain have the same name.
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
        groups: (N,) people, or the result of `group_ids`.
        share: approximate share of rows that is held out; in (0, 1). At least one group is.
        seed: of the selection.

    Raises:
        TrainingError: there is only one group.
    """
    wanted = max(2, round(1 / min(share, 1 - share)))
    parts = folds(groups, max(2, min(wanted, len(set(groups)))), seed)  # at least one group
    train, held = parts[0]
    return (train, held) if share <= 0.5 else (held, train)


def folds(groups: Sequence[str], count: int, seed: int = 0) -> list[tuple[Rows, Rows]]:
    """Training and test rows of each fold; folds have about the same number of rows.

    Args:
        groups: (N,) people, or the result of `group_ids`.
        count: of folds, at least 2.
        seed: of the assignment.

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
        TrainingError: there is only one person, or rows whose person is unknown.
    """
    who = np.asarray(people, str)
    if (who == "").any():
        raise TrainingError(
            f"{int((who == '').sum())} rows name no person, so no person can be left out; name "
            "them, or use folds."
        )
    names = np.unique(who)
    _require(len(names), 2)
    return [(str(n), np.flatnonzero(who != n), np.flatnonzero(who == n)) for n in names]


def require_classes(
    labels: Sequence[str], classes: Sequence[str], where: str = "training"
) -> NDArray[np.int64]:
    """Labels as class numbers (N,).

    Raises:
        TrainingError: an unknown label, or a class without a row.
    """
    place = {name: number for number, name in enumerate(classes)}
    strange = Counter(label for label in labels if label not in place)
    if strange:
        found = ", ".join(f"'{name}' {count} times" for name, count in strange.most_common(5))
        raise TrainingError(f"Labels outside {', '.join(classes)} in {where}: {found}.")
    empty = [name for name in classes if name not in set(labels)]
    if empty:
        raise TrainingError(
            f"No row of {where} is {' or '.join(empty)}; add some, or remove the class from the "
            "list: a network would learn that it never occurs."
        )
    return np.array([place[label] for label in labels], np.int64)


def _require(groups: int, least: int) -> None:
    if groups < max(2, least):
        raise TrainingError(
            f"{groups} {'person' if groups == 1 else 'people or groups'} cannot be split into "
            f"{max(2, least)} parts without overlap; add people, or ask for fewer parts."
        )
