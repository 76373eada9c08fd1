"""Error rates of comparisons (1:1): FMR, FNMR, thresholds and fold accuracy.

A pair is accepted if its similarity exceeds the threshold; a tie is rejected. NaN is refused
everywhere: a pair without a similarity is a failure, and failures are counted separately.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import TooFewTrialsError
from mien.types import Doubles


@dataclass(frozen=True, slots=True)
class FoldAccuracy:
    """Accuracy by the k-fold rule; higher is better."""

    mean: float  # over the folds, in [0, 1]
    folds: tuple[float, ...]  # of each fold, in the order of its number
    thresholds: tuple[float, ...]  # of each fold, set on the other folds


def fmr(different: ArrayLike, threshold: float) -> float:
    """False match rate: the share of different-person pairs that are accepted.

    Args:
        different: (Q,) similarities of different-person pairs, higher = more similar; Q >= 1.
        threshold: must be exceeded; a tie is rejected.

    Returns:
        Share in [0, 1], lower is better. Leave out pairs with an image without a face: they
        cannot be false matches, and counting them would lower the rate.

    Source: ISO/IEC 19795-1:2021, FMR.
    """
    impostors = _similarities(different, "different-person", 1)
    return float(np.mean(impostors > threshold))


def fnmr(same: ArrayLike, threshold: float, failed: int = 0) -> float:
    """False non-match rate: the share of same-person pairs that are rejected.

    Args:
        same: (P,) similarities of same-person pairs, higher = more similar.
        threshold: must be exceeded; a tie is rejected.
        failed: further same-person pairs that have no similarity, since no face was found; each
            is an error. P + failed >= 1.

    Returns:
        Share in [0, 1], lower is better.

    Source: ISO/IEC 19795-1:2021, FNMR; with `failed` it is FRR of a system that tries once.
    """
    genuine = _similarities(same, "same-person", 0 if failed else 1)
    return float((np.sum(genuine <= threshold) + failed) / (genuine.size + failed))


def threshold_at_fmr(different: ArrayLike, fmr: float) -> float:
    """The lowest threshold at which at most a share `fmr` of impostors is accepted.

    Args:
        different: (Q,) similarities of different-person pairs, Q >= 1 / fmr.
        fmr: allowed false match rate, in (0, 1].

    Returns:
        A similarity of one of the pairs (which is then rejected, as are its ties, so that the
        true rate never exceeds `fmr`); -inf if all may pass.

    Source: ISO/IEC 19795-1:2021.
    """
    if not 0 < fmr <= 1:
        raise ValueError(f"A false match rate lies in (0, 1], got {fmr:g}.")
    impostors = _similarities(different, "different-person", 1)
    allowed = int(fmr * impostors.size + 1e-9)
    if allowed < 1:
        raise TooFewTrialsError(
            f"FMR {fmr:g} needs {np.ceil(1 / fmr):.0f} different-person pairs, got "
            f"{impostors.size}; ask for a larger rate or add pairs."
        )
    if allowed >= impostors.size:
        return -np.inf
    return float(np.partition(impostors, -allowed - 1)[-allowed - 1])


def tar_at_far(same: ArrayLike, different: ArrayLike, far: float, failed: int = 0) -> float:
    """True accept rate when at most a share `far` of impostors is accepted.

    Args:
        same: (P,) similarities of same-person pairs, higher = more similar.
        different: (Q,) similarities of different-person pairs, Q >= 1 / far.
        far: allowed false accept rate, in (0, 1].
        failed: further same-person pairs without a similarity; each is a reject.

    Returns:
        Share of same-person pairs accepted, in [0, 1], higher is better. A tie with
        the threshold is rejected, so the true false accept rate never exceeds `far`.

    Source: ISO/IEC 19795-1:2021, as 1 - FNMR at a fixed FMR.
    """
    return 1 - fnmr(same, threshold_at_fmr(different, far), failed)


def equal_error_rate(same: ArrayLike, different: ArrayLike, failed: int = 0) -> float:
    """The error rate at the threshold where both kinds of errors are equally frequent.

    Args:
        same: (P,) similarities of same-person pairs, higher = more similar.
        different: (Q,) similarities of different-person pairs, Q >= 1.
        failed: further same-person pairs without a similarity; P + failed >= 1.

    Returns:
        In [0, 1], lower is better. Both rates are step functions, so they may not meet: the value
        is their mean where they are nearest, and the smaller mean if that occurs twice.

    Source: ISO/IEC 19795-1:2021 names it; the mean at the nearest step is usual.
    """
    genuine = np.sort(_similarities(same, "same-person", 0 if failed else 1))
    impostors = np.sort(_similarities(different, "different-person", 1))
    return equal_error_of_sorted(genuine, impostors, failed)


def equal_error_of_sorted(genuine: Doubles, impostors: Doubles, failed: int = 0) -> float:
    """equal_error_rate of rising similarities, by bisection.

    Misses never fall and matches never rise with the threshold, so the nearest step is on one
    side of where they cross, which halving finds.
    """

    def rates(threshold: float) -> tuple[float, float]:  # ties are rejected
        missed = int(np.searchsorted(genuine, threshold, side="right")) + failed
        matched = impostors.size - int(np.searchsorted(impostors, threshold, side="right"))
        return missed / (genuine.size + failed), matched / impostors.size

    def crossing(values: Doubles) -> list[float]:
        """The last value before the crossing and the first one after it."""
        low, high = 0, values.size
        while low < high:
            middle = (low + high) // 2
            missed, matched = rates(float(values[middle]))
            low, high = (middle + 1, high) if missed < matched else (low, middle)
        return [float(v) for v in values[max(0, low - 1) : low + 1]]

    pairs = [rates(threshold) for threshold in (-np.inf, *crossing(genuine), *crossing(impostors))]
    nearest = min(abs(missed - matched) for missed, matched in pairs)
    return min((a + b) / 2 for a, b in pairs if abs(a - b) <= nearest + 1e-12)


def fold_accuracy(
    similarity: ArrayLike, same: ArrayLike, fold: ArrayLike, failed: ArrayLike | None = None
) -> FoldAccuracy:
    """Accuracy by the rule of LFW: each fold is tested at the threshold of the other folds.

    Args:
        similarity: (P,) of each pair, higher = more similar; ignored where the pair failed.
        same: (P,) whether a pair shows one person.
        fold: (P,) number of the fold; at least two folds, each with a pair that did not fail.
        failed: (P,) whether a pair has no similarity, since no face was found; it counts as an
            error whatever it shows. Default: none failed.

    Returns:
        Accuracies in [0, 1], higher is better. A pair counts as "same" if its similarity exceeds
        the threshold. The threshold lies midway between two neighbouring similarities of the
        other folds (or beyond all of them) and gives the fewest errors there; of several equally
        good ones it is the middle one.

    Source: Huang et al., "Labeled Faces in the Wild", UMass 07-49, 2007, section III.
    """
    same, fold = np.asarray(same, bool), np.asarray(fold)
    lost = np.zeros(same.shape, bool) if failed is None else np.asarray(failed, bool)
    scores = np.where(lost, 0.0, np.asarray(similarity, np.float64))
    _similarities(scores, "all", 1)
    numbers = np.unique(fold)
    if numbers.size < 2 or any(lost[fold == number].all() for number in numbers):
        raise TooFewTrialsError(
            f"The k-fold rule needs two folds, each with a pair that did not fail; got "
            f"{numbers.size} folds with {same.size} pairs, {lost.sum()} of them failed."
        )
    folds, thresholds = [], []
    for number in numbers:
        learn, judge = (fold != number) & ~lost, fold == number
        threshold = _best_threshold(scores[learn], same[learn])
        right = ((scores > threshold) == same) & ~lost
        folds.append(float(right[judge].mean()))
        thresholds.append(threshold)
    return FoldAccuracy(float(np.mean(folds)), tuple(folds), tuple(thresholds))


def _best_threshold(scores: Doubles, same: NDArray[np.bool_]) -> float:
    values = np.unique(scores)
    edges = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    # Rounding can put a midpoint on its upper neighbour, which it must not reject.
    edges[1:-1] = np.where(edges[1:-1] >= values[1:], values[:-1], edges[1:-1])
    misses = np.searchsorted(np.sort(scores[same]), edges, side="right")
    strangers = np.sort(scores[~same])
    errors = misses + strangers.size - np.searchsorted(strangers, edges, side="right")
    best = np.flatnonzero(errors == errors.min())
    return float(edges[best[(best.size - 1) // 2]])


def _similarities(values: ArrayLike, which: str, least: int) -> Doubles:
    """As doubles; refused if there are too few or one is NaN."""
    array = np.asarray(values, dtype=np.float64).ravel()
    if array.size < least:
        raise TooFewTrialsError(f"There are no {which} pairs, so there is no rate; add some.")
    if np.isnan(array).any():
        raise ValueError(
            f"{np.isnan(array).sum()} of {array.size} similarities of {which} pairs are NaN; pairs "
            "without a similarity are failures: leave them out and count them as `failed`."
        )
    return array
