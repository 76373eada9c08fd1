"""Error rates of presentation attack detection: APCER and BPCER of ISO/IEC 30107-3:2023.

ACER, the mean of the two rates, is not in the standard and hides the worse one: it is left out.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import MienError, TooFewTrialsError


def apcer(score: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Flag attack presentations that are classified as bona fide.

    Args:
        score: (A,) of attacks of one species that got a response, higher = more live.
        threshold: must be exceeded to count as bona fide; a tie is an attack.

    Returns:
        (A,) flags; their mean is the attack presentation classification error rate of that
        species, lower is better. The figure of a system is that of its worst species.

    Source: ISO/IEC 30107-3:2023, APCER.
    """
    accepted: NDArray[np.bool_] = _scores(score, "attack") > threshold
    return accepted


def bpcer(score: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Flag bona fide presentations that are classified as attacks; see apcer.

    Source: ISO/IEC 30107-3:2023, BPCER.
    """
    refused: NDArray[np.bool_] = ~(_scores(score, "bona fide") > threshold)
    return refused


def roc_area(live: ArrayLike, attack: ArrayLike) -> float:
    """The share of pairs of a live face and an attack that are ordered correctly.

    Args:
        live: (P,) scores of bona fide presentations, higher = more live.
        attack: (Q,) scores of attacks.

    Returns:
        Area under the receiver operating characteristic, in [0, 1], higher is better, 0.5 by
        chance; a tie counts as half.

    Source: Mann and Whitney, 1947; Hanley and McNeil, Radiology 143:29, 1982.
    """
    high, low = np.sort(_scores(live, "bona fide")), _scores(attack, "attack")
    below, upto = (np.searchsorted(high, low, side=side) for side in ("left", "right"))
    return float(1 - (below + upto).mean() / (2 * high.size))


def threshold_at_apcer(species: dict[str, ArrayLike], rate: float) -> float:
    """The lowest threshold at which no species of attack passes more often than `rate`.

    Args:
        species: scores of each species, higher = more live.
        rate: in (0, 1]; each species needs 1 / rate presentations.

    Returns:
        A score of one of the attacks (which is then rejected); -inf if all may pass.

    Source: ISO/IEC 30107-3:2023: BPCER20 is BPCER at APCER 5 %, of the worst species.
    """
    from mien.metrics.verification import threshold_at_fmr

    bars = []
    for name, values in species.items():
        scores = _scores(values, f"attack ({name})")
        if int(rate * scores.size + 1e-9) < 1:
            raise TooFewTrialsError(
                f"APCER {rate:g} needs {np.ceil(1 / rate):.0f} presentations of each species, "
                f"'{name}' has {scores.size}; ask for a larger rate or add presentations."
            )
        bars.append(threshold_at_fmr(scores, rate))
    if not bars:
        raise TooFewTrialsError("There are no attacks, so there is no APCER; add attacks.")
    return max(bars)


def _scores(values: ArrayLike, which: str) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64).ravel()
    if not array.size:
        raise TooFewTrialsError(f"There are no {which} presentations with a response; add some.")
    if np.isnan(array).any():
        raise MienError(
            f"{np.isnan(array).sum()} {which} presentations have no score; those without a "
            "response are counted separately as non-response."
        )
    return array
