"""How well two protected references can be linked to one person."""

import numpy as np
from numpy.typing import ArrayLike

BINS = 50  # of the scores, between their extremes
LEAST = 1000  # scores of each kind; the estimate of fewer is mostly noise


def linkability(mated: ArrayLike, non_mated: ArrayLike, *, bins: int = BINS) -> float:
    """Return D_sys: how far scores across two keys reveal that they are of one person.

    Args:
        mated: (P,) scores of references of one person, under two keys.
        non_mated: (Q,) scores of references of two people, under two keys.
        bins: of the histograms that estimate both densities.

    Returns:
        In [0, 1]: 0 is unlinkable, 1 fully linkable; both cases are assumed equally probable. The
        noise of finite data raises it: identical distributions give about
        0.2 * sqrt(bins / P).

    Raises:
        ValueError: there are too few scores.

    Source: Gomez-Barrero et al. (2018), General framework to evaluate unlinkability in biometric
    template protection systems, IEEE TIFS 13(6).
    """
    same, other = np.asarray(mated, np.float64), np.asarray(non_mated, np.float64)
    if min(same.size, other.size) < LEAST:
        raise ValueError(
            f"{same.size} mated and {other.size} non-mated scores are too few; expected {LEAST} "
            "of each."
        )
    low, high = min(same.min(), other.min()), max(same.max(), other.max())
    edges = np.linspace(low, high, bins + 1) if high > low else np.array([low - 1, low + 1])
    p, q = (np.histogram(each, edges)[0] / each.size for each in (same, other))
    share = np.divide(p, p + q, out=np.zeros_like(p), where=p + q > 0)  # LR / (1 + LR)
    return float((p * np.maximum(2 * share - 1, 0)).sum())
