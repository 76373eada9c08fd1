import itertools

import numpy as np
import pytest

from mien.metrics.tracking import score_tracking

HERE, THERE = np.float32([0, 0, 10, 10]), np.float32([50, 0, 60, 10])


def frames(*marks, boxes=(HERE, THERE)):
    """Frames in which the two boxes bear these marks; None: the box is not there."""
    return [
        (
            np.array([b for b, m in zip(boxes, row, strict=True) if m], np.float32).reshape(-1, 4),
            [m for m in row if m],
        )
        for row in marks
    ]


TRUTH = frames(*[("a", "b")] * 4)


def test_a_right_answer_has_idf1_1_whatever_its_names():
    told = score_tracking(TRUTH, frames(*[("7", "9")] * 4))
    assert (told.idf1, told.accuracy, told.switches) == (1.0, 1.0, 0)


def test_a_swap_in_the_middle_costs_two_switches_and_half_the_identities():
    told = score_tracking(TRUTH, frames(("7", "9"), ("7", "9"), ("9", "7"), ("9", "7")))
    assert told.switches == 2
    assert told.idf1 == 0.5
    assert told.accuracy == 1 - 2 / 8


def test_a_track_that_breaks_costs_a_switch():
    told = score_tracking(TRUTH, frames(("7", "9"), ("7", "9"), ("8", "9"), ("8", "9")))
    assert told.switches == 1
    assert told.idf1 == pytest.approx(2 * 6 / 16)


def test_misses_and_false_boxes_count():
    told = score_tracking(TRUTH, frames(("7", "9"), ("7", None), ("7", None), ("7", "9")))
    assert (told.missed, told.false, told.idf1) == (2, 0, pytest.approx(2 * 6 / 14))
    told = score_tracking(frames(("a", None)), frames(("7", "9")))
    assert (told.missed, told.false) == (0, 1)


def test_nothing_seen_and_nothing_there_is_no_number():
    assert np.isnan(score_tracking(frames((None, None)), frames((None, None))).idf1)


def test_frames_must_be_the_same():
    with pytest.raises(ValueError, match=r"got 4 \(truth\) and 3 \(answer\)"):
        score_tracking(TRUTH, TRUTH[:3])


def test_identities_are_assigned_as_brute_force_would():
    rng = np.random.default_rng(0)
    for _ in range(200):
        marks = [tuple(rng.choice(list("wxyz"), 2, replace=False)) for _ in range(6)]
        answer = frames(*marks)
        truth = frames(*[("a", "b")] * 6)
        best = max(
            sum((m[0] == p) + (m[1] == q) for m in marks)
            for p, q in itertools.permutations("wxyz", 2)
        )
        assert score_tracking(truth, answer).id_matched == best


def test_motmetrics_counts_the_same():
    motmetrics = pytest.importorskip("motmetrics", reason="a peer: pip install 'mien[bench]'")
    rng = np.random.default_rng(3)
    for _ in range(20):  # two people, whose marks break, swap and come back
        marks = [tuple(rng.choice(["w", "x", "y", "z", None], 2, replace=False)) for _ in range(40)]
        answer = frames(*[tuple(m or None for m in row) for row in marks])
        theirs = motmetrics.MOTAccumulator(auto_id=True)
        for (boxes, names), (found, told) in zip(frames(*[("a", "b")] * 40), answer, strict=True):
            near = np.array([[0.0 if (b == f).all() else np.nan for f in found] for b in boxes])
            theirs.update(
                [ord(n) for n in names], [ord(n) for n in told], near.reshape(2, len(told))
            )
        counts = ["idf1", "num_misses", "num_false_positives"]
        wanted = motmetrics.metrics.create().compute(theirs, counts).iloc[0][counts].tolist()
        ours = score_tracking(frames(*[("a", "b")] * 40), answer)
        assert [ours.idf1, ours.missed, ours.false] == pytest.approx(wanted)
