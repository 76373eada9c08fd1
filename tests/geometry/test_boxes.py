import numpy as np
import pytest

from mien.geometry import iou, nms, square

A, B, C, FAR = [0, 0, 10, 10], [5, 0, 15, 10], [2, 2, 4, 4], [50, 50, 60, 60]


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        (A, A, 1.0),
        (A, B, 1 / 3),  # 50 shared of 150
        (A, C, 0.04),  # 4 of 100
        (A, FAR, 0.0),
        (A, [3, 3, 3, 3], 0.0),  # an empty box
        ([3, 3, 3, 3], [3, 3, 3, 3], 0.0),  # two empty boxes: 0, not NaN
    ],
)
def test_iou_by_hand(a, b, share):
    assert iou(np.float32([a]), np.float32([b]))[0, 0] == pytest.approx(share)


@pytest.mark.parametrize(
    ("boxes", "scores", "over", "kept"),
    [
        ([], [], "union", []),
        ([A], [0.5], "union", [0]),
        ([A, B], [0.5, 0.9], "union", [1, 0]),  # a third shared: both stay, best first
        ([A, A, FAR], [0.5, 0.9, 0.7], "union", [1, 2]),
        ([A, A], [0.5, 0.5], "union", [0]),  # a tie: the earlier one
        ([A, C], [0.9, 0.8], "union", [0, 1]),
        ([A, C], [0.9, 0.8], "smaller", [0]),  # C lies inside A
    ],
)
def test_nms_by_hand(boxes, scores, over, kept):
    boxes = np.float32(boxes).reshape(-1, 4)
    assert nms(boxes, np.float32(scores), max_overlap=0.4, over=over) == kept


def test_square_grows_the_shorter_side_about_the_centre():
    assert square(np.float32([[0, 0, 10, 20]])).tolist() == [[-5, 0, 15, 20]]


@pytest.mark.parametrize("over", ["union", "smaller"])
@pytest.mark.parametrize("count", [3, 100, 700])
def test_nms_is_the_greedy_rule_however_many_boxes_there_are(count, over):
    rng = np.random.default_rng(count)
    corner = rng.uniform(0, 100, (count, 2))
    boxes = np.hstack([corner, corner + rng.uniform(1, 40, (count, 2))]).astype(np.float32)
    scores = rng.integers(0, 50, count).astype(np.float32)  # with ties

    def overlap(a, b):
        wide, high = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
        both = max(wide, 0) * max(high, 0)
        return both / (min(areas) if over == "smaller" else sum(areas) - both)

    kept = []
    for i in sorted(range(count), key=lambda i: (-scores[i], i)):
        if all(overlap(boxes[i], boxes[k]) <= 0.4 for k in kept):
            kept.append(i)
    assert nms(boxes, scores, 0.4, over=over) == kept
