"""Read sixteen action units off one aligned face: probability, and shown, absent or undecided."""

from pathlib import Path

import numpy as np

from mien.align.grey import FER_CROP, grey_input
from mien.runtime import Session
from mien.types import Floats, Pixels, Reading

# Units that at least 20 sequences of CK+ show; fewer give no useful interval.
UNITS = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU12", "AU14", "AU15", "AU17", "AU20",
    "AU23", "AU24", "AU25", "AU27",
)  # fmt: skip
LABELS = tuple(unit.lower() for unit in UNITS)  # of readings and columns
SIDE = 64  # px
OUTPUTS = ("logits", "over", "under")  # probability; above the limit of shown, below that of absent


class ActionUnits:
    """Which action units a face shows; README.md is its model card."""

    crop = FER_CROP

    def __init__(
        self, weights: Path, *, name: str, digest: str = "", device: str = "cpu", threads: int = 1
    ) -> None:
        """Open the graph.

        Args:
            weights: the ONNX file that train.py writes.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            threads: of one call.
        """
        self._session = Session(weights, (None, 3, SIDE, SIDE), device=device, threads=threads)
        self.name, self.digest, self.device = name, digest, self._session.device

    def __call__(self, chips: Pixels) -> list[Reading]:
        """Read each chip.

        Args:
            chips: (N, 64, 64, 3), aligned by mien.align; colour is ignored.

        Returns:
            N readings: probability of each unit. `derived` holds one reading with 1 for each unit
            that is shown and 0 for each that is absent; units that are neither are left out, and
            its text names them.
        """
        return [self._reading(*rows) for rows in zip(*self.outputs(chips), strict=True)]

    def _reading(self, logits: Floats, over: Floats, under: Floats) -> Reading:
        shown = {unit: 1.0 for unit, value in zip(LABELS, over, strict=True) if value >= 0}
        absent = {unit: 0.0 for unit, value in zip(LABELS, under, strict=True) if value < 0}
        decided = absent | shown
        open_ = [unit.upper() for unit in LABELS if unit not in decided]
        text = f"undecided, between the limits: {', '.join(open_)}" if open_ else None
        return Reading(
            "action-units",
            dict(zip(LABELS, (1 / (1 + np.exp(-logits))).tolist(), strict=True)),
            "probability",
            self.name,
            derived=(Reading("action-units-shown", decided, "0 or 1", self.name, text=text),),
        )

    def outputs(self, chips: Pixels) -> tuple[Floats, Floats, Floats]:
        """(N, 64, 64, 3) chips -> three times (N, 16): the mean of each chip and its mirror."""
        if not len(chips):
            none = np.empty((0, len(UNITS)), np.float32)
            return none, none, none
        pixels = grey_input(chips)
        both = [self._session(p) for p in (pixels, pixels[..., ::-1].copy())]
        logits, over, under = (
            np.asarray((both[0][key] + both[1][key]) / 2, np.float32) for key in OUTPUTS
        )
        return logits, over, under
