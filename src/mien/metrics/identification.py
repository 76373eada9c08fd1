"""Error rates of searches (1:N): FNIR, FPIR and ranks.

A search returns a person if the similarity exceeds the threshold; a tie is rejected, and a tie with
another person's template ranks the other person first.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.types import Doubles


def fnir(own: ArrayLike, rank: ArrayLike, threshold: float, most: int = 1) -> NDArray[np.bool_]:
    """Flag the searches for enrolled people that miss them.

    Args:
        own: (M,) similarity of the best template of the person searched for; NaN if the search
            failed (no face in the probe, or the person could not be enrolled): a miss.
        rank: (M,) place of that person among all people, from 1; ignored where `own` is NaN.
        threshold: must be exceeded.
        most: candidates that a search returns.

    Returns:
        (M,) whether the person is not among the first `most` above the threshold; its mean is the
        false negative identification rate, lower is better.

    Source: ISO/IEC 19795-1:2021, FNIR(N, R, T).
    """
    similarity, place = np.asarray(own, np.float64), np.asarray(rank)
    if similarity.shape != place.shape or not similarity.size:
        raise TooFewTrialsError(
            "There are no searches for enrolled people; add second images of some."
        )
    found: NDArray[np.bool_] = (similarity > threshold) & (place <= most)  # NaN > x is False
    return ~found


def fpir(best: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Flag the searches for people who are not enrolled that return a person.

    Args:
        best: (U,) similarity of the most similar template; without NaN, since a failed search
            is not a false alarm and would lower the rate.
        threshold: must be exceeded.

    Returns:
        (U,) flags; their mean is the false positive identification rate, lower is better.

    Source: ISO/IEC 19795-1:2021, FPIR(N, T).
    """
    similarity = np.asarray(best, np.float64)
    if not similarity.size:
        raise TooFewTrialsError(
            "There are no searches for people who are not enrolled, so false alarms cannot be "
            "counted; keep some people out of the gallery."
        )
    if np.isnan(similarity).any():
        raise MienError(
            f"{np.isnan(similarity).sum()} searches are NaN; leave out failed searches."
        )
    alarms: NDArray[np.bool_] = similarity > threshold
    return alarms


def ranks(
    similarity: Doubles, gallery: ArrayLike, wanted: ArrayLike
) -> tuple[Doubles, NDArray[np.int64]]:
    """Compute the rank of each wanted person.

    Args:
        similarity: (M, T) of each probe to each template.
        gallery: (T,) whole number of the person of each template, from 0.
        wanted: (M,) number of the person each probe shows; -1 or one without templates: nobody.

    Returns:
        own: (M,) similarity of the best template of that person, NaN if there is none.
        rank: (M,) 1 + number of other people whose best template is at least as similar; 0 if the
            person has no template.
    """
    who, person = np.asarray(gallery, np.int64), np.asarray(wanted, np.int64)
    best = best_of_people(similarity, who)  # (M, P)
    known = (person >= 0) & (person < best.shape[1]) & np.isin(person, who)
    own = np.full(person.shape, np.nan)
    rank = np.zeros(person.shape, np.int64)
    rows = np.flatnonzero(known)
    own[rows] = best[rows, person[rows]]
    rank[rows] = np.sum(best[rows] >= own[rows, None], axis=1)  # the person counts: starts at 1
    return own, rank


def best_of_people(similarity: Doubles, gallery: NDArray[np.int64]) -> Doubles:
    """(M, P) similarity of the best template of each person; -inf without a template."""
    order = np.argsort(gallery, kind="stable")
    names, starts = np.unique(gallery[order], return_index=True)
    best = np.full((len(similarity), int(names.max(initial=-1)) + 1), -np.inf)
    if names.size:
        best[:, names] = np.maximum.reduceat(similarity[:, order], starts, axis=1)
    return best
