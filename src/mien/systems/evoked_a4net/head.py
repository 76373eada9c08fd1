"""Predict the emotion that a whole picture evokes in viewers, with what it depends on."""

from pathlib import Path

import numpy as np

from mien.errors import ImageError, WeightsError
from mien.media import stretched
from mien.metrics import softmax
from mien.runtime import Session
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.types import Clip, Floats, Pixels, Reading

# In the order of EmoSet; the first four are called positive there.
EMOTIONS = (
    "amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness",
)  # fmt: skip
FACES = ("angry", "disgust", "fear", "happy", "sad", "surprise")  # expressions, as in EmoSet
BRANCHES = ("colourfulness", "brightness", "scene", "face")  # in the order of the graph
LEAST = 32  # px of the shorter side
OUTPUTS = ("logits", "attributes", "scene", "face", "map", "without")  # of the graph


class EvokedA4Net:
    """A head on whole pictures, not on faces; README.md beside this file is its model card."""

    needs = frozenset({"frames"})

    def __init__(
        self,
        weights: Path | None = None,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        side: int = 64,
        scenes: tuple[str, ...] = (),
        emotions: tuple[str, ...] = EMOTIONS,
        several: bool = False,
    ) -> None:
        """Open the graph of a training.

        Args:
            weights: ONNX file, (N, 3, side, side) in [0, 1] -> OUTPUTS.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            side: px of its input.
            scenes: names of the classes of `scene`.
            emotions: names of the classes of `logits`.
            several: whether a picture may have several emotions, each with its own probability.

        Raises:
            WeightsError: no weights are shipped.
        """
        if weights is None:
            raise WeightsError(
                f"'{name}' ships no weights: no picture here says what it evokes. Train it (mien "
                "train evoked-a4net --data EMOSET) and name the run folder instead."
            )
        self._net = Session(weights, (None, 3, side, side), device=device)
        self.name, self.digest, self.device = name, digest, self._net.device
        self.side, self.scenes = side, tuple(scenes)
        self.emotions, self.several = tuple(emotions), several

    def __call__(self, clip: Clip) -> list[Reading]:
        """Predict each whole frame of a clip; faces and boxes are not used.

        Returns:
            One reading per frame: probabilities of the emotions, with the sum 1 unless a picture
            may have several, and `array`, the map of the first one. `derived` has the measured
            attributes, scene and expression, and by how much the logit of the first emotion falls
            without each branch.
        """
        if clip.frames is None or not len(clip.frames):
            return []
        times = clip.times.tolist()
        return [self.read(one, (time, time))
                for one, time in zip(clip.frames, times, strict=True)]  # fmt: skip

    def read(self, picture: Pixels, span: tuple[float, float] | None = None) -> Reading:
        """Predict one (H, W, 3) picture.

        Raises:
            ImageError: the shorter side has less than 32 px.
        """
        require_size(picture)
        found = {name: value[0] for name, value in self.outputs(picture[None]).items()}
        logits = found["logits"]
        shares = 1 / (1 + np.exp(-logits)) if self.several else softmax(logits[None])[0]
        best = int(shares.argmax())
        falls = found["logits"][best] - found["without"][:, best]
        colour, bright = (float(value) for value in found["attributes"])
        named = dict(zip(self.emotions, shares.tolist(), strict=True))

        def part(task: str, values: dict[str, float], unit: str) -> Reading:
            return Reading(task, values, unit, self.name, span=span)

        derived = (
            part("picture-attributes", {"brightness": brightness(picture),
                 "colourfulness": colourfulness(picture), "predicted brightness": bright,
                 "predicted colourfulness": colour}, "share"),
            part("picture-scene", _shares(self.scenes, found["scene"]), "probability"),
            part("picture-face", _shares(FACES, found["face"]), "probability"),
            part("evoked-contributions", dict(zip(BRANCHES, falls.tolist(), strict=True)), "logit"),
        )  # fmt: skip
        where = np.asarray(found["map"][best], np.float32)
        return Reading("evoked-emotion", named, "probability", self.name, array=where, span=span,
                       derived=derived)  # fmt: skip

    def outputs(self, pictures: Pixels) -> dict[str, Floats]:
        """All outputs of the graph for (N, H, W, 3) pictures, each resized to a square."""
        squares = np.stack([stretched(one, self.side) for one in pictures])
        return self._net(as_input(squares))


def require_size(picture: Pixels) -> None:
    """Refuse a picture that is too small to show a scene."""
    if min(picture.shape[:2]) < LEAST:
        height, width = picture.shape[:2]
        raise ImageError(f"A picture of {width} x {height} px is too small to show a scene: "
                         f"{LEAST} px are needed on each side.")  # fmt: skip


def _shares(names: tuple[str, ...], logits: Floats) -> dict[str, float]:
    return dict(zip(names, softmax(logits[None])[0].tolist(), strict=True))


def as_input(squares: Pixels) -> Floats:
    """(N, S, S, 3) grey values -> (N, 3, S, S) in [0, 1]."""
    return np.ascontiguousarray(squares.transpose(0, 3, 1, 2).astype(np.float32) / 255)
