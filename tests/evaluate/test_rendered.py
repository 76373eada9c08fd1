import numpy as np
import pytest

from mien.evaluate.rendered import Check, acceptance, compare_identities
from mien.evaluate.rendered.response import MEASURES, Response
from mien.evaluate.rendered.transfer import transfer
from mien.testing import TOY_DEVICE
from mien.types import Crop, Face

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def head():
    from mien.synth import open_head

    return open_head("builtin")


class Middle:
    """A detector that always says: in the middle."""

    name, digest, device = "middle", "", TOY_DEVICE

    def __call__(self, image):
        box = np.array([90, 70, 230, 250], np.float32)
        points = np.array([[130, 140], [190, 140], [160, 175], [140, 205], [180, 205]], np.float32)
        return [Face(box, 0.9, points)]


class Colours:
    """An embedder that looks at nothing but the mean colour."""

    name = contract = "colours"
    digest, device = "", TOY_DEVICE
    crop = Crop(size=32)

    def raw(self, chips):
        return chips.reshape(len(chips), -1, 3).mean(1).astype(np.float32) / 100

    def __call__(self, chips):
        vectors = self.raw(chips)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_detector_that_sees_and_one_that_is_blind_are_told_apart(head):
    finders = {"middle": lambda image: [f.box for f in Middle()(image)], "blind": lambda image: []}
    rows = acceptance(head, finders, people=3)
    told = {(r.detector, r.yaw): r for r in rows if r.tone == "all"}
    assert told["blind", "20"].found == 0
    assert told["middle", "20"].found == 3
    assert told["middle", "20"].of == 3
    assert {r.tone for r in rows} == {"all", "1-4", "4-7", "7-10"}
    low, high = told["blind", "45"].interval
    assert low == 0
    assert 0.5 < high < 0.75  # three misses tell little


def test_a_box_around_the_whole_picture_is_no_face(head):
    everything = {"all": lambda image: [np.array([0, 0, 3200, 3200], np.float32)]}
    assert all(row.found == 0 for row in acceptance(head, everything, people=3))


def test_identity_is_counted_over_all_pairs(head):
    done = compare_identities(head, Middle(), Colours(), people=3)
    assert (done.people, done.views, done.lost) == (3, 3, 0)
    assert 0.9 < done.same <= 1  # mean colours are all alike
    assert 0.9 < done.different <= 1
    assert 0 <= done.error <= 1
    assert done.different_distance > 0


def test_bars_are_met_from_their_side_and_never_by_nan():
    assert Check("x", "y", 0.98, 0.98, True).passed
    assert not Check("x", "y", 0.97, 0.98, True).passed
    assert Check("x", "y", 0.3, 0.3, False).passed
    assert not Check("x", "y", float("nan"), 0.3, False).passed
    assert not Check("x", "y", float("nan"), 0.3, True).passed


def test_a_person_who_was_lost_makes_the_least_response_unknown():
    assert np.isnan(Response("AU1", (1.0, float("nan")), 0.7).least)
    assert Response("AU1", (1.0, 0.8), 0.7).least == 0.8
    assert Response("AU1", (-1.0, 0.8), 0.7).least == -1  # seen the wrong way round


def test_measures_follow_a_mesh_that_moves():
    mesh = np.random.default_rng(0).uniform(0, 100, (478, 3)).astype(np.float32)
    mesh[33], mesh[263] = [20, 40, 0], [80, 40, 0]
    mesh[13], mesh[14] = [50, 70, 0], [50, 72, 0]
    closed = MEASURES["AU27"][0](mesh)
    mesh[14] = [50, 90, 0]
    assert MEASURES["AU27"][0](mesh) == pytest.approx(closed + 18 / 60)
    assert np.isnan(MEASURES["AU61"][0](mesh[:468]))


def test_ridge_learns_what_is_there_and_shuffled_labels_teach_nothing():
    rng = np.random.default_rng(0)
    x, u = rng.normal(size=(150, 40)), rng.normal(size=(80, 40))
    y, v = x[:, 0] * 0.2 + 0.5, u[:, 0] * 0.2 + 0.5
    done = transfer(("a", x, y), ("b", u, v))
    assert done.correlation > 0.9
    assert abs(done.shuffled) < 0.4
    assert done.pictures == 80


def test_turned_faces_are_seen_in_the_middle_at_the_angle_that_was_asked_for(head):
    from mien.evaluate.rendered.sitting import SIDE, portrait, sitter
    from mien.synth import render

    for yaw in (-45.0, 0.0, 45.0):
        scene = portrait(3, yaw)
        face = render(sitter(head, 3), scene, truth=False).lm68_3d[17:].mean(0)
        beside = face[0] - scene.camera.centre[0]  # mm from the optical axis
        assert abs(np.degrees(np.arctan2(beside, scene.camera.distance - face[2]))) < 1.5
    assert scene.camera.size == (SIDE, SIDE)
