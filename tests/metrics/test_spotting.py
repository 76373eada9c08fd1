import numpy as np
import pytest

from mien.errors import MienError
from mien.metrics import Interval, Spotting, SpottingCounts, match_intervals, overlaps, spotting

EVENTS = {"a": [Interval(10, 19, "negative"), Interval(40, 49, "surprise")], "b": []}


def test_overlap_counts_both_ends():
    # 10..19 and 15..24 share 15..19, 5 of 15 frames; adjacent frames share none.
    assert overlaps([Interval(10, 19)], [Interval(15, 24), Interval(20, 29)]).tolist() == [
        [1 / 3, 0]
    ]


@pytest.mark.parametrize(
    ("hits", "false", "missed", "f1", "strs"),
    [(6, 217, 202, 0.0278, 0.0062), (3, 115, 34, 0.0387, 0.0086)],
)
def test_the_counts_of_the_organisers_give_their_scores(hits, false, missed, f1, strs):
    # F1_a 0.2222: every hit is called negative and half of them are: P (1/2) / 3, R 1 / 3.
    half = (("negative", "negative"), ("positive", "negative"))
    found = Spotting(SpottingCounts(hits, false, missed), half)
    assert round(found.counts.f1, 4) == f1
    assert round(found.analysis_f1(), 4) == 0.2222
    assert round(found.strs(), 4) == strs


def test_one_event_is_hit_once_and_soft_counts_it_twice():
    found = {"a": [Interval(10, 19, "negative"), Interval(11, 20, "positive")]}
    assert spotting(EVENTS, found).counts == SpottingCounts(1, 1, 1)
    assert spotting(EVENTS, found, soft=True).counts == SpottingCounts(2, 0, 1)
    assert spotting(EVENTS, found).labels == (("negative", "negative"),)


def test_the_best_pair_is_taken_first():
    truth, found = [Interval(0, 9), Interval(4, 13)], [Interval(3, 12)]
    assert match_intervals(truth, found) == [(1, 0)]  # 9 of 11 frames beat 7 of 13


def test_nothing_found_is_zero():
    found = spotting(EVENTS, {})
    assert (found.counts, found.counts.f1, found.strs()) == (SpottingCounts(0, 0, 2), 0.0, 0.0)
    assert spotting({"a": []}, {"a": []}).counts.f1 == 0


def test_a_label_outside_the_classes_is_wrong_but_an_event_outside_them_is_left_out():
    counts = SpottingCounts(2, 0, 0)
    assert Spotting(counts, (("positive", "others"),)).analysis_f1() == 0
    assert Spotting(counts, (("others", "positive"),)).analysis_f1() == 0


def test_copies_add_no_hits_and_a_shift_of_frames_changes_nothing():
    rng = np.random.default_rng(0)
    for _ in range(100):
        starts, sizes = rng.integers(0, 200, (2, 6)), rng.integers(1, 30, (2, 6))
        truth, found = ([Interval(int(s), int(s + n)) for s, n in zip(*row, strict=True)]
                        for row in zip(starts, sizes, strict=True))  # fmt: skip
        once = spotting({"f": truth}, {"f": found}).counts
        assert once.hits + once.missed == once.hits + once.false == 6
        # A copy of a prediction may take a second event, never more events than there are pairs.
        twice = spotting({"f": truth}, {"f": [*found, *found]}).counts
        assert once.hits <= twice.hits <= 6
        moved = [[Interval(e.onset + 77, e.offset + 77) for e in part] for part in (truth, found)]
        assert spotting({"f": moved[0]}, {"f": moved[1]}).counts == once
        soft = spotting({"f": truth}, {"f": found}, soft=True).counts
        assert soft.hits >= once.hits


def test_copies_of_predictions_of_separate_events_add_no_hit():
    found = [Interval(11, 20), Interval(41, 50)]
    assert spotting(EVENTS, {"a": found * 3}).counts == SpottingCounts(2, 4, 0)


def test_refuses_what_cannot_be_scored():
    with pytest.raises(MienError, match="before it begins"):
        Interval(5, 4)
    with pytest.raises(MienError, match="'c' has predictions"):
        spotting(EVENTS, {"c": []})
    with pytest.raises(MienError, match="Least overlap 0"):
        match_intervals([], [], least=0)
