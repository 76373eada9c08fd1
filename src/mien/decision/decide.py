"""The decision rule: match, review or unknown, with a reason.

A threshold is never a constant: it is taken for the requested error rate from a calibration that
states its data.
"""

from collections.abc import Sequence

import numpy as np

from mien.decision.calibration import Calibration, Point
from mien.errors import MienError
from mien.geometry import eye_distance, pose_from_points
from mien.metrics import posterior
from mien.types import Basis, Candidate, Decision, Face, Outcome

FMR = 1e-3  # default for 1:1: one non-mated comparison in a thousand matches
FPIR = 0.01  # default for 1:N: one search in a hundred for an unknown person returns a name
PRIOR = 0.5  # prior probability
REVIEW = 10.0  # a similarity that matches at ten times the false match rate is for review
CLEAR = 0.95  # minimum share of the best person in the sum with the runner-up
SMALL = 16.0  # px between the eyes: the calibrations have no smaller faces
TURNED = 50.0  # degrees of yaw: the calibrations have no faces beyond


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
        similarity: cosine of the two embeddings, in [-1, 1].
        calibration: of the embedder that made them.
        fmr: false match rate to work at: share of non-mated comparisons that match.
        prior: prior probability that they are one person.
        faces: the two faces; a face of low quality changes a match to a review.

    Raises:
        TooFewTrialsError: the calibration has too few comparisons for this rate.
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
    """Decide which person of a gallery a face shows, if any.

    Args:
        candidates: the most similar people, best first; request ten from the gallery.
        calibration: of the embedder that made the vectors.
        templates: number of templates searched; the threshold rises with it.
        fpir: false positive identification rate to work at: share of searches of people outside
            the gallery that return a name.
        prior: prior probability that the person is in the gallery; it is spread evenly
            over the templates.
        face: a face of low quality changes a match to a review.

    Raises:
        TooFewTrialsError: the calibration has too few comparisons for this rate and gallery.
    """
    _check(prior)
    if not candidates:
        return Decision("unknown", None, None, None, prior, "The gallery is empty.")
    best = candidates[0]
    point = calibration.at_fpir(fpir, templates)
    # Bayes' theorem over all people: those outside the gallery have likelihood ratio 1, those
    # beyond the list less than the last one of the list, which is negligible.
    prior_ratio = prior / (1 - prior) / templates
    ratios = [prior_ratio * calibration.ratio(candidate.similarity) for candidate in candidates]
    probability = ratios[0] / (1 + sum(ratios))
    weak = weakness(face) if face else None
    if len(candidates) > 1 and ratios[0] < CLEAR * (ratios[0] + ratios[1]):
        weak = weak or f"the runner-up '{candidates[1].person}' scores almost as high"
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
    """Return why a similarity of this face is unreliable; None if it is reliable."""
    measures = face.quality.measures if face.quality else {}
    eyes, yaw = measures.get("inter_eye_distance"), measures.get("head_pose_yaw")
    if eyes is not None and eyes < SMALL:
        return f"the distance between the eyes is only {eyes:.0f} px"
    if yaw is not None and abs(yaw) > TURNED:
        return f"the face is turned {abs(yaw):.0f} degrees"
    return None


def comparable(face: Face) -> bool:
    """Return whether a face is comparable, from its five points, fast enough for every frame."""
    if face.points is None or not np.isfinite(face.points).all():
        return False
    yaw, _, _ = pose_from_points(face.points)
    return eye_distance(face.points) >= SMALL and abs(yaw) <= TURNED


def _check(prior: float) -> None:
    if not 0 < prior < 1:
        raise MienError(f"A prior must be between 0 and 1, got {prior:g}; 0.5 is neutral.")


def _laxer(calibration: Calibration, point: Point) -> Point:
    """Return the threshold at ten times the rate, within the range of the calibration."""
    return calibration.at_fmr(min(REVIEW * point.fmr, calibration.points[0].fmr))


def _judge(
    similarity: float, point: Point, lower: Point, rate: str, weak: str | None
) -> tuple[Outcome, str]:
    """Return the outcome and its reason; a tie counts as below the threshold."""
    seen = f"Similarity {similarity:.3f}"
    if similarity > point.threshold and weak is None:
        return "match", f"{seen} is above {point.threshold:.3f}, the threshold for {rate}."
    if similarity > point.threshold:
        return "review", f"{seen} is above {point.threshold:.3f} ({rate}), but {weak}."
    if similarity > lower.threshold:
        return "review", (
            f"{seen} is below {point.threshold:.3f}, the threshold for {rate}, but above "
            f"{lower.threshold:.3f}, the threshold for FMR {lower.fmr:.2g}."
        )
    return (
        "unknown",
        f"{seen} is below {lower.threshold:.3f}, the threshold for FMR {lower.fmr:.2g}.",
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
