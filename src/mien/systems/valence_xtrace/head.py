"""Estimate perceived valence and arousal of a track over time, with uncertainty and drivers."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mien.align.grey import FER_CROP, grey_input
from mien.runtime import Session
from mien.types import Clip, Doubles, Floats, Pixels, Reading

# Outputs of the graph of the card action-units-mf2, in their order: the descriptors.
UNITS = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU12", "AU14", "AU15", "AU17", "AU20",
    "AU23", "AU24", "AU25", "AU27",
)  # fmt: skip
AXES = ("valence", "arousal")
MOMENTS, STEP = 10, 0.2  # of a window, and s between them
HELD = 0.4  # s for which the nearest frame stands for a moment without one; as in the source
LEAST = 4  # moments with a frame
FAR = 8.0  # largest logit of a unit: beyond it nothing is more certain
SPREADS = 1.6449  # standard deviations of a 90 % interval
PARTS = 8  # steps of the integrated gradients
SMALL = 0.05  # step of the numerical derivative, as a share of the way
NAMED = 3  # drivers that are reported
SCALE = "-1 to 1; as raters of photographs would place it"
SPREAD, PART = "standard deviation", "part of the axis, against a neutral face"


class ValenceXtrace:
    """Valence and arousal with uncertainty; README.md beside this file is its model card."""

    crop = FER_CROP
    needs = frozenset({"chips"})

    def __init__(
        self,
        units: Path,
        weights: Path,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        neutral: Sequence[float] = (),
    ) -> None:
        """Open the graphs.

        Args:
            units: of the card action-units-mf2.
            weights: ONNX file, (N, 10, 17) -> `mean` (N, 2), `spread` (N, 2).
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            neutral: 16 descriptors of a neutral face, from which contributions are counted.

        Raises:
            ValueError: `neutral` has another length.
        """
        if len(neutral) != len(UNITS):
            raise ValueError(f"A neutral face has {len(UNITS)} numbers, got {len(neutral)}.")
        side = self.crop.size
        self._units = Session(units, (None, 3, side, side), device=device)
        self._net = Session(weights, (None, MOMENTS, len(UNITS) + 1), device=device)
        self._neutral = np.asarray(neutral, np.float32)
        self.name, self.digest, self.device = name, digest, self._net.device

    def __call__(self, clip: Clip) -> list[Reading]:
        """Read the end of a clip from its last two seconds.

        Returns:
            One reading for each axis with its 90 % interval; `derived` has the spread and the three
            units behind it. Or one reading without values whose text says why.
        """
        if clip.chips is None or not len(clip.times):
            return [self._missing("no face in the clip", None)]
        span = (float(max(clip.times[0], clip.times[-1] - (MOMENTS - 1) * STEP)),
                float(clip.times[-1]))  # fmt: skip
        rows, seen = moments(clip.times)
        if seen.sum() < LEAST:
            text = (
                f"too short: {seen.sum():.0f} of {MOMENTS} moments have a face, {LEAST} are needed"
            )
            return [self._missing(text, span)]
        used, place = np.unique(rows, return_inverse=True)
        x = track(self._describe(clip.chips[used])[place], seen)
        mean, spread = (values[0] for values in self.estimate(x[None]))
        drivers = self.drivers(x)
        return [
            self._reading(axis, float(mean[k]), float(spread[k]), drivers[:, k], span)
            for k, axis in enumerate(AXES)
        ]

    def _describe(self, chips: Pixels) -> Floats:
        return described(self._units, chips)

    def estimate(self, x: Floats) -> tuple[Doubles, Doubles]:
        """(N, 10, 17) to means and standard deviations (N, 2) of valence and arousal."""
        found = self._net(x)
        return found["mean"].astype(np.float64), found["spread"].astype(np.float64)

    def drivers(self, x: Floats) -> Doubles:
        """(10, 17) to the contributions (16, 2) of each descriptor; see `contributions`."""
        return contributions(lambda rows: self.estimate(rows)[0], x, self._neutral)

    def _reading(
        self, axis: str, mean: float, spread: float, drivers: Doubles, span: tuple[float, float]
    ) -> Reading:
        task = f"perceived-{axis}"
        low, high = (float(np.clip(mean + side * SPREADS * spread, -1, 1)) for side in (-1, 1))
        top = np.argsort(-np.abs(drivers), kind="stable")[:NAMED]
        named = {UNITS[row]: float(drivers[row]) for row in top}
        derived = (
            Reading(f"{axis}-spread", {axis: spread}, SPREAD, self.name, span=span),
            Reading(f"{axis}-drivers", named, PART, self.name, span=span),
        )
        return Reading(
            task, {axis: mean}, SCALE, self.name, {axis: low}, {axis: high}, span=span,
            text=", ".join(f"{unit} {value:+.2f}" for unit, value in named.items()),
            derived=derived,
        )  # fmt: skip

    def _missing(self, why: str, span: tuple[float, float] | None) -> Reading:
        return Reading("perceived-valence", {}, SCALE, self.name, text=why, span=span)


def described(units: Session, chips: Pixels) -> Floats:
    """(N, 64, 64, 3) chips to (N, 16) logits of units, by their graph."""
    logits = units(grey_input(chips))["logits"]
    return np.asarray(logits.clip(-FAR, FAR), np.float32)


def contributions(means: Callable[[Floats], Doubles], x: Floats, neutral: Floats) -> Doubles:
    """Contribution of each descriptor to the difference of a track from a neutral face.

    Args:
        means: (N, 10, 17) -> (N, 2).
        x: (10, 17) one track.
        neutral: (16,) descriptors of a neutral face.

    Returns:
        (16, 2) on the scale of the axes; their sum is about the whole difference.

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017;
        the derivatives are numerical, since a graph gives none.
    """
    away = np.zeros_like(x)
    away[:, :-1] = (x[:, :-1] - neutral) * x[:, -1:]
    count, every = len(neutral), np.arange(len(neutral))
    rows = []
    for share in (np.arange(PARTS) + 0.5) / PARTS:
        here = x - (1 - share) * away
        more = np.repeat(here[None], count, axis=0)
        more[every, :, every] += SMALL * away[:, :-1].T
        rows += [here[None], more]
    steps = means(np.concatenate(rows).astype(np.float32)).reshape(PARTS, count + 1, 2)
    return np.asarray((steps[:, 1:] - steps[:, :1]).mean(0) / SMALL)


def moments(times: Doubles) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Doubles]:
    """Rows of the frames nearest to ten moments that end at the last frame.

    Args:
        times: (T,) seconds, rising.

    Returns:
        (10,) rows, and (10,) 1 where the frame is at most 0.4 s away, else 0.
    """
    wanted = times[-1] - STEP * np.arange(MOMENTS - 1, -1, -1)
    away = np.abs(times[None] - wanted[:, None])
    return away.argmin(1), (away.min(1) <= HELD + 1e-6).astype(np.float64)


def track(described: Floats, seen: Doubles) -> Floats:
    """(10, 16) descriptors and (10,) which moments have a frame -> (10, 17) for the network."""
    return np.hstack([described * seen[:, None], seen[:, None]]).astype(np.float32)
