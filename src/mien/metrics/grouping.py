"""Measure agreement of a grouping of images with the people they show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import TooFewTrialsError
from mien.metrics.intervals import bootstrap_weights
from mien.types import Doubles

Ends = tuple[float, float, float]  # precision, recall, F


@dataclass(frozen=True, slots=True)
class BCubed:
    """Agreement of groups with people; all in [0, 1], higher is better."""

    precision: float  # of the images in an image's group, the share that shows its person
    recall: float  # of the images of an image's person, the share that is in its group
    f: float  # harmonic mean of both
    low: Ends  # 95 % interval of the three (bootstrap by person), lower ends
    high: Ends  # the same, upper ends


def b_cubed(
    groups: ArrayLike,
    people: ArrayLike,
    *,
    counted: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> BCubed:
    """B-cubed precision, recall and F of a grouping.

    Args:
        groups: (N,) group of each image, any labels; N >= 1.
        people: (N,) true person of each image, any labels.
        counted: (N,) whether an image counts in the means; the others remain in their groups.
            Default: all count.
        resamples: of the people, for the intervals.
        seed: of the resampling.

    Returns:
        Means over images, each image counted once, itself included: only groups of one image
        have precision 1, one group of all images has recall 1.

    Raises:
        TooFewTrialsError: there is no image.
        ValueError: the two have different lengths.

    Source: Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space
        model", ACL 1998, eq. 1-4, with equal weights; the choice of Amigó et al., "A comparison
        of extrinsic clustering evaluation metrics", Information Retrieval 12, 2009.
    """
    precision, recall = b_cubed_each(groups, people)
    some = np.ones(precision.shape, bool) if counted is None else np.asarray(counted, bool)
    precision, recall = precision[some], recall[some]
    who = np.unique(np.asarray(people).ravel()[some], return_inverse=True)[1]
    if not who.size:
        raise TooFewTrialsError("B-cubed needs at least one image, got none.")
    means = np.array([precision.mean(), recall.mean()])
    low, high = _ends(precision, recall, who, resamples, seed)
    return BCubed(float(means[0]), float(means[1]), float(_harmonic(means[None])[0]), low, high)


def _ends(
    precision: Doubles, recall: Doubles, who: NDArray[np.intp], resamples: int, seed: int
) -> tuple[Ends, Ends]:
    """Lower and upper ends of precision, recall and F, over resamples of the people."""
    count = int(who.max()) + 1
    drawn = bootstrap_weights(count, resamples, seed)  # (R, P)
    pictures, right, found = (
        np.bincount(who, values, count) for values in (None, precision, recall)
    )
    shares = drawn @ np.stack([right, found], axis=1) / (drawn @ pictures)[:, None]  # (R, 2)
    ends = np.quantile(np.column_stack([shares, _harmonic(shares)]), [0.025, 0.975], axis=0)
    (low_p, low_r, low_f), (high_p, high_r, high_f) = ends.tolist()
    return (low_p, low_r, low_f), (high_p, high_r, high_f)


def b_cubed_each(groups: ArrayLike, people: ArrayLike) -> tuple[Doubles, Doubles]:
    """B-cubed precision and recall of each image.

    Args:
        groups: (N,) group of each image, any labels.
        people: (N,) true person of each image, any labels.

    Returns:
        (N,) and (N,) in (0, 1], higher is better.

    Raises:
        ValueError: the two have different lengths.

    Source: as `b_cubed`.
    """
    first, second = np.asarray(groups).ravel(), np.asarray(people).ravel()
    if first.size != second.size:
        raise ValueError(
            f"Expected one group per person label, got {first.size} groups for {second.size}."
        )
    group = np.unique(first, return_inverse=True)[1]
    who = np.unique(second, return_inverse=True)[1]
    both = np.unique(np.stack([group, who]), axis=1, return_inverse=True)[1].ravel()
    shared = np.bincount(both)[both]
    return shared / np.bincount(group)[group], shared / np.bincount(who)[who]


def _harmonic(pairs: Doubles) -> Doubles:
    """(N, 2) precision and recall -> (N,) F; neither is ever 0."""
    harmonic: Doubles = 2 / (1 / pairs).sum(axis=1)
    return harmonic
