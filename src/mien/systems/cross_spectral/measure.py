"""Comparisons of a gallery with probes of a spectrum: thresholds on dev, rates on eval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Clusters, Estimate, equal_error_rate, threshold_at_fmr
from mien.types import Doubles

BONA_FIDE, VIS, NIR = "bonafide", "vis", "nir"
PAIRS = 10  # impostor comparisons that an FMR needs, times 1 / FMR
ENOUGH = 30  # presentations of an instrument; fewer give no verdict


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Vectors with what is known about them; a row without a face has NaN."""

    vectors: Doubles  # (N, D)
    spectrum: NDArray[np.str_]  # (N,) VIS or NIR
    person: NDArray[np.str_]  # (N,) who is shown; "": an attack without a target
    kind: NDArray[np.str_]  # (N,) BONA_FIDE, or the instrument
    role: NDArray[np.str_]  # (N,) enrol or probe
    group: NDArray[np.str_]  # (N,) dev or eval; others are not used

    def where(self, **wanted: str) -> NDArray[np.bool_]:
        """(N,) whether all of the named columns have those values."""
        keep = np.ones(len(self.person), bool)
        for name, value in wanted.items():
            keep &= getattr(self, name) == value
        return keep


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Best cosine of each probe with one enrolled person; a probe without a face has -1."""

    value: Doubles  # (K,)
    probe: NDArray[np.int64]  # (K,) row
    shown: NDArray[np.str_]  # (K,) person of the probe
    claimed: NDArray[np.str_]  # (K,) enrolled person

    @property
    def same(self) -> NDArray[np.bool_]:
        """(K,) whether the claimed person is the one shown."""
        return np.asarray(self.shown == self.claimed)


def compare(rows: Rows, probes: NDArray[np.bool_], group: str) -> Scores:
    """Compare probes with the gallery of a group: visible bona fide enrolments.

    Raises:
        TooFewTrialsError: nobody is enrolled in the group.
    """
    gallery = rows.where(role="enrol", spectrum=VIS, kind=BONA_FIDE, group=group)
    gallery &= np.isfinite(rows.vectors).all(1)
    people = sorted(set(rows.person[gallery]))
    if not people:
        raise TooFewTrialsError(f"Nobody is enrolled in the group '{group}' with a visible face.")
    at = np.flatnonzero(probes)
    seen = np.nan_to_num(rows.vectors[at])
    best = np.stack([(seen @ rows.vectors[gallery & (rows.person == who)].T).max(1)
                     for who in people], 1)  # fmt: skip
    best[~np.isfinite(rows.vectors[at]).all(1)] = -1.0
    count = len(people)
    return Scores(
        best.ravel().astype(np.float64), np.repeat(at, count),
        np.repeat(rows.person[at], count), np.tile(np.array(people), len(at)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Error rates of one spectrum of probes at the threshold of dev."""

    threshold: float
    equal_error: float  # of eval, in [0, 1]
    non_match: Estimate  # genuine probes that are refused
    false_match: Estimate  # of strangers
    accepted: dict[str, Estimate]  # instrument -> IAPMR: attacks accepted as their target
    presented: dict[str, int]  # instrument -> presentations


def rates(
    rows: Rows, spectrum: str, fmr: float, allowed: NDArray[np.bool_] | None = None
) -> Spectrum:
    """Set the threshold on strangers of dev, and apply it unchanged to eval.

    Args:
        rows: everything.
        spectrum: of the probes.
        fmr: false match rate of zero-effort impostors.
        allowed: (N,) what a liveness stage lets pass; None: there is none.

    Raises:
        TooFewTrialsError: too few strangers for that rate; the smallest one that works is named.
    """
    genuine = {"role": "probe", "spectrum": spectrum, "kind": BONA_FIDE}
    dev = compare(rows, rows.where(group="dev", **genuine), "dev")
    threshold = stranger_threshold(dev.value[~dev.same], fmr)
    test = compare(rows, rows.where(group="eval", **genuine), "eval")
    passes = test.value > threshold
    if allowed is not None:
        passes &= allowed[test.probe]
    accepted, presented = {}, {}
    attacks = rows.where(role="probe", spectrum=spectrum, group="eval") & (rows.kind != BONA_FIDE)
    for kind in sorted(set(rows.kind[attacks & (rows.person != "")])):
        made = compare(rows, attacks & (rows.kind == kind) & (rows.person != ""), "eval")
        hits = (made.value > threshold)[made.same]
        if allowed is not None:
            hits &= allowed[made.probe[made.same]]
        accepted[kind] = share(made.shown[made.same], hits)
        presented[kind] = len(hits)
    return Spectrum(
        threshold,
        equal_error_rate(test.value[test.same], test.value[~test.same]),
        share(test.shown[test.same], ~passes[test.same]),
        share(test.shown[~test.same], passes[~test.same]),
        accepted,
        presented,
    )


def stranger_threshold(strangers: Doubles, fmr: float) -> float:
    """The score that strangers exceed with that rate.

    Raises:
        TooFewTrialsError: fewer than PAIRS / fmr comparisons.
    """
    if strangers.size < PAIRS / fmr:
        least = PAIRS / max(strangers.size, 1)
        raise TooFewTrialsError(
            f"{strangers.size:,} comparisons of strangers show no threshold at FMR {fmr:g}; the "
            f"smallest rate that they support is {least:.2g}."
        )
    return float(threshold_at_fmr(strangers, fmr))


def balanced_threshold(scores: Doubles, live: NDArray[np.bool_]) -> float:
    """The score at which the two errors of a liveness head are closest to each other."""
    values = np.unique(scores)
    gaps = [abs((scores[live] <= bar).mean() - (scores[~live] > bar).mean()) for bar in values]
    return float(values[int(np.argmin(gaps))])


def share(people: Sequence[str] | NDArray[np.str_], hits: NDArray[np.bool_]) -> Estimate:
    """A rate with its interval over people."""
    if not len(hits):
        return Estimate(float("nan"), reason="no such presentation")
    return Clusters(np.unique(people, return_inverse=True)[1]).share(hits)


def verdict(count: int, accepted: Estimate) -> str:
    """What an instrument's rate permits to say."""
    if count < ENOUGH:
        return "insufficient"
    return "open" if accepted.low > 0.1 else "held" if accepted.high < 0.1 else "unclear"


def require_grey(image: NDArray[np.uint8], where: str) -> None:
    """Refuse a colour picture that is labelled as infrared.

    Raises:
        MienError: channels differ by more than two grey levels.
    """
    differ = int((image.max(-1).astype(int) - image.min(-1)).max())
    if differ > 2:
        raise MienError(
            f"{where} is labelled nir, but its channels differ by {differ} grey levels; convert it "
            "to grey if it is infrared, or correct the label."
        )
