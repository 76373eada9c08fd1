"""Predict the vote shares of raters for a short film, and their disagreement."""

from pathlib import Path

import numpy as np

from mien.align.grey import LUMA
from mien.metrics import entropy, softmax
from mien.runtime import Session
from mien.types import Clip, Crop, Reading

SIDE, FRAMES = 48, 16
LEAST = 4  # frames
CLOSE = 0.15  # a smaller lead of the first class over the second is called ambiguous
CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


class ExpressionMidas:
    """Vote shares of raters over seven expressions; README.md beside this file is its card."""

    crop = Crop(size=SIDE)
    needs = frozenset({"chips"})
    classes = CLASSES

    def __init__(self, weights: Path, *, name: str, digest: str = "", device: str = "cpu") -> None:
        self._session = Session(weights, (None, FRAMES, SIDE, SIDE), device=device)
        self.name, self.digest, self.device = name, digest, self._session.device

    def __call__(self, clip: Clip) -> list[Reading]:
        """Predict vote shares of raters, and their disagreement.

        Args:
            clip: with chips (T, 48, 48, 3) of one person, aligned by mien.align; colour is not
                used. Frames are taken at equal steps of time, so gaps do not matter.

        Returns:
            "dynamic-expression" with seven shares that sum to 1; and "expression-doubt": `doubt`
            from 0 (all would agree) to 1, and `ambiguous`, 1 where the first class leads by less
            than 0.15. One reading without values if the clip has fewer than 4 frames.
        """
        if clip.chips is None or len(clip.chips) < LEAST:
            have = 0 if clip.chips is None else len(clip.chips)
            text = f"too short: {have} frames with a face, {LEAST} are needed"
            return [Reading("dynamic-expression", {}, "share of raters", self.name, text=text)]
        grey = clip.chips.astype(np.float32) @ LUMA
        frames = grey / 127.5 - 1
        begin, end = float(clip.times[0]), float(clip.times[-1])
        passes = np.stack([frames[_rows(clip, offset)] for offset in (0.25, 0.75)])
        probabilities = softmax(self._session(passes)["logits"]).mean(0)
        span = (begin, end)
        first, second = np.sort(probabilities)[::-1][:2]
        doubt = {
            "doubt": float(entropy(probabilities[None])[0]),
            "ambiguous": float(first - second < CLOSE),
        }
        shares = dict(zip(CLASSES, probabilities.tolist(), strict=True))
        return [
            Reading("dynamic-expression", shares, "share of raters", self.name, span=span),
            Reading("expression-doubt", doubt, "share", self.name, span=span),
        ]


def _rows(clip: Clip, offset: float) -> list[int]:
    """The frame nearest to a place in each of 16 equal intervals of time."""
    begin, end = clip.times[0], clip.times[-1]
    wanted = begin + (np.arange(FRAMES) + offset) / FRAMES * (end - begin)
    return [int(np.abs(clip.times - moment).argmin()) for moment in wanted]
