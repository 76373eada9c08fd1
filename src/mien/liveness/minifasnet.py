"""The MiniFASNet pair of Silent-Face-Anti-Spoofing: two small networks, two surroundings."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mien.liveness.crops import cut_square
from mien.runtime import Session
from mien.types import Clip, Reading

SIDE = 80  # px
ZOOMS = (2.7, 4.0)  # times the box: MiniFASNetV2, MiniFASNetV1SE
LIVE = 1  # class; 0 and 2 are attacks


class MiniFasNet:
    """A liveness head: the mean of two networks over the frames of a clip.

    Source: minivision-ai/Silent-Face-Anti-Spoofing (2020), `test.py`.
    """

    needs = frozenset({"frames"})

    def __init__(
        self,
        near: Path,
        far: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        points: Mapping[str, float] | None = None,
    ) -> None:
        """Open both graphs.

        Args:
            near: ONNX file, (N, 80, 80, 3) uint8 -> (N, 3), for 2.7 times the box.
            far: the same for 4.0 times the box.
            name: the card these were opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: for one call.
            points: operating points by name: the score that a live face must exceed.
        """
        shape = (None, SIDE, SIDE, 3)
        self._nets = [
            Session(p, shape, device=device, threads=threads, small=True) for p in (near, far)
        ]
        self.name, self.digest, self.device = name, digest, self._nets[0].device
        self.points = dict(points or {})

    def __call__(self, clip: Clip) -> list[Reading]:
        """Read one face over time: the probability that it is live, averaged over the frames."""
        if not len(clip.times) or clip.frames is None or clip.boxes is None:
            return []
        scores = np.zeros(len(clip.times))
        for net, zoom in zip(self._nets, ZOOMS, strict=True):
            pairs = zip(clip.frames, clip.boxes, strict=True)
            chips = np.stack([cut_square(image, box, zoom, SIDE) for image, box in pairs])
            scores += net(chips)["classes"][:, LIVE] / len(ZOOMS)
        span = (float(clip.times[0]), float(clip.times[-1]))
        live = {"live": float(scores.mean())}
        return [Reading("liveness", live, "probability", self.name, span=span)]
