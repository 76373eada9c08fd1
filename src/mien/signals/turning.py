"""The motion of a turning head in a film, and what the face moves beyond it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.types import Doubles, Floats

ROUNDS, PASSES = 4, 4  # of reweighting within a fit; of fits and reliefs in turn
STEADY = 0.05  # px; the error of the flow between two images of a resting face
BULGE = 0.14  # standard deviation of a relief around the average one, in widths of the image
SMOOTH = 1 / 64  # of the width; a relief has no edges but that of the nose
# Dome of an average head and its nose, in widths of a chip of mien.align, seen from the front.
DOME, NOSE = (1.9, 0.62), (0.16, 0.07, 0.1)
LEAST = 9  # places: one more than a fit has unknowns


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """Flow of a film without the motion of the head."""

    flow: Floats  # (T, H, W, 2) px
    turn: Doubles  # (T,) px by which the head's turn bends the flow of the face
    relief: Floats  # (H, W) of this face, in widths, nearer is larger; slopes mean nothing


def without_turns(flow: Floats, face: NDArray[np.bool_], *, learn: bool = True) -> Turned:
    """Subtract the motion of a rigid head whose relief is learnt from the film itself.

    Under weak perspective, a small turn moves each place by the turn times its depth, and all else
    is affine: eight unknowns per flow. The relief is common to all flows, so a film in which the
    head turns shows it; movements of the face are rare and local, and get little weight. In a film
    whose median turn bends the flow by less than 0.05 px, only affine motion is subtracted.

    Args:
        flow: (T, H, W, 2) px, between images of one face that was cut at one place.
        face: (H, W) places that belong to the head; at least 9.
        learn: the relief of this face. False: the average one is kept.

    Returns:
        What is left. Weights of the fits follow Geman and McClure, with the median error as scale.

    Raises:
        MienError: shapes differ, or there are too few places.

    Source: affine motion and parallax after Irani and Anandan, "A unified approach to moving
        object detection in 2D and 3D scenes", IEEE TPAMI 1998; factorisation over the film after
        Tomasi and Kanade, IJCV 1992.
    """
    if flow.ndim != 4 or flow.shape[1:] != (*face.shape, 2) or face.sum() < LEAST:
        raise MienError(
            f"A flow of shape {flow.shape} does not fit a face of {face.shape} with "
            f"{int(face.sum())} places; expected (T, H, W, 2), and {LEAST} places or more."
        )
    average = relief = _average(face.shape)
    if not len(flow):
        return Turned(np.asarray(flow, np.float32), np.zeros(0), relief)
    for number in range(PASSES if learn else 1):
        bases = _bases(relief)
        found = _fit(flow, face, bases)
        if learn and number < PASSES - 1:
            relief = _relief(flow, face, bases, found, average)
    bend = np.linalg.norm(found[:, -2:], axis=1) * relief[face].std()
    if learn and np.median(bend) < STEADY:  # what seems to turn are movements
        found = np.pad(_fit(flow, face, bases[:-2]), ((0, 0), (0, 2)))
        bend = np.zeros(len(flow))
    rest = flow - np.tensordot(found, bases, 1)
    return Turned(np.asarray(rest, np.float32), bend.astype(np.float64), relief)


def _average(shape: tuple[int, ...]) -> Floats:
    x, y = _places(shape)
    wide, high, long = NOSE
    nose = wide * np.exp(-((x / high) ** 2) - ((y - 0.06) / long) ** 2)
    return np.asarray(nose - DOME[0] * x**2 - DOME[1] * y**2, np.float32)


def _places(shape: tuple[int, ...]) -> tuple[Doubles, Doubles]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (x + 0.5) / shape[1] - 0.5, (y + 0.5) / shape[0] - 0.52


def _bases(relief: Floats) -> Floats:
    """(8, H, W, 2): affine motions, then turns about the upright and the level axis."""
    x, y = _places(relief.shape)
    one, zero = np.ones_like(x), np.zeros_like(x)
    planes = np.stack([one, x, y])
    ways = [np.stack([plane, zero], -1) for plane in planes]
    ways += [np.stack([zero, plane], -1) for plane in planes]
    ways += [np.stack([relief, zero], -1), np.stack([zero, relief], -1)]
    return np.asarray(ways, np.float32)


def _fit(flow: Floats, face: NDArray[np.bool_], bases: Floats) -> Floats:
    """(T, 8) weights of the bases; places that move otherwise count less with each round."""
    many, count = len(flow), len(bases)
    seen = flow[:, face].reshape(many, -1).astype(np.float32)  # (T, 2 N)
    base = bases[:, face].reshape(count, -1)
    products = (base[:, None] * base[None]).reshape(count * count, -1)
    weight = np.ones((many, seen.shape[1] // 2), np.float32)
    found = np.zeros((many, count), np.float32)
    for _ in range(ROUNDS):
        both = np.repeat(weight, 2, axis=1)
        square = (both @ products.T).reshape(many, count, count) + 1e-6 * np.eye(count)
        side = (both * seen) @ base.T
        found = np.linalg.solve(square, side[..., None])[..., 0].astype(np.float32)
        wrong = np.linalg.norm((seen - found @ base).reshape(*weight.shape, 2), axis=2)
        weight = _weights(wrong, np.median(wrong, axis=1, keepdims=True))
    return found


def _weights(wrong: Floats, scale: Floats) -> Floats:
    return np.asarray(1 / (1 + (wrong / np.maximum(scale, STEADY)) ** 2) ** 2, np.float32)


def _relief(
    flow: Floats, face: NDArray[np.bool_], bases: Floats, found: Floats, average: Floats
) -> Floats:
    """The relief that explains all flows best, given the turns; where nothing turns, the average.

    Its affine part is that of the average one: the affine motions explain any other.
    """
    turn = found[:, -2:]
    bent = flow - np.tensordot(found[:, :-2], bases[:-2], 1)
    wrong = np.linalg.norm(bent - np.tensordot(turn, bases[-2:], 1), axis=-1)
    scale = np.maximum(np.median(wrong[:, face], axis=1), STEADY)[:, None, None]
    weight = _weights(wrong, scale) / scale**2
    shown = np.einsum("thw,tc,thwc->hw", weight, turn, bent, optimize=True)
    known = np.einsum("thw,t->hw", weight, (turn**2).sum(1))
    prior = 1 / BULGE**2
    relief = np.asarray((shown + prior * average) / (known + prior), np.float32)
    soft = np.asarray(cv2.GaussianBlur(relief, (0, 0), SMOOTH * face.shape[1]), np.float32)
    x, y = _places(face.shape)
    planes = np.stack([np.ones_like(x), x, y], -1)
    slope = np.linalg.lstsq(planes[face], (soft - average)[face].astype(np.float64), rcond=None)
    return np.asarray(soft - planes @ slope[0], np.float32)
