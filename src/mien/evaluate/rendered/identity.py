"""Check that a real embedder distinguishes synthetic people as it distinguishes real people."""

from dataclasses import dataclass

import numpy as np

from mien.align import align
from mien.contracts import Detector, Embedder
from mien.evaluate.rendered.sitting import portrait, sitter
from mien.metrics import equal_error_rate
from mien.synth import HeadModel, render
from mien.types import OnStep

YAWS = (-12.0, 0.0, 13.0)


@dataclass(frozen=True, slots=True)
class IdentitySeparation:
    """Similarities within and between people.

    Similarity is the cosine, as everywhere in mien. Distance is Euclidean between the vectors as
    the network returns them, neither normalised nor mirrored, as dlib's authors define it (they
    call two faces one person below 0.6). The acceptance criterion for strangers is at least 0.55.
    """

    people: int
    views: int
    lost: int  # images in which no face was found
    same: float  # mean similarity of two images of one person
    different: float  # and of two people
    same_distance: float  # NaN if the embedder has no raw vectors
    different_distance: float
    error: float  # equal error rate


def compare_identities(
    head: HeadModel,
    detector: Detector,
    embedder: Embedder,
    *,
    people: int = 25,
    seed: int = 0,
    tone: float | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> IdentitySeparation:
    """Render each of some people three times, in other light and pose, and compare.

    Args:
        head: to draw with.
        detector: finds the face.
        embedder: makes the vectors.
        people: number of people.
        seed: of everything.
        tone: one skin tone for all, which is harder; random if None.
        on_step: called for each person.
    """
    vectors, raw, who, lost = [], [], [], 0
    for number in range(people):
        on_step("identity", number, people)
        actor = sitter(head, seed * 100_000 + 5000 + number, tone)
        for view, yaw in enumerate(YAWS):
            scene = portrait(seed * 100_000 + 7 * number + 1000 * view, yaw)
            frame = render(actor, scene, truth=False)
            faces = detector(frame.rgb)
            if not faces:
                lost += 1
                continue
            chips = align(frame.rgb, faces[:1], embedder.crop)
            vectors.append(embedder(chips)[0])
            raw.append(embedder.raw(chips)[0] if hasattr(embedder, "raw") else vectors[-1] * np.nan)
            who.append(number)
    on_step("identity", people, people)
    similarity = np.array(vectors) @ np.array(vectors).T
    first, second = np.triu_indices(len(who), 1)
    equal = np.array(who)[first] == np.array(who)[second]
    values = similarity[first, second].astype(np.float64)
    apart = np.linalg.norm(np.array(raw)[first] - np.array(raw)[second], axis=1)
    return IdentitySeparation(
        people, len(YAWS), lost, float(values[equal].mean()), float(values[~equal].mean()),
        float(apart[equal].mean()), float(apart[~equal].mean()),
        equal_error_rate(values[equal], values[~equal]),
    )  # fmt: skip
