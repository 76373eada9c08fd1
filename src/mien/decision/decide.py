"""The decision rule: match, review or unknown, with a reason.

A threshold is never a constant: it is taken for the requested error rate from a calibration that
states its data.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mien.decision.calibration import Calibration, Threshold
from mien.errors import MienError
from mien.geometry import eye_distance, pose_from_points
from mien.liveness.check import refusal
from mien.metrics import posterior
from mien.types import Basis, Candidate, Decision, Doubles, Face, Floats, Liveness, Outcome

FMR = 1e-3  # default for 1:1: one non-mated comparison in a thousand matches
FPIR = 0.01  # default for 1:N: one search in a hundred for an unknown person returns a name
PRIOR = 0.5  # prior probability
REVIEW = 10.0  # a score that matches at ten times the false match rate is for review
CLEAR = 0.95  # minimum share of the best person in the sum with the runner-up
SMALL = 16.0  # px between the eyes: the calibrations have no smaller faces
TURNED = 50.0  # degrees of yaw: the calibrations have no faces beyond
DIM = 0.049  # mean luminance of the face: one face in a thousand of the calibrations is darker
NEAREST = 50  # people whose cosine is highest: their scores decide
SHOWN = 10  # candidates of a decision
# Ranks of the rivals that show how similar the gallery is to a probe. The first ones may be
# the person, or most similar by chance. Chosen on folds 2 and 3 of LFW.
RIVALS = (5, 20)


def compare(
    first: Face,
    second: Face,
    calibration: Calibration,
    *,
    fmr: float = FMR,
    prior: float = PRIOR,
) -> Decision:
    """Decide whether two faces are one person.

    Args:
        first: with an embedding of the embedder of the calibration.
        second: the same. A face of low quality changes a match to a review.
        calibration: of that embedder.
        fmr: false match rate to work at: share of non-mated comparisons that match.
        prior: prior probability that they are one person.

    Raises:
        TooFewTrialsError: the calibration has too few comparisons for this rate.
    """
    _check(prior)
    one, other = _embedding(first), _embedding(second)
    cosine = float(np.clip(one @ other, -1, 1))
    [score] = calibration.pair_scores(one[None], other[None]).tolist()
    threshold = calibration.at_fmr(fmr)
    probability = float(posterior(calibration.llr(score), prior))
    weak = None
    if score > threshold.score:  # of no use below
        faces = (first, second)
        weak = next((reason for face in faces if (reason := weakness(face, calibration))), None)
    rate = f"FMR {fmr:g}" + (", extrapolated," if threshold.extrapolated else "")
    outcome, reason = _judge(score, threshold, calibration, rate, weak)
    basis = _basis(calibration, threshold)
    return Decision(outcome, None, cosine, probability, prior, reason, basis, score=score)


def score_candidates(
    vector: Floats,
    candidates: Sequence[Candidate],
    norms: Doubles,
    calibration: Calibration,
) -> list[Candidate]:
    """Score the candidates of one search, and sort them by score.

    Args:
        vector: (D,) the probe; a mean of several faces is shorter than 1.
        candidates: the `NEAREST` people of a gallery.
        norms: (N, 2) of their templates: `Calibration.norms`.
        calibration: of the embedder that made the vectors.
    """
    if not candidates:
        return []
    length = float(np.linalg.norm(vector))
    own = calibration.norms((vector / length)[None])
    cosines = length * np.array([each.similarity for each in candidates])
    scores = calibration.scores(cosines, own, norms)
    scored = [
        replace(each, similarity=float(cosine), score=float(score))
        for each, cosine, score in zip(candidates, cosines, scores, strict=True)
    ]
    return sorted(scored, key=lambda each: (-(each.score or 0.0), each.template))


def identify(
    candidates: Sequence[Candidate],
    calibration: Calibration,
    *,
    people: int,
    fpir: float = FPIR,
    prior: float = PRIOR,
    face: Face | None = None,
) -> Decision:
    """Decide which person of a gallery a face shows, if any.

    Args:
        candidates: from `score_candidates`, best first.
        calibration: of the embedder that made the vectors.
        people: number of people searched; the threshold rises with it.
        fpir: false positive identification rate to work at: share of searches of people outside
            the gallery that return a name.
        prior: prior probability that the person is in the gallery; it is spread evenly
            over its people.
        face: a face of low quality changes a match to a review.
    """
    _check(prior)
    if not candidates:
        return Decision("unknown", None, None, None, prior, "The gallery is empty.")
    best = candidates[0]
    scores = np.array([candidate.score for candidate in candidates])
    threshold = calibration.at_fpir(fpir, people)
    ratios = _ratios(scores, calibration, people, prior)
    probability = float(ratios[0] / (1 + ratios.sum()))
    shown = calibration.fpir_of(threshold.fmr, people)
    weak = None
    if shown > fpir * (1 + 1e-6):
        weak = f"among {people:,} people the calibration shows FPIR {shown:.2g} at best"
    score = float(scores[0])
    if face and score > threshold.score:  # of no use below
        weak = weak or weakness(face, calibration)
    if len(candidates) > 1 and ratios[0] < CLEAR * (ratios[0] + ratios[1]):
        weak = weak or f"the runner-up '{candidates[1].person}' scores almost as high"
    rate = f"FPIR {fpir:g} among {people:,} people" + (
        ", extrapolated," if threshold.extrapolated else ""
    )
    outcome, reason = _judge(score, threshold, calibration, rate, weak)
    return Decision(
        outcome,
        best.person if outcome == "match" else None,
        best.similarity,
        probability,
        prior,
        reason,
        _basis(calibration, threshold, fpir, people),
        score - float(scores[1]) if len(scores) > 1 else None,
        tuple(candidates[:SHOWN]),
        score,
    )


def size_warning(people: int, calibration: Calibration, fpir: float = FPIR) -> str | None:
    """Return what the size of a gallery means for its searches; None if nothing.

    Args:
        people: number of people with templates.
        calibration: of their embedder.
        fpir: false positive identification rate that searches will ask for.
    """
    if people < 1 or not calibration.at_fpir(fpir, people).extrapolated:
        return None
    measured, shown = (
        int(math.log1p(-fpir) / math.log1p(-rate))
        for rate in (calibration.strictest.fmr, calibration.rarest)
    )
    if people <= shown:
        return (
            f"The gallery has {people:,} people. FPIR {fpir:g} was measured for up to "
            f"{measured:,} people, and is extrapolated for more."
        )
    best = calibration.fpir_of(calibration.rarest, people)
    return (
        f"The gallery has {people:,} people. FPIR {fpir:g} can be shown for {shown:,} people; "
        f"with more, each match is for review. Ask for FPIR {best:.1g} or more, split the "
        "gallery, or run `mien calibrate` on more people."
    )


def best_probability(
    scores: Doubles, calibration: Calibration, *, people: int, prior: float = PRIOR
) -> Doubles:
    """Return the probability that the best candidate of each search is the person.

    Args:
        scores: (N, K) of the best candidates, best first, K at least the last rank of `RIVALS`
            if the gallery has as many people.
        calibration: that gave them.
        people: number of people searched.
        prior: prior probability that the person is in the gallery.
    """
    ratios = _ratios(scores, calibration, people, prior)
    found: Doubles = ratios[:, 0] / (1 + ratios.sum(1))
    return found


def _ratios(scores: Doubles, calibration: Calibration, people: int, prior: float) -> Doubles:
    """Posterior odds of each candidate against nobody, (..., K).

    Bayes' theorem over all people: those outside the gallery have likelihood ratio 1, those
    beyond the list less than the last one of the list, which is negligible. The prior is spread
    over as many strangers as there seem to be, see `_strangers`.
    """
    rivals = _strangers(scores, calibration, people)[..., None]
    ratios: Doubles = prior / (1 - prior) / rivals * np.exp(calibration.llr(scores))
    return ratios


def _strangers(scores: Doubles, calibration: Calibration, people: int) -> Doubles:
    """Return how many calibrated strangers would give such rivals, (...,).

    A gallery in colour holds fewer rivals for a grey photo than its size suggests, and a family
    more. Of `people` strangers the calibration expects people * 10^-score above a score; the
    ratio of the rank to this number, a geometric mean over `RIVALS`, corrects the size. Ranks
    whose share is beyond the calibration are left out; if all are, the size stays.
    """
    first, last = RIVALS
    shown = int(people * calibration.points[0].fmr)
    ranks = np.arange(first, min(last, scores.shape[-1], shown) + 1)
    if not len(ranks):
        return np.full(scores.shape[:-1], float(people))
    decades = np.log10(ranks) + scores[..., ranks - 1]
    found: Doubles = 10 ** decades.mean(-1)
    return found


def weakness(face: Face, calibration: Calibration | None = None) -> str | None:
    """Return why a score of this face is unreliable; None if it is reliable.

    Args:
        face: with quality and embedding, if they are known.
        calibration: of its embedder, for what the embedding shows.
    """
    measures = face.quality.measures if face.quality else {}
    eyes, yaw = measures.get("inter_eye_distance"), measures.get("head_pose_yaw")
    if eyes is not None and eyes < SMALL:
        return f"the distance between the eyes is only {eyes:.0f} px"
    if yaw is not None and abs(yaw) > TURNED:
        return f"the face is turned {abs(yaw):.0f} degrees"
    if "mouth" in face.occluded:
        return "mouth and nose are covered"
    if face.occluded:
        return "dark glasses cover the eyes"
    light = measures.get("luminance_mean")
    if light is not None and light < DIM:
        return f"the face is too dark (mean luminance {light:.3f})"
    if calibration is None or not calibration.cohort or face.embedding is None:
        return None
    low, high = calibration.usual
    [[mean, _]] = calibration.norms(face.embedding[None]).tolist()
    if mean < low:
        return "the face is unlike all on which the rates were measured"
    if mean > high:
        return "strangers are more similar to this face than to any on which rates were measured"
    return None


def question(decision: Decision, liveness: Liveness | None) -> Decision:
    """Change a match to a review if the face of the probe is not live.

    Args:
        decision: about a face.
        liveness: of that face; None: not checked, and the decision stays.

    Returns:
        The decision; `code` is "liveness-attack" or "liveness-no-response" if the face failed.
        An unknown person stays unknown, with that code and the sentence.
    """
    if liveness is None or liveness.outcome == "live":
        return decision
    outcome: Outcome = "unknown" if decision.outcome == "unknown" else "review"
    return replace(
        decision,
        outcome=outcome,
        person=None,
        reason=f"{refusal(liveness)} {decision.reason}",
        code=f"liveness-{liveness.outcome}",
    )


MADE = {
    "synthetic": "The image is declared as synthetic",
    "edited": "The image is declared as edited by a program",
    "restored": "The image is declared as restored: its details are a plausible guess",
}


def question_origin(decision: Decision, change: str | None) -> Decision:
    """Change a match to a review if the image of the probe was made, edited or restored.

    Args:
        decision: about a face.
        change: what the image is declared to be; None: nothing is, and the decision stays.

    Returns:
        The decision; `code` is "made-" with the change. An unknown person stays unknown.
    """
    if change is None:
        return decision
    outcome: Outcome = "unknown" if decision.outcome == "unknown" else "review"
    return replace(
        decision,
        outcome=outcome,
        person=None,
        reason=f"{MADE[change]}. {decision.reason}",
        code=f"made-{change}",
    )


def comparable(face: Face) -> bool:
    """Return whether a face is comparable, from its five points, fast enough for every frame."""
    if face.points is None or not np.isfinite(face.points).all():
        return False
    yaw, _, _ = pose_from_points(face.points)
    return eye_distance(face.points) >= SMALL and abs(yaw) <= TURNED


def _check(prior: float) -> None:
    if not 0 < prior < 1:
        raise MienError(f"A prior must be between 0 and 1, got {prior:g}; 0.5 is neutral.")


def _embedding(face: Face) -> Floats:
    if face.embedding is None:
        raise MienError("A face without embedding cannot be compared; embed it first.")
    return face.embedding


def _judge(
    score: float, threshold: Threshold, calibration: Calibration, rate: str, weak: str | None
) -> tuple[Outcome, str]:
    """Return the outcome and its reason; a tie counts as below the threshold."""
    limit = -math.log10(calibration.rarest)  # what the calibration shows at all
    often = one_in(score) if score <= limit else f"Fewer than {one_in(limit)}"
    seen = f"{often} strangers is this similar"
    if score > threshold.score and weak is None:
        return "match", f"{seen}; {rate} needs {one_in(threshold.score)}."
    if score > threshold.score:
        return "review", f"{seen}, enough for {rate}, but {weak}."
    laxer = min(REVIEW * threshold.fmr, calibration.points[0].fmr)
    if score > -math.log10(laxer):
        return "review", f"{seen}; {rate} needs {one_in(threshold.score)}."
    return "unknown", f"{seen}; {rate} needs {one_in(threshold.score)}."


def one_in(score: float) -> str:
    """Say a score in words: "1 in 10,000"."""
    number = 10 ** min(score, 18.0)
    digits = max(0, math.floor(math.log10(number)) - 1) if number >= 1 else 0
    return f"1 in {round(number / 10**digits) * 10**digits:,}"


def _basis(
    calibration: Calibration,
    threshold: Threshold,
    fpir: float | None = None,
    people: int | None = None,
) -> Basis:
    return Basis(
        calibration.name,
        calibration.contract,
        threshold.score,
        threshold.low,
        threshold.high,
        threshold.fmr,
        fpir,
        people,
        threshold.extrapolated,
        calibration.data,
    )
