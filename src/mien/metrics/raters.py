"""How well raters agree: what a head could reach at most against the same raters."""

import numpy as np
from numpy.typing import ArrayLike

from mien.metrics.agreement import concordance
from mien.types import Doubles


def rater_concordance(ratings: ArrayLike) -> Doubles:
    """Concordance of each rater with the mean of the other raters.

    The mean over raters is the ceiling to hold a head against: a head that is compared with the
    mean of all raters and does as well as this answers as well as one person.

    Args:
        ratings: (N, K) of N things by K raters, N and K at least 2; NaN: not rated.

    Returns:
        (K,) in [-1, 1], higher is better; NaN for a rater without two rated things, or if nothing
        varies.
    """
    table = np.asarray(ratings, np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"Ratings of shape {table.shape} are not (N, K) with N and K at least 2.")
    found = []
    for k in range(table.shape[1]):
        others = np.delete(table, k, axis=1)
        seen = np.isfinite(table[:, k]) & np.isfinite(others).any(axis=1)
        mean = np.nanmean(others[seen], axis=1)
        found.append(concordance(table[seen, k], mean) if seen.sum() > 1 else np.nan)
    return np.array(found)
