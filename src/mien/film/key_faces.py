"""The best look of each track in each half second, embedded: what tracks are named by."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from mien.align import align
from mien.contracts import Embedder
from mien.decision.decide import weakness
from mien.film.scanner import DISTRUSTED, SEGMENT, on_grid
from mien.film.segment_log import segment_to_row
from mien.quality import judge
from mien.track import FrameFaces, KeyFace, Segment, selection_score
from mien.types import Face, Pixels


class KeyFaceSelector:
    """Holds the chip of each track's best look until its half second is over."""

    def __init__(self, embedder: Embedder) -> None:
        """Start with nobody on screen."""
        self._embedder = embedder
        self._looks: list[FrameFaces] = []
        self._best: dict[int, tuple[Face, float, Pixels]] = {}

    def see(self, image: Pixels, look: FrameFaces) -> None:
        """Take note of one frame; the faces of the look bear their tracks."""
        look = replace(look, faces=tuple(on_grid(face) for face in look.faces))
        self._looks.append(look)
        better = []
        for face in look.faces:
            assert face.track is not None
            held, value = self._best.get(face.track), selection_score(face)
            if value > (held[1] if held else 0.0):
                better.append((face, value))
        if not better:
            return
        faces = [face for face, _ in better]
        chips = align(image, faces, self._embedder.crop)
        for (face, value), quality, chip in zip(better, judge(image, faces), chips, strict=True):
            face = replace(face, quality=quality)
            value *= DISTRUSTED if weakness(face) else 1.0
            assert face.track is not None
            self._best[face.track] = (face, value, chip)

    def end(self, time: float) -> dict[str, Any]:
        """The half second that ended before `time`, as a row of a journal; and begin anew."""
        chosen = []
        if self._best:
            vectors = self._embedder(np.stack([chip for _, _, chip in self._best.values()]))
            for (track, (face, value, _)), vector in zip(self._best.items(), vectors, strict=True):
                chosen.append(KeyFace(track, replace(face, embedding=vector), value))
        index = max(0, math.ceil(time / SEGMENT) - 1)
        stretch = Segment(index, tuple(self._looks), tuple(chosen))
        self._looks, self._best = [], {}
        return segment_to_row(stretch)
