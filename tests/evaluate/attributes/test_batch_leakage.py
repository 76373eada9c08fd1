import numpy as np
import pytest

from mien.errors import TooFewTrialsError
from mien.evaluate.attributes.batch_leakage import batch_leak
from mien.metrics.findings import plain
from mien.testing import noise
from mien.types import Crop, Reading


class Bright:
    """How bright a chip is; `mixed` takes the mean of the batch away, as a leaking head does."""

    crop = Crop(size=8)

    def __init__(self, mixed):
        self.mixed = mixed

    def __call__(self, chips):
        value = chips.reshape(len(chips), -1).mean(1) / 255
        value = value - self.mixed * value.mean()
        return [Reading("light", {"a": float(v), "b": 0.0}, "share", "toy") for v in value]


class Shy(Bright):
    """Says nothing when it is asked about several."""

    def __call__(self, chips):
        found = super().__call__(chips)
        return found if len(chips) == 1 else [Reading("light", {}, "share", "toy")] * len(chips)


def test_a_head_that_looks_at_one_face_at_a_time_passes():
    told = plain(batch_leak(Bright(0), noise(40, 8), data="noise"))
    assert told["headline"]["leaks"]["value"] == 0
    assert told["headline"]["largest change"]["value"] < 1e-6
    assert told["warnings"] == []


@pytest.mark.parametrize("head", [Bright(1), Bright(1e-2), Shy(0)])
def test_a_head_that_mixes_the_batch_is_told(head):
    told = plain(batch_leak(head, noise(40, 8), data="noise"))
    assert told["headline"]["leaks"]["value"] == 1
    assert "the head mixes faces" in told["warnings"][0]


def test_sorting_by_class_shows_what_shuffling_hides():
    chips = np.concatenate([np.full((40, 8, 8, 3), v, np.uint8) for v in (40, 200)])
    found = batch_leak(Bright(1), chips, ["dark"] * 40 + ["light"] * 40, data="toys")
    rows = {row[0]: row[1] for row in found.tables[0].rows}
    assert set(rows) == {"shuffled", "sorted by class"}
    assert found.tables[0].rows[1][3] is not None


def test_a_few_faces_tell_nothing():
    with pytest.raises(TooFewTrialsError, match="3 faces"):
        batch_leak(Bright(0), noise(3, 8), data="noise")
