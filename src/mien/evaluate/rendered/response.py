"""Check that a real landmarker's points follow the blendshapes of rendered faces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.evaluate.rendered.sitting import portrait, sitter
from mien.landmarks import SUBSET_68, fit_meshes
from mien.synth import Actor, HeadModel, render
from mien.types import Doubles, Floats, OnStep

Measure = Callable[[Floats], float]
STEPS = 7  # strengths from 0 to 1
# Each strength is rendered in several lights and on several backgrounds: with one light alone,
# ranks swap by a hundredth of the distance between the eyes.
LIGHTS = 3


@dataclass(frozen=True, slots=True)
class Response:
    """Correlation of the points with one action unit."""

    unit: str
    rho: tuple[float, ...]  # Spearman's rho of each person, 1: follows; NaN: no face was found
    bar: float

    @property
    def least(self) -> float:
        """The lowest rho; NaN if the face of a person was not found."""
        return float(np.min(self.rho))


def _gap(mesh: Floats, upper: Sequence[int], lower: Sequence[int]) -> float:
    high, low = mesh[list(upper), :2].mean(0), mesh[list(lower), :2].mean(0)
    return float(np.linalg.norm(high - low)) / _scale(mesh)


def _scale(mesh: Floats) -> float:
    """Distance of the outer eye corners, px."""
    return float(np.linalg.norm(mesh[33, :2] - mesh[263, :2]))


_EYES = (((159, 158), (145, 153)), ((386, 385), (374, 380)))
_INNER_BROW, _OUTER_BROW = (107, 66, 336, 296), (70, 63, 300, 293)
_NASION_LINE = (33, 133, 362, 263)  # corners of the eyes


def _lids(mesh: Floats) -> float:
    return _gap(mesh, *_EYES[0]) + _gap(mesh, *_EYES[1])


def _wide(mesh: Floats) -> float:
    return float(np.linalg.norm(mesh[61, :2] - mesh[291, :2])) / _scale(mesh)


def _drop(mesh: Floats) -> float:
    """Distance of the mouth corners below the middle of the mouth, upright face assumed."""
    corners, middle = mesh[[61, 291], 1].mean(), mesh[[13, 14], 1].mean()
    return float(corners - middle) / _scale(mesh)


def _gaze(mesh: Floats, axis: int) -> float:
    """Position of the irises between the corners of their eyes; NaN without irises."""
    if len(mesh) < 478:
        return float("nan")
    pairs = ((468, (33, 133)), (473, (362, 263)))
    off = [mesh[i, axis] - mesh[list(c), axis].mean() for i, c in pairs]
    return float(np.mean(off)) / _scale(mesh)


# Unit -> measure that grows with it, and the acceptance criterion. The criterion is on rho with its
# sign: a movement in the wrong direction does not count.
MEASURES: dict[str, tuple[Measure, float]] = {
    "AU1": (lambda m: _gap(m, _INNER_BROW, _NASION_LINE), 0.7),
    "AU2": (lambda m: _gap(m, _OUTER_BROW, _NASION_LINE), 0.7),
    "AU4": (lambda m: -_gap(m, _INNER_BROW, _NASION_LINE), 0.9),
    "AU5": (_lids, 0.9),
    "AU12": (_wide, 0.9),
    "AU15": (_drop, 0.9),
    "AU18": (lambda m: -_wide(m), 0.9),
    "AU27": (lambda m: _gap(m, (13,), (14,)), 0.9),
    "AU45": (lambda m: -_lids(m), 0.9),
    "AU61": (lambda m: _gaze(m, 0), 0.7),
    "AU62": (lambda m: -_gaze(m, 0), 0.7),
    "AU63": (lambda m: -_gaze(m, 1), 0.7),
    "AU64": (lambda m: _gaze(m, 1), 0.7),
}


def responses(
    head: HeadModel,
    detector: Detector,
    landmarker: Landmarker,
    *,
    people: int = 4,
    seed: int = 0,
    on_step: OnStep = lambda name, done, total: None,
) -> list[Response]:
    """Sweep each unit from 0 to 1 and rank what the landmarker measures.

    Args:
        head: to draw with.
        detector: finds the face.
        landmarker: card attention-mesh; with face-mesh, gaze stays NaN.
        people: number of people.
        seed: of everything.
        on_step: called for each sweep.
    """
    found: dict[str, list[float]] = {unit: [] for unit in MEASURES}
    actors = [sitter(head, seed * 100_000 + 9000 + k) for k in range(people)]
    for done, unit in enumerate(MEASURES):
        on_step("response", done, len(MEASURES))
        for number, actor in enumerate(actors):
            found[unit].append(_sweep(actor, unit, seed + number, detector, landmarker))
    on_step("response", len(MEASURES), len(MEASURES))
    return [Response(unit, tuple(rho), MEASURES[unit][1]) for unit, rho in found.items()]


def _sweep(actor: Actor, unit: str, seed: int, detector: Detector, landmarker: Landmarker) -> float:
    seen = np.full((LIGHTS, STEPS), np.nan)
    for light, step in np.ndindex(seen.shape):
        weights = {unit: step / (STEPS - 1)}
        scene = portrait(seed + 100 * light, 0.0, weights, pitch=0.0, strength=0.5)
        image = render(actor, scene, truth=False).rgb
        faces = detector(image)
        if not faces:
            return float("nan")
        mesh, _ = fit_meshes(landmarker, image, faces[:1])
        seen[light, step] = MEASURES[unit][0](mesh[0])
    mean = seen.mean(axis=0)
    if np.isnan(mean).any() or np.ptp(mean) == 0:
        return float("nan")
    ranks = np.argsort(np.argsort(mean))  # Spearman's rho: no two measures are equal
    return float(np.corrcoef(np.arange(STEPS), ranks)[0, 1])


def landmark_error(
    head: HeadModel, detector: Detector, landmarker: Landmarker, *, people: int = 30, seed: int = 0
) -> Doubles:
    """Mean distance of the inner 51 points from the truth, as a share of the outer eye corners'.

    The mesh points that represent the 68 are not iBUG's own, so part of the error is theirs.

    Returns:
        (people,) errors; NaN where no face was found.
    """
    out = np.full(people, np.nan)
    for number in range(people):
        actor = sitter(head, seed * 100_000 + number)
        rng = np.random.default_rng([seed, number])
        frame = render(actor, portrait(number, float(rng.uniform(-15, 15))), truth=False)
        faces = detector(frame.rgb)
        if faces:
            mesh, _ = fit_meshes(landmarker, frame.rgb, faces[:1])
            off = mesh[0][list(SUBSET_68), :2][17:] - frame.lm68[17:]
            eyes = np.linalg.norm(frame.lm68[36] - frame.lm68[45])
            out[number] = np.linalg.norm(off, axis=1).mean() / eyes
    return out
