"""Predict the emotion that a whole picture evokes in viewers, with what it depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.contracts import ChipHead
from mien.errors import ImageError, WeightsError
from mien.media import stretched
from mien.metrics import softmax
from mien.runtime import Session
from mien.systems.evoked_a4net.attributes import brightness, colourfulness
from mien.systems.evoked_a4net.faces import CROP_SIDES, cut_faces, expressions_of
from mien.types import Clip, Face, Floats, Pixels, Reading
from mien.zoo import load

# In the order of EmoSet; the first four are called positive there.
EMOTIONS = (
    "amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness",
)  # fmt: skip
FACES = ("angry", "disgust", "fear", "happy", "sad", "surprise")  # expressions, as in EmoSet
BRANCHES = ("colourfulness", "brightness", "scene", "face")  # in the order of the graph
LEAST = 32  # px of the shorter side
OUTPUTS = ("logits", "attributes", "scene", "face", "map", "without")  # of the graph
# Of the graph of faces, a row for each: what it adds to the logits, its expression, and what the
# faces of the training data added on average.
FACE_OUTPUTS = ("shift", "face", "average")
FACE_GRAPH, FACE_CROPS = "faces.onnx", "face crops"


class EvokedA4Net:
    """A head on whole pictures, not on faces; README.md beside this file is its model card."""

    needs = frozenset({"frames"})

    def __init__(
        self,
        weights: Path | None = None,
        faces: Path | None = None,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
        side: int = 64,
        scenes: tuple[str, ...] = (),
        emotions: tuple[str, ...] = EMOTIONS,
        several: bool = False,
        face_crops: str = "",
    ) -> None:
        """Open the graph of a training.

        Args:
            weights: ONNX file, (N, 3, side, side) in [0, 1] -> OUTPUTS.
            faces: ONNX file, crops or probabilities -> FACE_OUTPUTS; of a training with face_crops.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
            side: px of its input.
            scenes: names of the classes of `scene`.
            emotions: names of the classes of `logits`.
            several: whether a picture may have several emotions, each with its own probability.
            face_crops: what reads the faces: branch or expression.

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
        self._faces: Session | None = None
        self._expression: ChipHead | None = None
        if faces is not None:
            self._crop = CROP_SIDES[face_crops]
            wanted: tuple[int | None, ...] = (None, 3, self._crop, self._crop)
            if face_crops == "expression":
                self._expression, wanted = load("expression", device=device), (None, 7)
            self._faces = Session(faces, wanted, device=device)

    def __call__(self, clip: Clip) -> list[Reading]:
        """Predict each whole frame of a clip, with the face in its box if faces are cut out.

        Returns:
            One reading per frame: probabilities of the emotions, with the sum 1 unless a picture
            may have several, and `array`, the map of the first one. `derived` has the measured
            attributes, scene and expression, and by how much the logit of the first emotion falls
            without each branch.
        """
        if clip.frames is None or not len(clip.frames):
            return []
        boxes = np.full((len(clip.frames), 4), np.nan) if clip.boxes is None else clip.boxes
        rows = zip(clip.frames, clip.times.tolist(), boxes, strict=True)
        return [self.read(one, (time, time), [Face(box, 1.0)]) for one, time, box in rows]

    @property
    def uses_faces(self) -> bool:
        """Whether it was trained with `face_crops`, so that it needs the boxes of faces."""
        return self._faces is not None

    def read(
        self,
        picture: Pixels,
        span: tuple[float, float] | None = None,
        faces: Sequence[Face] = (),
    ) -> Reading:
        """Predict one picture.

        Args:
            picture: (H, W, 3).
            span: seconds, of a frame.
            faces: that a detector found in it, for a head with `face_crops`.

        Raises:
            ImageError: the shorter side has less than 32 px.
        """
        require_size(picture)
        found = {name: value[0] for name, value in self.outputs(picture[None]).items()}
        seen = self._faces_of(picture, faces)
        logits = found["logits"] + (seen.shift if seen else 0)
        shares = 1 / (1 + np.exp(-logits)) if self.several else softmax(logits[None])[0]
        best = int(shares.argmax())
        falls = dict(zip(BRANCHES, (found["logits"] - found["without"])[:, best].tolist(),
                         strict=True))  # fmt: skip
        shown = _shares(FACES, found["face"])
        if seen:
            falls[FACE_CROPS] = float(seen.shift[best] - seen.average[best])
            shown = seen.expression or shown
        colour, bright = (float(value) for value in found["attributes"])
        named = dict(zip(self.emotions, shares.tolist(), strict=True))

        def part(task: str, values: dict[str, float], unit: str) -> Reading:
            return Reading(task, values, unit, self.name, span=span)

        derived = (
            part("picture-attributes", {"brightness": brightness(picture),
                 "colourfulness": colourfulness(picture), "predicted brightness": bright,
                 "predicted colourfulness": colour}, "share"),
            part("picture-scene", _shares(self.scenes, found["scene"]), "probability"),
            part("picture-face", shown, "probability"),
            part("evoked-contributions", falls, "logit"),
        )  # fmt: skip
        where = np.asarray(found["map"][best], np.float32)
        return Reading("evoked-emotion", named, "probability", self.name, array=where, span=span,
                       derived=derived)  # fmt: skip

    def _faces_of(self, picture: Pixels, faces: Sequence[Face]) -> "_Seen | None":
        """What the faces add; zeros without a face, None if the head does not read them."""
        if self._faces is None:
            return None
        crops, share = cut_faces(picture, faces, self._crop)
        shown = crops if len(crops) else np.zeros((1, *crops.shape[1:]), np.uint8)
        seen = expressions_of(self._expression, shown) if self._expression else as_input(shown)
        found = self._faces(seen)
        if not len(crops):  # one blank crop was read for the average
            return _Seen(np.zeros_like(found["shift"][0]), found["average"][0], None)
        named = share @ softmax(found["face"])
        return _Seen(share @ found["shift"], found["average"][0],
                     dict(zip(FACES, named.tolist(), strict=True)))  # fmt: skip

    def outputs(self, pictures: Pixels) -> dict[str, Floats]:
        """All outputs of the graph for (N, H, W, 3) pictures, each resized to a square."""
        squares = np.stack([stretched(one, self.side) for one in pictures])
        return self._net(as_input(squares))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The faces of one picture together."""

    shift: Floats  # (E,) added to the logits
    average: Floats  # (E,) that in the training data
    expression: dict[str, float] | None  # probabilities; None: no face


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
