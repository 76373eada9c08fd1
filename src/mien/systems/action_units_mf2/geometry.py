"""The rivals of the proof: measures of the landmark mesh, and histograms of gradients."""

import numpy as np

from mien.align.grey import LUMA
from mien.behaviour import Baseline, action_units
from mien.behaviour.features import features, from_rest
from mien.detect import detect_with_retries
from mien.geometry import Camera
from mien.landmarks import UNITS as MEASURES
from mien.landmarks import fit_meshes, head_pose, measure_head
from mien.media.warping import stretched
from mien.systems.action_units_mf2.head import UNITS
from mien.types import Doubles, Floats, OnStep, Pixels
from mien.zoo import DETECTOR, load

LARGE = 480  # px to which chips are enlarged for the mesh
CELL, BINS = 8, 9  # px, directions. Source: Dalal and Triggs, CVPR 2005
# The mesh measures how far the jaw is open, which FACS calls 26 or, if stretched, 27.
SAME = {"AU27": "AU26"}


def measures(images: Pixels, on_step: OnStep | None = None) -> dict[str, Doubles]:
    """Measures of the mesh of each chip, (N,) each; NaN without a face."""
    detector, landmarker = load(DETECTOR), load("attention-mesh")
    rows = []
    for number, image in enumerate(images):
        large = stretched(image, LARGE)
        faces = detect_with_retries(detector, large, "never").faces[:1]
        row = dict.fromkeys(MEASURES, np.nan)
        if faces:
            points, _ = fit_meshes(landmarker, large, faces)
            row = measure_head(head_pose(points[0], Camera.of(LARGE, LARGE)))
        rows.append([row[name] for name in MEASURES])
        if on_step:
            on_step("meshes", number + 1, len(images))
    return dict(zip(MEASURES, np.array(rows).T, strict=True))


def estimate(columns: dict[str, Doubles]) -> Floats:
    """(N, 16) intensities by mien.behaviour, average baseline; NaN: no mesh, or not estimated."""
    found = action_units(columns, Baseline.average())
    none = np.full(len(columns["yaw"]), np.nan)
    return np.stack(
        [found.get(f"{SAME.get(unit, unit)}_r", none) for unit in UNITS], axis=1
    ).astype(np.float32)


def deviations(columns: dict[str, Doubles]) -> Floats:
    """(N, D) deviations of both sides from the average face; 0 where no mesh is found."""
    away = from_rest(columns, Baseline.average())
    both = [value for side in ("left", "right") for value in features(away, side).values()]
    return np.nan_to_num(np.stack(both, axis=1)).astype(np.float32)


def histograms(images: Pixels) -> Floats:
    """(N, D) histograms of gradients in blocks of 2 x 2 cells, each block of unit length."""
    grey = images.astype(np.float32) @ LUMA
    down, right = np.gradient(grey, axis=(1, 2))
    strength, angle = np.hypot(right, down), np.mod(np.arctan2(down, right), np.pi) / np.pi * BINS
    low, share = np.floor(angle).astype(int) % BINS, angle - np.floor(angle)
    count, rows, columns = grey.shape
    cells = np.zeros((count, rows // CELL, columns // CELL, BINS), np.float32)
    for k in range(BINS):
        part = strength * ((low == k) * (1 - share) + ((low + 1) % BINS == k) * share)
        cells[..., k] = part.reshape(count, rows // CELL, CELL, columns // CELL, CELL).sum((2, 4))
    parts = [cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]]
    blocks = np.concatenate(parts, axis=-1)
    length = np.sqrt(np.square(blocks).sum(-1, keepdims=True) + 1)
    return np.asarray((blocks / length).reshape(count, -1), np.float32)
