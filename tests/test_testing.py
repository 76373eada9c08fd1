"""The contracts are checked by something that can fail: each break is found."""

import numpy as np
import pytest

from mien.testing import check
from mien.types import Crop, Reading


class Clipper:
    """A clip head that keeps its contract; each test breaks one thing."""

    crop, needs = Crop(size=8), frozenset({"chips"})
    unit, name, span = "share", "toy", True

    def value(self, clip):
        return float(clip.chips.mean() / 255)

    def __call__(self, clip):
        if len(clip.times) < 4:
            return [Reading("light", {}, self.unit, self.name, text="too short")]
        span = (float(clip.times[0]), float(clip.times[-1])) if self.span else (0.0, 99.0)
        return [Reading("light", {"light": self.value(clip)}, self.unit, self.name, span=span)]


class NoReason(Clipper):
    def __call__(self, clip):
        return super().__call__(clip) if len(clip.times) > 3 else [Reading("a", {}, "b", "c")]


class NotFinite(Clipper):
    def value(self, clip):
        return float("nan")


class Random(Clipper):
    def value(self, clip):
        return float(np.random.default_rng().random())


class Mute(Clipper):
    def __call__(self, clip):
        return []


class Beyond(Clipper):
    span = False


def test_a_clip_head_that_keeps_its_contract_passes():
    check("clip-head", Clipper())


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (NoReason(), "says why"),
        (NotFinite(), "left out"),
        (Random(), "two answers"),
        (Mute(), "long enough"),
        (Beyond(), "beyond the clip"),
    ],
)
def test_a_broken_clip_head_is_found(head, says):
    with pytest.raises(AssertionError, match=says):
        check("clip-head", head)


class Mixing:
    """A chip head whose answers depend on the batch."""

    crop = Crop(size=8)

    def __call__(self, chips):
        values = chips.reshape(len(chips), -1).mean(1) if len(chips) else []
        return [Reading("a", {"a": float(v - np.mean(values))}, "b", "c") for v in values]


def test_a_chip_head_that_mixes_faces_is_found():
    with pytest.raises(AssertionError, match="depends on the other faces"):
        check("chip-head", Mixing())


def test_an_unknown_kind_and_a_clip_that_cannot_be_made_up_are_told():
    with pytest.raises(ValueError, match="no check for kind 'x'"):
        check("x", Mixing())
    head = Clipper()
    head.needs = frozenset({"audio"})
    with pytest.raises(ValueError, match="audio cannot be made up"):
        check("clip-head", head)
