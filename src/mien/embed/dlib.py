"""dlib's face recognition network (ResNet-29, 128 numbers), run as ONNX."""

from copy import copy
from dataclasses import replace
from pathlib import Path

from mien.embed.batches import unit_vectors
from mien.runtime import Session
from mien.types import Crop, Floats, Pixels, Points

SIDE = 150  # px
WIDTH = 128
# Median positions of MTCNN's five points in the 150 px chips that dlib itself cuts.
POINTS: Points = (
    (48.4 / SIDE, 46.2 / SIDE),
    (103.2 / SIDE, 45.9 / SIDE),
    (75.0 / SIDE, 78.2 / SIDE),
    (53.1 / SIDE, 105.7 / SIDE),
    (98.8 / SIDE, 105.3 / SIDE),
)


# The face is cut a twentieth larger than dlib cuts it. At FMR 0.001 the misses fall from 0.081 to
# 0.069 on 1,992 people of LFW, at FMR 0.01 from 0.108 to 0.091 on 25 actors in studio light.
ZOOM = 1.05


class DlibEmbedder:
    """README of this model: docs/models.md, made from its card."""

    crop = Crop(size=SIDE, zoom=ZOOM, points=POINTS)

    def as_in(self, contract: str) -> "DlibEmbedder | None":
        """Return this embedder as it made the vectors of another contract; None if it did not.

        Before version 0.3 the face was cut as dlib cuts it, and the contract did not name a zoom.
        """
        if self.contract.replace(f"/zoom-{ZOOM:g}", "") != contract:
            return None
        other = copy(self)
        other.crop, other.contract = replace(self.crop, zoom=1.0), contract
        return other

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        mirror: bool = True,
    ) -> None:
        """Open the graph.

        Args:
            weights: the ONNX file that mien.zoo.convert.dlib writes.
            name: the card this was opened from.
            digest: of the weights; part of the contract.
            device: see mien.runtime.
            threads: for one call.
            mirror: average with the mirrored chip; doubles the time.
        """
        self._session = Session(weights, (None, SIDE, SIDE, 3), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device
        self.mirror = mirror
        self.contract = f"{name}/{digest}/{WIDTH}/zoom-{ZOOM:g}" + ("/mirror" if mirror else "")

    def __call__(self, chips: Pixels) -> Floats:
        """(N, 150, 150, 3) chips -> (N, 128) vectors of length 1."""
        return unit_vectors(chips, self.raw, WIDTH, self.mirror)

    def raw(self, chips: Pixels) -> Floats:
        """One run of the network: (N, 150, 150, 3) -> (N, 128), as dlib gives them."""
        return self._session(chips)["vector"]
