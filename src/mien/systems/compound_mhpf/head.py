"""Name the compound expression of a face over time, without training on compound labels."""

from pathlib import Path

import numpy as np

from mien.align.grey import FER_CROP, grey_input
from mien.metrics import softmax
from mien.runtime import Session
from mien.systems.compound_mhpf.segments import segments
from mien.types import Clip, Doubles, Floats, Pixels, Reading

BASIC = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other")
COMPOUND = (
    "fearfully-surprised", "happily-surprised", "sadly-surprised", "disgustedly-surprised",
    "angrily-surprised", "sadly-fearful", "sadly-angry",
)  # fmt: skip
PAIRS = ((3, 6), (4, 6), (5, 6), (2, 6), (1, 6), (5, 3), (5, 1))  # of BASIC, for each compound
# What a film of faces gives; the other four of the source (a network over time, scene, sound,
# words) are masked in the fusion.
MODALITIES = ("words", "units")
WORDS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")  # of the graph
REMAP = tuple(WORDS.index(name) if name in WORDS else -1 for name in BASIC)
UNITS, FAR = 16, 8.0  # of the graph of action units; largest logit
WIDTH = 17  # of a modality's input: 16 numbers and 1 where it is there
LEAST = 0.2  # s between the frames that are read
NEUTRAL, WEAKER = 0.5, 0.15  # more neutral, or a weaker member below: no compound


class CompoundMhpf:
    """Seven compound expressions; README.md beside this file is its model card."""

    crop = FER_CROP
    needs = frozenset({"chips"})
    classes = COMPOUND

    def __init__(
        self,
        words: Path,
        units: Path,
        weights: Path | None = None,
        *,
        name: str,
        digest: str = "",
        device: str = "cpu",
    ) -> None:
        """Open the graphs.

        Args:
            words: of the card expression.
            units: of the card action-units-mf2.
            weights: ONNX file of a training, (N, 2, 17) -> `basic` (N, 8), `pairs` and
                `prototypes` (N, 7), `weights` (N, 2, 8). None are shipped; without them each
                reading says so.
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.
        """
        side = self.crop.size
        self._words = Session(words, (None, 3, side, side), device=device)
        self._units = Session(units, (None, 3, side, side), device=device)
        self._net = (
            Session(weights, (None, len(MODALITIES), WIDTH), device=device) if weights else None
        )
        self.name, self.digest, self.device = name, digest, self._words.device

    def __call__(self, clip: Clip) -> list[Reading]:
        """Read each segment of 4 s.

        Returns:
            For each segment, "compound-expression": seven scores that sum to 1. Derived:
            "basic-expression", eight probabilities; "no-compound", 1 where the face is mostly
            neutral or shows one expression only; and the weight of each modality in the first
            compound. Without a face one reading without values, with the reason.
        """
        if clip.chips is None or not len(clip.times):
            return [self._missing("undetermined: no face, and no other modality is read")]
        if self._net is None:
            return [self._missing("no weights: run mien train compound-mhpf, name its folder")]
        begin = float(clip.times[0])
        found = []
        for first, last in segments(max(float(clip.times[-1]) - begin, 1e-6)):
            inside = (clip.times >= begin + first) & (clip.times <= begin + last + 1e-9)
            rows = thinned(clip.times, np.flatnonzero(inside))
            if len(rows):
                span = (float(clip.times[rows[0]]), float(clip.times[rows[-1]]))
                found.append(self._reading(self.modalities(clip.chips[rows]).mean(0), span))
        return found

    def modalities(self, chips: Pixels) -> Floats:
        """(N, 64, 64, 3) chips to (N, 2, 17): what each modality says of each."""
        pixels = grey_input(chips)
        return packed(softmax(self._words(pixels)["logits"]),
                      self._units(pixels)["logits"].clip(-FAR, FAR))  # fmt: skip

    def fuse(self, x: Floats) -> dict[str, Doubles]:
        """(N, 2, 17) to the outputs of the graph."""
        assert self._net is not None
        return {key: value.astype(np.float64) for key, value in self._net(x).items()}

    def _missing(self, why: str) -> Reading:
        return Reading("compound-expression", {}, "score", self.name, text=why)

    def _reading(self, x: Floats, span: tuple[float, float]) -> Reading:
        outputs = {key: value[0] for key, value in self.fuse(x[None]).items()}
        basic, scores = outputs["basic"], (outputs["pairs"] + outputs["prototypes"]) / 2
        best = int(scores.argmax())
        single = no_compound(basic, best)
        weights = outputs["weights"][:, list(PAIRS[best])].mean(1)
        derived = (
            Reading("basic-expression", dict(zip(BASIC, basic.tolist(), strict=True)),
                    "probability", self.name, span=span),
            Reading("no-compound", {"no-compound": float(single)}, "0 or 1", self.name, span=span),
            Reading("modality-weight", dict(zip(MODALITIES, weights.tolist(), strict=True)),
                    "share", self.name, span=span),
        )  # fmt: skip
        named = dict(zip(COMPOUND, scores.tolist(), strict=True))
        text = "no compound: mostly neutral, or one expression only" if single else COMPOUND[best]
        return Reading("compound-expression", named, "score", self.name, text=text, span=span,
                       derived=derived)  # fmt: skip


def packed(words: Floats, units: Floats) -> Floats:
    """(N, 7) shares of words and (N, 16) logits of units to (N, 2, 17) inputs of the fusion."""
    x = np.zeros((len(words), len(MODALITIES), WIDTH), np.float32)
    for k, column in enumerate(REMAP):
        if column >= 0:
            x[:, 0, k] = words[:, column]
    x[:, 1, :UNITS] = units
    x[:, :, -1] = 1
    return x


def thinned(times: Doubles, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> list[int]:
    """Rows at least 0.2 s apart."""
    kept: list[int] = []
    for row in rows.tolist():
        if not kept or times[row] - times[kept[-1]] >= LEAST - 1e-6:
            kept.append(row)
    return kept


def no_compound(basic: Doubles, best: int) -> bool:
    """Whether a face is mostly neutral, or its compound has a member that is hardly there."""
    return bool(basic[0] > NEUTRAL or min(basic[list(PAIRS[best])]) < WEAKER)
