"""Restore faces with GFPGAN, a larger network that users fetch.

Source of the framing and of the range of pixels: facexlib and the programs of the authors
(github.com/TencentARC/GFPGAN), arXiv:2101.04061.
"""

from collections.abc import Mapping
from pathlib import Path

from mien.contracts import Artefact, Detector, Made, silent
from mien.systems.restore_unet.make import Form, Options, RestoreUNet
from mien.types import Crop, OnStep, Points

SIDE = 512  # px
# Median points of FFHQ in a face of 512 px, as facexlib aligns faces, in shares of the side.
POINTS: Points = (
    (192.98138 / SIDE, 239.94708 / SIDE),
    (318.90277 / SIDE, 240.1936 / SIDE),
    (256.63416 / SIDE, 314.01935 / SIDE),
    (201.26117 / SIDE, 371.41043 / SIDE),
    (313.08905 / SIDE, 371.15118 / SIDE),
)
FORM = Form(Crop(size=SIDE, points=POINTS), signed=True)


class GFPGAN:
    """Restores as RestoreUNet does, in faces of 512 px.

    The network invents detail: identity is less certain than it seems.
    """

    needs = RestoreUNet.needs
    options = Options

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        detector: Detector | None = None,
    ) -> None:
        """Open the graph; the detector is opened when it is needed.

        Args:
            weights: the ONNX file, one face per run.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            detector: default: the default one.
        """
        self._inner = RestoreUNet(
            weights, name=name, digest=digest, device=device, detector=detector, form=FORM
        )
        self.name, self.digest, self.device = name, digest, self._inner.device

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Restore all faces of one photograph, as RestoreUNet does; the rest of the image stays."""
        return self._inner(inputs, options, on_step)
