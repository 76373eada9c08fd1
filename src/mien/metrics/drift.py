"""Whether two samples of counts come from one distribution."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

LEAST = 1.0  # expected counts below which the approximation is not used, Cochran (1954)


def homogeneity(first: ArrayLike, second: ArrayLike) -> float:
    """Return the p-value of two histograms with the same bins: chi-square test of homogeneity.

    Args:
        first: (B,) counts, B >= 2.
        second: (B,) counts.

    Returns:
        Probability, in (0, 1], of histograms that differ at least as much if both are of one
        distribution. Bins that are empty in both do not count.

    Raises:
        ValueError: an expected count is below 1, so the approximation does not hold.

    Source: Pearson's chi-square test of a 2 x B table.
    """
    table = np.array([first, second], np.float64)
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(table.sum(), 1.0)
    if table.shape[1] < 2 or expected.min() < LEAST:
        raise ValueError(f"The histograms {table.tolist()} have too few counts for a comparison.")
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, table.shape[1] - 1))
