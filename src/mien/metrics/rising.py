"""A rising function through noisy points."""

import numpy as np
from numpy.typing import ArrayLike

from mien.types import Doubles


def rising_fit(values: ArrayLike, targets: ArrayLike) -> tuple[Doubles, Doubles]:
    """Fit targets by a function that never falls, of no other shape.

    Args:
        values: (N,).
        targets: (N,).

    Returns:
        Sorted values and their fits, for numpy.interp; equal values have the mean of their
        targets.

    Source: pool adjacent violators; Barlow et al., Statistical Inference under Order
    Restrictions, 1972.
    """
    from scipy.optimize import isotonic_regression  # compiled

    x, place, count = np.unique(np.asarray(values, np.float64), return_inverse=True,
                                return_counts=True)  # fmt: skip
    mean = np.bincount(place, np.asarray(targets, np.float64)) / count
    fitted: Doubles = isotonic_regression(mean, weights=count.astype(np.float64)).x
    return x, fitted
