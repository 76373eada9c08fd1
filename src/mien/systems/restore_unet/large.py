"""Restore faces of 512 px with larger networks, which users fetch: GFPGAN and CodeFormer.

They invent detail: identity is less certain than it seems. Source of the framing and of the range
of pixels: facexlib and the programs of the authors (github.com/TencentARC/GFPGAN, arXiv:2101.04061;
github.com/sczhou/CodeFormer, arXiv:2206.11253).
"""

from dataclasses import dataclass

import numpy as np

from mien.errors import OptionError
from mien.systems.restore_unet.make import FaceRestorer, Options
from mien.types import Crop, Doubles, Points

SIDE = 512  # px
# Median points of FFHQ in a face of 512 px, as facexlib aligns faces, in shares of the side.
POINTS: Points = (
    (192.98138 / SIDE, 239.94708 / SIDE),
    (318.90277 / SIDE, 240.1936 / SIDE),
    (256.63416 / SIDE, 314.01935 / SIDE),
    (201.26117 / SIDE, 371.41043 / SIDE),
    (313.08905 / SIDE, 371.15118 / SIDE),
)


class GFPGAN(FaceRestorer):
    """Restores by the prior of a generator of faces."""

    crop, signed = Crop(size=SIDE, points=POINTS), True


@dataclass(frozen=True, slots=True)
class FaithfulOptions(Options):
    """Settings of CodeFormer."""

    fidelity: float = 0.5  # 0 to 1: towards sharp detail, or towards the photograph

    def __post_init__(self) -> None:
        """Check the range."""
        if not 0 <= self.fidelity <= 1:
            raise OptionError(f"fidelity is {self.fidelity:g}; expected 0 to 1.")


class CodeFormer(FaceRestorer):
    """Restores by a code book of parts of faces."""

    options = FaithfulOptions
    crop, signed = GFPGAN.crop, True
    further = ((1,),)

    def further_inputs(self, options: FaithfulOptions) -> tuple[Doubles, ...]:
        """Return the weight of the photograph, of 64 bits as the graph wants it."""
        return (np.array([options.fidelity]),)
