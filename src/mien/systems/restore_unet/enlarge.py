"""Enlarge whole photographs with Real-ESRGAN, which users fetch.

It invents texture, in faces as elsewhere. Source of the tiles and of the range of pixels: the
program of the authors (github.com/xinntao/Real-ESRGAN, arXiv:2107.10833).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.contracts import Artefact, Made, Provenance, option_pairs, silent
from mien.errors import MienError, OptionError, WeightsError
from mien.media import reduced
from mien.runtime import Session
from mien.systems.restore_unet.make import SIDES
from mien.types import OnStep, Pixels

FACTOR = 4  # of the network
AROUND = 10  # px beside a tile that the network also sees, so that no seams show


@dataclass(frozen=True, slots=True)
class Options:
    """Settings."""

    scale: int = 4  # times as wide and high: 2, 3 or 4
    tile: int = 128  # px; larger tiles take more memory

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.scale not in range(2, FACTOR + 1):
            raise OptionError(f"scale is {self.scale}; expected 2, 3 or 4.")
        if not 16 <= self.tile <= 1024:
            raise OptionError(f"tile is {self.tile}; expected 16 to 1,024 px.")


class RealESRGAN:
    """Enlarges a photograph, faces and all, in tiles."""

    needs = ("image",)
    options = Options

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        """Open the graph.

        Args:
            weights: the ONNX file, which takes (1, 3, H, W), RGB, 0 to 1.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
        """
        self._session = Session(weights, (1, 3, None, None), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Enlarge one photograph.

        Args:
            inputs: `image`.
            options: see Options.
            on_step: called after each tile.

        Raises:
            OptionError: the result would be too large.
            WeightsError: the graph does not enlarge by 4.
        """
        photo = inputs.get("image")
        if photo is None or photo.image is None:
            raise MienError(f"'{self.name}' enlarges a photograph, and got none; name an image.")
        high, wide = photo.image.shape[:2]
        if FACTOR * max(high, wide) > SIDES:
            raise OptionError(
                f"An image of {wide} x {high} px is not enlarged, since a side would exceed "
                f"{SIDES:,} px; cut it first."
            )
        done = self._enlarged(photo.image, options.tile, on_step)
        if options.scale < FACTOR:
            done = reduced(done, (options.scale * wide, options.scale * high))
        provenance = Provenance(
            maker=self.name,
            digest=self.digest,
            change="restored",
            made_from=((photo.name, photo.sha256),),
            weights=(f"{self.name}@{self.digest}",),
            options=option_pairs(options),
        )
        return Made((Artefact("image", image=done),), provenance)

    def _enlarged(self, image: Pixels, tile: int, on_step: OnStep) -> Pixels:
        """Return the (4 H, 4 W, 3) image, computed tile by tile."""
        high, wide = image.shape[:2]
        done = np.empty((FACTOR * high, FACTOR * wide, 3), np.uint8)
        corners = [(y, x) for y in range(0, high, tile) for x in range(0, wide, tile)]
        padded = np.pad(image, ((AROUND, AROUND), (AROUND, AROUND), (0, 0)), "edge")
        for number, (y, x) in enumerate(corners, 1):
            seen = padded[y : y + tile + 2 * AROUND, x : x + tile + 2 * AROUND]
            found = self._run(seen)[FACTOR * AROUND :, FACTOR * AROUND :]
            part = done[FACTOR * y : FACTOR * (y + tile), FACTOR * x : FACTOR * (x + tile)]
            part[:] = found[: len(part), : part.shape[1]]
            on_step("tiles", number, len(corners))
        return done

    def _run(self, tile: Pixels) -> Pixels:
        x = np.ascontiguousarray(tile.transpose(2, 0, 1)[None] / np.float32(255), np.float32)
        [found] = self._session(x).values()
        wanted = (1, 3, FACTOR * tile.shape[0], FACTOR * tile.shape[1])
        if found.shape != wanted:
            raise WeightsError(
                f"'{self.name}' gave {list(found.shape)} for a tile, where {list(wanted)} was "
                "expected: it does not enlarge by 4."
            )
        grey = np.rint(255 * found[0].clip(0, 1))
        return np.asarray(grey.transpose(1, 2, 0), np.uint8)
