"""The table of regions on flows that are known."""

import numpy as np
import pytest

from mien.behaviour.regions import OCTANTS, REGIONS, region_table
from mien.errors import MienError


def face():
    """68 points of a plain face of 200 px; the eyes are 60 px apart."""
    points = np.zeros((68, 2))
    points[:17] = [(100 + 80 * np.cos(a), 100 + 85 * np.sin(a)) for a in np.linspace(np.pi, 0, 17)]
    points[17:22] = [(50 + 8 * k, 60) for k in range(5)]
    points[22:27] = [(118 + 8 * k, 60) for k in range(5)]
    points[27:31] = [(100, 80 + 8 * k) for k in range(4)]
    points[31:36] = [(90 + 5 * k, 112) for k in range(5)]
    ring = np.array([(-10, 0), (-4, -4), (4, -4), (10, 0), (4, 4), (-4, 4)])
    points[36:42] = ring + np.array((70, 80))
    points[42:48] = ring + np.array((130, 80))
    points[48:68] = [(100 + 25 * np.cos(a), 145 + 10 * np.sin(a))
                     for a in np.linspace(np.pi, 3 * np.pi, 20, endpoint=False)]  # fmt: skip
    points[54] = (125, 145)
    return points


def moved(centre, motion, size=9):
    flow = np.zeros((200, 200, 2), np.float32)
    x, y = np.round(centre).astype(int)
    flow[y - size : y + size + 1, x - size : x + size + 1] = motion
    return flow


def test_there_are_29_regions_as_in_the_source():
    assert len(REGIONS) == 29
    assert len(region_table(np.zeros((200, 200, 2), np.float32), face())) == 29


def test_one_corner_of_the_mouth_that_rises():
    first, *others = region_table(moved(face()[48], (0.3, -0.4)), face())
    assert (first.region, first.direction) == ("left mouth corner", "up-right")
    assert first.mean == pytest.approx(0.5)
    assert first.largest == pytest.approx(0.5)
    assert first.angle == pytest.approx(np.degrees(np.arctan2(0.4, 0.3)))
    assert {one.mean for one in others if "right" in one.region} == {0.0}
    assert {one.direction for one in others if not one.mean} == {"no clear direction"}


@pytest.mark.parametrize("place", range(8))
def test_the_eight_directions(place):
    angle = np.radians(45 * place + 20)  # 20 degrees off the middle is the same octant
    flow = moved(face()[54], (np.cos(angle), -np.sin(angle)))
    row = region_table(flow, face())[0]
    assert row.region == "right mouth corner"
    assert row.direction == OCTANTS[place]


def test_the_motion_of_the_head_is_subtracted():
    flow = moved(face()[48], (0, -1)) + np.float32([2, 1])
    first = region_table(flow, face())[0]
    assert (first.region, first.direction) == ("left mouth corner", "up")
    assert first.mean == pytest.approx(1)
    assert first.head == pytest.approx(np.hypot(2, 1))


def test_motion_in_all_directions_has_none():
    flow = np.zeros((200, 200, 2), np.float32)
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, (40, 40))
    flow[125:165, 55:95] = np.stack([np.cos(angle), np.sin(angle)], -1)
    row = next(r for r in region_table(flow, face()) if r.region == "left mouth corner")
    assert (row.direction, row.angle) == ("no clear direction", None)
    assert row.largest == pytest.approx(1)


def test_boxes_grow_with_the_face_and_lie_within_the_image():
    large = region_table(np.zeros((400, 400, 2), np.float32), 2 * face())
    assert len(large) == 29
    cut = region_table(np.zeros((130, 200, 2), np.float32), face())
    assert "chin" not in {row.region for row in cut}
    assert "left mouth corner" not in {row.region for row in cut}


@pytest.mark.parametrize(
    ("flow", "points", "message"),
    [
        (np.zeros((200, 200)), face(), "needs a flow"),
        (np.zeros((200, 200, 2)), face()[:5], "needs a flow"),
        (np.full((200, 200, 2), np.nan), face(), "must be finite"),
        (np.zeros((200, 200, 2)), face() * np.nan, "must be finite"),
        (np.zeros((200, 200, 2)), face() * 0, "different places"),
        (np.zeros((40, 200, 2)), face(), "bridge of the nose lies beyond"),
    ],
)
def test_bad_input_is_refused(flow, points, message):
    with pytest.raises(MienError, match=message):
        region_table(np.float32(flow), points)
