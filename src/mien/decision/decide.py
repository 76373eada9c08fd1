"""From a similarity to an answer: match, review or unknown, and why.

A threshold here is never a bare number: it is looked up for the error rate that was asked for, in
a calibration that names the data it was measured on.
"""

from collections.abc import Sequence

import numpy as np

from mien.decision.calibration import Calibration, Point
from mien.errors import MienError
from mien.geometry import eye_distance, pose_from_points
from mien.metrics import posterior
from mien.types import Basis, Candidate, Decision, Face, Outcome

FMR = 1e-3  # default for 1:1: one stranger in a thousand is taken for the person
FPIR = 0.01  # default for 1:N: one unknown visitor in a hundred gets a name
PRIOR = 0.5  # probability assumed before looking
REVIEW = 10.0  # what passes at ten times the false match rate is for a person to look at
CLEAR = 0.95  # share of the evidence that the best person must hold against the others
SMALL = 16.0  # px between the eyes: below, the calibrations have no faces
TURNED = 50.0  # degrees of yaw: likewise


def compare(
    similarity: float,
    calibration: Calibration,
    *,
    fmr: float = FMR,
    prior: float = PRIOR,
    faces: Sequence[Face] = (),
) -> Decision:
    """Decide whether two faces are one person.

    Args:
        similarity: cosine of the two vectors, in [-1, 1].
        calibration: of the embedder that made them.
        fmr: false match rate to work at: the share of pairs of strangers called a match.
        prior: probability that they are one person, before looking.
        faces: the two faces; a poor one turns a match into a review.

    Raises:
        TooFewTrialsError: the calibration cannot show so small a rate.
    """
    _check(prior)
    point = calibration.at_fmr(fmr)
    probability = posterior(calibration.llr(similarity), prior)
    weak = next((reason for face in faces if (reason := weakness(face))), None)
    outcome, reason = _judge(similarity, point, _laxer(calibration, point), f"FMR {fmr:g}", weak)
    basis = _basis(calibration, point)
    return Decision(outcome, None, similarity, float(probability), prior, reason, basis)


def identify(
    candidates: Sequence[Candidate],
    calibration: Calibration,
    *,
    templates: int,
    fpir: float = FPIR,
    prior: float = PRIOR,
    face: Face | None = None,
) -> Decision:
    """Decide who of a gallery a face is, if anybody.

    Args:
        candidates: the people most alike, best first; ask the gallery for ten.
        calibration: of the embedder that made the vectors.
        templates: how many templates were searched; the threshold rises with them.
        fpir: false positive identification rate to work at: the share of searches for people who
            are not in the gallery that give a name.
        prior: probability that the person is in the gallery, before looking; it is spread evenly
            over the templates.
        face: a poor one turns a match into a review.

    Raises:
        TooFewTrialsError: the calibration cannot show so small a rate for so large a gallery.
    """
    _check(prior)
    if not candidates:
        return Decision("unknown", None, None, None, prior, "The gallery is empty.")
    best = candidates[0]
    point = calibration.at_fpir(fpir, templates)
    # Bayes over everybody: strangers have likelihood ratio 1, people beyond the list less than
    # the last of the list, which is next to nothing.
    odds = prior / (1 - prior) / templates
    ratios = [odds * calibration.ratio(candidate.similarity) for candidate in candidates]
    probability = ratios[0] / (1 + sum(ratios))
    weak = weakness(face) if face else None
    if len(candidates) > 1 and ratios[0] < CLEAR * (ratios[0] + ratios[1]):
        weak = weak or f"'{candidates[1].person}' is nearly as alike"
    rate = f"FPIR {fpir:g} among {templates:,} templates"
    outcome, reason = _judge(best.similarity, point, _laxer(calibration, point), rate, weak)
    return Decision(
        outcome,
        None if outcome == "unknown" else best.person,
        best.similarity,
        probability,
        prior,
        reason,
        _basis(calibration, point, fpir, templates),
        best.similarity - candidates[1].similarity if len(candidates) > 1 else None,
        tuple(candidates),
    )


def weakness(face: Face) -> str | None:
    """Why a similarity of this face should not be trusted; None if it may."""
    measures = face.quality.measures if face.quality else {}
    eyes, yaw = measures.get("inter_eye_distance"), measures.get("head_pose_yaw")
    if eyes is not None and eyes < SMALL:
        return f"the eyes are only {eyes:.0f} px apart"
    if yaw is not None and abs(yaw) > TURNED:
        return f"the face is turned {abs(yaw):.0f} degrees"
    return None


def comparable(face: Face) -> bool:
    """The same from the five points alone, for those who ask it of every frame of a film."""
    if face.points is None or not np.isfinite(face.points).all():
        return False
    yaw, _, _ = pose_from_points(face.points)
    return eye_distance(face.points) >= SMALL and abs(yaw) <= TURNED


def _check(prior: float) -> None:
    if not 0 < prior < 1:
        raise MienError(f"A prior is a probability between 0 and 1, got {prior:g}; 0.5 is even.")


def _laxer(calibration: Calibration, point: Point) -> Point:
    """The threshold at ten times the rate, as far as the calibration goes."""
    return calibration.at_fmr(min(REVIEW * point.fmr, calibration.points[0].fmr))


def _judge(
    similarity: float, point: Point, lower: Point, rate: str, weak: str | None
) -> tuple[Outcome, str]:
    """The outcome and its reason; a tie with a threshold stays below it."""
    seen = f"Similarity {similarity:.3f}"
    if similarity > point.threshold and weak is None:
        return "match", f"{seen} is above {point.threshold:.3f}, the threshold for {rate}."
    if similarity > point.threshold:
        return "review", f"{seen} is above {point.threshold:.3f} ({rate}), but {weak}."
    if similarity > lower.threshold:
        return "review", (
            f"{seen} is under {point.threshold:.3f}, the threshold for {rate}, but above "
            f"{lower.threshold:.3f}, that for FMR {lower.fmr:.2g}."
        )
    return (
        "unknown",
        f"{seen} is under {lower.threshold:.3f}, the threshold for FMR {lower.fmr:.2g}.",
    )


def _basis(
    calibration: Calibration, point: Point, fpir: float | None = None, templates: int | None = None
) -> Basis:
    return Basis(
        calibration.name,
        calibration.contract,
        point.threshold,
        point.low,
        point.high,
        point.fmr,
        fpir,
        templates,
    )
