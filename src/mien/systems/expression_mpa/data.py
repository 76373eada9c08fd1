"""Photographs of FERPlus as patches of a frozen network, with captions and vote shares."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.align.grey import FER_CROP, grey_input
from mien.datasets import LABELS
from mien.datasets.ratings import vote_shares
from mien.errors import TrainingError
from mien.systems.expression_mpa.head import CLASSES
from mien.systems.expression_mpa.model import seen
from mien.train.chips import read_chips
from mien.train.kept import digest_of, kept_arrays
from mien.types import Floats, OnStep, Pixels
from mien.zoo import load

LEARN, CHOOSE, TEST = 4000, 400, 1500  # photographs
UNITS_OF = "action-units-mf2"  # captions name the units that this head sees


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Photographs, one row each."""

    maps: NDArray[np.float16]  # (N, 25, 128) patches
    units: NDArray[np.bool_]  # (N, 16) shown
    share: Floats  # (N, 7) of votes

    def rows(self, keep: NDArray[np.int64]) -> "Photos":
        """Some of them."""
        return Photos(self.maps[keep], self.units[keep], self.share[keep])

    def shuffled(self, seed: int) -> "Photos":
        """The same photographs with the votes of others."""
        order = np.random.default_rng(seed).permutation(len(self.share))
        return replace(self, share=self.share[order])


def ferplus(data: Path, out: Path, on_step: OnStep | None = None) -> tuple[Photos, Photos, Photos]:
    """To learn from, to choose settings with (both of the training part), and for the test."""
    records = LABELS["ferplus"](data)
    chips = read_chips(records, FER_CROP, out, on_step)
    kept = [records[row] for row in chips.row]
    shares, sure = vote_shares(kept, CLASSES)
    test = np.array([record.split not in ("train", "Training") for record in kept])
    copies = ~test & np.isin(chips.content, chips.content[test])
    rng = np.random.default_rng(27)
    first = rng.permutation(np.flatnonzero(~test & ~copies & sure))[: LEARN + CHOOSE]
    last = rng.permutation(np.flatnonzero(test & sure))[:TEST]
    if len(first) < 2 or not len(last):
        raise TrainingError(f"{data} lacks photographs of a training or of a validation part.")
    cut = max(1, min(CHOOSE, len(first) // 5))
    rows = np.concatenate([first, last])
    made = _described(chips.images[rows], shares[rows], out)
    places = np.arange(len(rows))
    return (made.rows(places[cut : len(first)]), made.rows(places[:cut]),
            made.rows(places[len(first) :]))  # fmt: skip


def _described(images: Pixels, share: Floats, out: Path) -> Photos:
    def make() -> dict[str, NDArray[Any]]:
        shown = [load(UNITS_OF).outputs(images)[1] >= 0]
        return {"maps": seen(grey_input(images)).astype(np.float16), "units": shown[0]}

    kept = kept_arrays(out / "patches.npz", digest_of(images), make)
    return Photos(kept["maps"], kept["units"], share)
