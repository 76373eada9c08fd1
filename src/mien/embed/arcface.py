"""Embedders of 112 px chips: ArcFace and related networks (MobileFaceNet, SFace)."""

from pathlib import Path

import numpy as np

from mien.embed.batches import unit_vectors
from mien.runtime import Session
from mien.types import Crop, Floats, Pixels


class ArcFaceEmbedder:
    """Any network that was trained with a margin loss on the five-point template.

    Source: Deng et al., "ArcFace", CVPR 2019 (arXiv:1801.07698).
    """

    crop = Crop(size=112)

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
        mirror: bool = False,
        mean: float = 127.5,
        scale: float = 127.5,
        bgr: bool = False,
    ) -> None:
        """Open the graph.

        Args:
            weights: an ONNX file, (N, 3, 112, 112) float32 -> (N, D).
            name: the card this was opened from.
            digest: of the weights; part of the contract.
            device: see mien.runtime.
            threads: for one call.
            mirror: average with the mirrored chip; doubles the time.
            mean: subtracted from the pixels.
            scale: what they are then divided by.
            bgr: the network was trained on blue-green-red images.
        """
        shape = (None, 3, self.crop.size, self.crop.size)
        self._session = Session(weights, shape, device=device, threads=threads)
        self.mean, self.scale, self.bgr = np.float32(mean), np.float32(scale), bgr
        self.name, self.digest, self.device = name, digest, self._session.device
        self.mirror = mirror
        probe = np.zeros((1, self.crop.size, self.crop.size, 3), np.uint8)
        self._width = self.raw(probe).shape[1]
        self.contract = f"{name}/{digest}/{self._width}" + ("/mirror" if mirror else "")

    def __call__(self, chips: Pixels) -> Floats:
        """(N, 112, 112, 3) chips -> (N, D) vectors of length 1."""
        return unit_vectors(chips, self.raw, self._width, self.mirror)

    def raw(self, chips: Pixels) -> Floats:
        """Run the network: (N, 112, 112, 3) -> (N, D)."""
        pixels = chips[..., ::-1] if self.bgr else chips
        x = (pixels.transpose(0, 3, 1, 2).astype(np.float32) - self.mean) / self.scale
        (vectors,) = self._session(x).values()
        return vectors
