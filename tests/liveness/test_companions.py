import numpy as np
import pytest
from tests.toys import TOY_DEVICE, Reds

from mien.errors import LivenessError
from mien.liveness import Companions, LivenessCheck, misplaced
from mien.liveness.check import IGNORED, REASONS
from mien.liveness.companions import usable
from mien.types import Face, Reading

BOX = np.array([60, 60, 100, 100], np.float32)
FACE = Face(BOX, 0.9)
IMAGE = np.zeros((200, 200, 3), np.uint8)


class Relief:
    """Takes faces for live that are nearer than a metre, or warm; each point has its bar."""

    name, digest, device = "relief", "4567", TOY_DEVICE
    needs = frozenset({"frames", "depth", "infrared"})

    def __init__(self):
        self.points = {"bpcer5": 0.3, "bpcer5+depth": 0.6, "bpcer5+infrared": 0.7,
                       "bpcer5+depth+infrared": 0.9}  # fmt: skip

    def __call__(self, clip):
        parts = (clip.depth, clip.infrared)
        assert all(part is None or part.values.shape == (1, 200, 200) for part in parts)
        score = 0.5 + 0.3 * (clip.depth is not None) + 0.1 * (clip.infrared is not None)
        return [Reading("liveness", {"live": score}, "probability", self.name)]


def depth(value=0.5):
    return np.full((200, 200), value, np.float32)


DARK = np.full((200, 200), 90, np.uint8)


@pytest.mark.parametrize(
    ("seen", "outcome", "bar", "parts"),
    [
        (Companions(), "live", 0.3, ("rgb",)),
        (Companions(depth()), "live", 0.6, ("rgb", "depth")),
        (Companions(None, DARK), "attack", 0.7, ("rgb", "infrared")),
        (Companions(depth(), DARK), "attack", 0.9, ("rgb", "depth", "infrared")),
    ],
)
def test_each_set_of_modalities_has_its_own_bar(seen, outcome, bar, parts):
    found = LivenessCheck(Relief()).of(IMAGE, FACE, companions=seen)
    assert (found.threshold, found.modalities, found.ignored) == (bar, parts, ())
    assert found.point == "bpcer5"
    assert found.outcome == outcome


@pytest.mark.parametrize("empty", [0.0, np.nan, -1.0])
def test_depth_without_a_value_counts_as_missing_and_is_reported(empty):
    found = LivenessCheck(Relief()).of(IMAGE, FACE, companions=Companions(depth(empty), DARK))
    assert (found.modalities, found.ignored) == (("rgb", "infrared"), ("depth-empty",))
    assert set(found.ignored) <= set(IGNORED)


def test_depth_that_has_values_only_beside_the_face_gives_no_score():
    beside = depth(np.nan)
    beside[:, 120:] = 0.5
    found = LivenessCheck(Relief()).of(IMAGE, FACE, companions=Companions(beside))
    assert (found.outcome, found.score, found.reason) == ("no-response", None, "misaligned")
    assert found.modalities == ()
    assert found.reason in REASONS
    filled = beside.copy()
    filled[60:71, 60:100] = 0.5  # 11 of 40 rows: more than a quarter
    assert usable(Companions(filled), BOX)[2] is None
    outside = np.array([300, 300, 340, 340], np.float32)
    assert usable(Companions(filled), outside)[2] == "misaligned"


def test_sizes_must_be_those_of_the_picture():
    Companions(depth(), DARK).check((200, 200))
    with pytest.raises(LivenessError, match="infrared picture has 80 x 50 px"):
        Companions(None, DARK[:50, :80]).check((200, 200))


def test_a_head_for_colour_refuses_other_sensors_and_names_one_that_takes_them():
    LivenessCheck(Reds()).require(())
    with pytest.raises(LivenessError, match="'reds' does not use depth; choose --liveness-head"):
        LivenessCheck(Reds()).require(("depth",))


def test_a_head_without_a_point_for_those_modalities_is_refused():
    head = Relief()
    head.points = {"bpcer5": 0.5}
    with pytest.raises(LivenessError, match="no operating point 'bpcer5' for colour with depth"):
        LivenessCheck(head).require(("depth",))
    with pytest.raises(LivenessError, match="it has: bpcer5, strict"):
        LivenessCheck(Reds(), "bpcer5+depth")


class At:
    """Finds faces at fixed boxes."""

    def __init__(self, *boxes):
        self.boxes = boxes

    def __call__(self, image):
        assert image.shape == (200, 200, 3)
        return [Face(np.array(box, np.float32), 0.9) for box in self.boxes]


def test_a_face_that_infrared_shows_elsewhere_is_misplaced():
    assert misplaced(DARK, [BOX], At([62, 60, 102, 100])) == [False]
    assert misplaced(DARK, [BOX], At([120, 60, 160, 100])) == [True]
    # A screen is black in infrared: nothing is known, and the score decides.
    assert misplaced(DARK, [BOX], At()) == [False]
    # Two faces, one of them on a screen: the other's place explains what infrared shows.
    other = np.array([120, 60, 160, 100], np.float32)
    assert misplaced(DARK, [BOX, other], At([120, 60, 160, 100])) == [False, False]
    assert misplaced(DARK, [], At([1, 1, 9, 9])) == []
