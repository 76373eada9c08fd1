"""Read class and action units off the motion from the onset of a clip to its apex."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.metrics import softmax
from mien.runtime import Session
from mien.signals import dense_flow, grey_values, optical_strain, shrink
from mien.types import Clip, Crop, Doubles, Floats, Pixels, Reading

SIDE, SMALL = 128, 28  # px of a chip, and of the input of the graph
CLASSES = ("negative", "positive", "surprise")
UNITS = ("AU1", "AU2", "AU4", "AU7", "AU10", "AU12", "AU14", "AU15", "AU17")
# Where brows (row 5 of 28), mouth corners (row 18) and their columns lie in the mean motion of the
# published flow images; the chip has the same framing.
FRAMING = ((0.29, 0.29), (0.71, 0.29), (0.5, 0.48), (0.33, 0.68), (0.67, 0.68))
NOSE = (slice(36, 60), slice(56, 72))  # rows, columns of the bridge of the nose in a chip
LEAST, MOST = 3, 24  # frames; more are thinned evenly in the search for the apex
SLOWEST, FAST = 25.0, 100.0  # frames per second: refused below the first, warned below the second
FLOOR = 0.25  # px of the strongest hundredth: DIS errs by 0.1 to 0.2 px on such faces
JUMP = 5.0  # px of the median: a cut, or a head that turned


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """The motion of a face from the first frame of a clip to its apex."""

    flow: Floats  # (128, 128, 2) px, without the motion of the head
    apex: int  # row of the clip
    size: float  # px: mean of the strongest hundredth
    head: float  # px: median before the motion of the head was subtracted


class MicroMol:
    """A linear head on motion; README.md beside this file is its model card."""

    crop = Crop(size=SIDE, points=FRAMING)
    needs = frozenset({"chips"})

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        thresholds: Mapping[str, float] | None = None,
    ) -> None:
        """Open the graph.

        Args:
            weights: ONNX file, (N, 28, 28, 3) values 0 to 1 -> (N, 12) logits.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            thresholds: unit -> probability from which it counts as shown.
        """
        self._net = Session(weights, (None, SMALL, SMALL, 3), device=device)
        self.name, self.digest, self.device = name, digest, self._net.device
        self.thresholds = dict(thresholds or {})

    def __call__(self, clip: Clip) -> list[Reading]:
        """Read one clip that begins at its onset.

        Returns:
            Probabilities of three classes and of nine action units, with the span from the onset
            to the apex, and a warning as text below 100 frames per second; or one reading without
            values whose text says why.
        """
        if clip.chips is None or not len(clip.times):
            return []
        span = (float(clip.times[0]), float(clip.times[-1]))
        if len(clip.times) < LEAST:
            return [self._missing(f"too short: {len(clip.times)} frames, {LEAST} needed", span)]
        rate = 1 / float(np.median(np.diff(clip.times)))
        if rate < SLOWEST - 0.5:
            return [self._missing(f"too slow: {rate:.0f} frames per second, 25 needed", span)]
        motion = motion_of(clip.chips)
        if motion.head > JUMP:
            return [self._missing(f"large motion: median {motion.head:.1f} px", span)]
        if motion.size < FLOOR:
            return [self._missing(f"no micro-expression: {motion.size:.2f} px at most", span)]
        classes, units = self.probabilities(flow_image(motion.flow)[None])
        span = (span[0], float(clip.times[motion.apex]))
        few = None if rate >= FAST else f"{rate:.0f} frames per second: short movements are missed"
        named = dict(zip(CLASSES, classes[0].tolist(), strict=True))
        shown = dict(zip(UNITS, units[0].tolist(), strict=True))
        return [
            Reading("micro-expression", named, "probability", self.name, span=span, text=few),
            Reading("micro-units", shown, "probability", self.name, span=span, text=few),
        ]

    def probabilities(self, images: Pixels) -> tuple[Doubles, Doubles]:
        """Map (N, 28, 28, 3) flow images to (N, 3) class and (N, 9) unit probabilities."""
        [logits] = self._net(images.astype(np.float32) / 255).values()
        wide = logits.astype(np.float64)
        return softmax(wide[:, :3]), np.asarray(1 / (1 + np.exp(-wide[:, 3:])))

    def _missing(self, why: str, span: tuple[float, float]) -> Reading:
        return Reading("micro-expression", {}, "probability", self.name, text=why, span=span)


def motion_of(chips: Pixels) -> Motion:
    """Motion from the first of (T, 128, 128, 3) chips to the one that differs most from it."""
    grey = grey_values(chips)
    rows = np.unique(np.linspace(1, len(grey) - 1, min(MOST, len(grey) - 1)).round().astype(int))
    best: Motion | None = None
    for row in rows:
        whole = dense_flow(grey[0], grey[row])
        # An affine fit to so small a patch bends the flow of the brows: one shift is subtracted.
        face = np.asarray(whole - np.median(whole[NOSE], axis=(0, 1)), np.float32)
        length = np.linalg.norm(face, axis=-1).ravel()
        size = float(np.sort(length)[-len(length) // 100 :].mean())
        head = float(np.median(np.linalg.norm(whole, axis=-1)))
        if best is None or size > best.size:
            best = Motion(face, int(row), size, head)
    assert best is not None
    return best


def flow_image(flow: Floats) -> Pixels:
    """(H, W, 2) px -> (28, 28, 3): strain, v and u, each stretched to 0 to 255.

    The order is that of the published images, which were read as BGR.
    """
    planes = np.stack([optical_strain(flow), flow[..., 1], flow[..., 0]], -1)
    small = shrink(planes, SMALL)
    low, high = small.min((0, 1)), small.max((0, 1))
    return np.asarray(((small - low) / np.maximum(high - low, 1e-9) * 255).round(), np.uint8)
