"""Separate live faces from attacks by colour, depth and infrared; any of the last two may lack."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mien.liveness import cut_nearest, cut_square
from mien.runtime import Session
from mien.types import Clip, Floats, Pixels, Reading, Series

SIDE = 48  # px
ZOOM = 1.6  # times the box of the face
PARTS = ("rgb", "depth", "infrared")
PLANES = 3  # of each modality
ABSENT = -2.0  # value of all planes of a modality that is missing
NEAR, FINE = 60.0, 15.0  # mm, depth that becomes 1 in the coarse and in the fine plane
GAP = 0.1  # s, by which depth or infrared may differ from their frame
LEAST = 0.02  # share of a depth chip that must have a value


class LivenessMmda:
    """A liveness head; README.md beside this file is its model card."""

    needs = frozenset({"frames", "depth", "infrared"})

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        points: Mapping[str, float] | None = None,
    ) -> None:
        """Open the graph.

        Args:
            weights: ONNX file, (N, 9, 48, 48) float32 of `as_input` -> (N, 1) logit of a live face.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: for one call.
            points: operating points by name: the score that a live face must exceed. Those of
                colour with depth, with infrared or with both end in "+depth", "+infrared" or
                "+depth+infrared".
        """
        shape = (None, len(PARTS) * PLANES, SIDE, SIDE)
        self._net = Session(weights, shape, device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._net.device
        self.points = dict(points or {})

    def __call__(self, clip: Clip) -> list[Reading]:
        """Read one face over time: the probability that it is live, averaged over the frames.

        A frame without depth or infrared within 0.1 seconds is read without them.
        """
        if not len(clip.times) or clip.frames is None or clip.boxes is None:
            return []
        rows = []
        for time, image, box in zip(clip.times, clip.frames, clip.boxes, strict=True):
            depth, infrared = (_at(part, float(time)) for part in (clip.depth, clip.infrared))
            chips = (
                cut_square(image, box, ZOOM, SIDE)[None],
                None if depth is None else cut_nearest(depth * 1000, box, ZOOM, SIDE)[None],
                None if infrared is None else cut_nearest(infrared, box, ZOOM, SIDE)[None],
            )
            rows.append(as_input(*chips))
        scores = self.scores(np.concatenate(rows))
        span = (float(clip.times[0]), float(clip.times[-1]))
        live = {"live": float(scores.mean())}
        return [Reading("liveness", live, "probability", self.name, span=span)]

    def scores(self, inputs: Floats) -> Floats:
        """(N, 9, 48, 48) of `as_input` -> (N,) probabilities of a live face."""
        [logit] = self._net(inputs).values()
        return np.asarray(1 / (1 + np.exp(-logit[:, 0].astype(np.float64))), np.float32)


def _at(series: Series | None, time: float) -> np.ndarray | None:
    """The values at a time; None if none is near."""
    if series is None or not len(series.times):
        return None
    nearest = int(np.abs(series.times - time).argmin())
    if abs(float(series.times[nearest]) - time) > GAP:
        return None
    return np.asarray(series.values[nearest])


def as_input(rgb: Pixels, depth: Floats | None, infrared: Pixels | None) -> Floats:
    """The planes of the network: colour, coarse and fine relief, infrared.

    Args:
        rgb: (N, 48, 48, 3).
        depth: (N, 48, 48) mm, NaN or 0 in holes; None: missing. A chip that is nearly all holes
            counts as missing.
        infrared: (N, 48, 48) uint8; None: missing.

    Returns:
        (N, 9, 48, 48) float32; all planes of a missing modality are ABSENT.
    """
    out = np.full((len(rgb), len(PARTS) * PLANES, SIDE, SIDE), ABSENT, np.float32)
    out[:, :3] = rgb.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    for row in range(len(rgb)):
        if depth is not None:
            relief = _relief(depth[row])
            if relief is not None:
                out[row, 3:6] = relief
        if infrared is not None:
            out[row, 6:] = _infrared(infrared[row])
    return out


def _relief(depth: Floats) -> Floats | None:
    """(3, S, S): depth behind the middle of the face, coarse and fine, and where it is known."""
    known = np.isfinite(depth) & (depth > 0)
    if known.mean() < LEAST:
        return None
    near = SIDE // 4
    middle = known.copy()
    middle[:near], middle[-near:], middle[:, :near], middle[:, -near:] = False, False, False, False
    from_here = float(np.median(depth[middle if middle.any() else known]))
    behind = np.where(known, depth - from_here, 0.0)
    planes = [np.clip(behind / scale, -1, 1) for scale in (NEAR, FINE)]
    return np.asarray(np.stack([*planes, np.where(known, 1.0, -1.0)]), np.float32)


def _infrared(chip: Pixels) -> Floats:
    """(3, S, S): grey values, their contrast with the whole chip, and its strength everywhere."""
    grey = chip.astype(np.float32) / 127.5 - 1
    spread = float(grey.std())
    contrast = np.clip((grey - grey.mean()) / (3 * max(spread, 0.02)), -1, 1)
    strength = np.full_like(grey, np.clip(2 * spread, -1, 1))
    return np.asarray(np.stack([grey, contrast, strength]), np.float32)
