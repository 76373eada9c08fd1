import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import average_precision, match_boxes, precision_recall

A, B, FAR = [0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60]


def matched(found, scores, truth, ignore=None):
    boxes = [np.array(x, float).reshape(-1, 4) for x in (found, truth)]
    skip = None if ignore is None else np.array(ignore)
    return match_boxes(boxes[0], np.array(scores, float), boxes[1], skip)


def test_by_hand():
    # Surest first: right, twice on the same face, wrong place, right. Two faces of three found.
    one = matched([A, A, FAR, B], [0.9, 0.8, 0.7, 0.6], [A, B, [80, 80, 90, 90]])
    assert one.right.tolist() == [True, False, False, True]
    assert one.found.tolist() == [True, True, False]
    recall, precision, score = precision_recall([one])
    assert recall == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3])
    assert precision == pytest.approx([1, 1 / 2, 1 / 3, 1 / 2])
    assert score.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert average_precision([one]) == pytest.approx(1 / 3 * 1 + 1 / 3 * 1 / 2)


def test_half_of_both_is_enough_and_less_is_not():
    assert matched([[0, 0, 10, 5]], [1], [A]).found.all()  # 50 of 100
    assert not matched([[0, 0, 10, 4.9]], [1], [A]).found.any()


def test_a_face_to_be_ignored_neither_counts_as_missed_nor_makes_a_box_wrong():
    one = matched([A, B, B], [0.9, 0.8, 0.7], [A, B], [False, True])
    assert one.right.tolist() == [True]
    assert one.found.tolist() == [True]
    assert average_precision([one]) == 1.0


def test_a_picture_without_faces_only_adds_wrong_boxes():
    pictures = [matched([A], [0.9], [A]), matched([A], [0.95], [])]
    assert average_precision(pictures) == 0.5


def test_boxes_of_equal_confidence_are_accepted_together():
    one = matched([FAR, A], [0.9, 0.9], [A])
    assert precision_recall([one])[1].tolist() == [0.5]


def test_brute_force_with_ties():
    random = np.random.default_rng(0)
    for _ in range(1000):
        pictures = []
        for _ in range(3):
            corner = random.integers(0, 12, (random.integers(0, 6), 2)).astype(float)
            truth = np.c_[corner, corner + 8]
            moved = np.r_[corner + random.integers(-3, 4, corner.shape), corner[:2] + 1]
            found = np.c_[moved, moved + 8]
            scores = random.integers(0, 5, len(found)) / 4
            pictures.append(matched(found, scores, truth, random.random(len(truth)) < 0.2))
        faces = sum(p.found.size for p in pictures)
        if not faces:
            continue
        boxes = [(s, r) for p in pictures for s, r in zip(p.scores, p.right, strict=True)]
        points = []
        for bar in sorted({s for s, _ in boxes}, reverse=True):
            taken = [r for s, r in boxes if s >= bar]
            points.append((sum(taken) / faces, sum(taken) / len(taken)))
        total, before = 0.0, 0.0
        for number, (recall, _) in enumerate(points):
            total += (recall - before) * max(p for _, p in points[number:])
            before = recall
        assert average_precision(pictures) == pytest.approx(total)
        assert sum(p.right.sum() for p in pictures) == sum(p.found.sum() for p in pictures)


def test_what_is_no_box_is_refused():
    with pytest.raises(MienError, match="not left, top, right, bottom"):
        matched([[5, 5, 1, 9]], [1], [A])
    with pytest.raises(MienError, match="true box"):
        matched([A], [1], [[0, 0, np.nan, 1]])
    with pytest.raises(TooFewTrialsError, match="add labelled faces"):
        average_precision([matched([A], [1], [])])
