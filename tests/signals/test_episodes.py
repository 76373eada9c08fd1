import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.signals import Episode, episodes

NAN = float("nan")


def find(values, times=None, *, enter=2.0, leave=1.0, bridge=1.5):
    times = np.arange(len(values)) if times is None else times
    return episodes(times, values, enter=enter, leave=leave, bridge=bridge)


def test_by_hand():
    # Rises through 1 half-way from 1 to 2 s, highest at 3 s, back at 1 a third after 4 s.
    assert find([0, 0, 2, 4, 2, -1, 0]) == [Episode(1.5, 3.0, pytest.approx(4 + 1 / 3), 4.0)]


def test_what_dips_but_stays_above_the_lower_threshold_is_one():
    assert len(find([0, 3, 1.5, 3, 0])) == 1
    assert len(find([0, 3, 0.5, 3, 0])) == 2


def test_what_never_exceeds_the_upper_threshold_is_none():
    assert find([0, 1.5, 2.0, 1.5, 0]) == []


def test_the_first_of_equal_heights_is_the_apex():
    assert find([0, 3, 3, 3, 0])[0].apex == 1


def test_an_end_that_was_not_seen_is_told():
    [one] = find([3, 3, 3])
    assert (one.onset, one.offset, one.begun, one.ended) == (0, 2, False, False)


def test_missing_values_break_a_stretch():
    before, after = find([0, 3, 3, NAN, 3, 3, 0])
    assert (before.begun, before.ended, before.offset) == (True, False, 2)
    assert (after.begun, after.ended, after.onset) == (False, True, 4)


def test_missing_values_are_bridged_only_as_far_as_asked():
    assert len(find([0, 3, 3, NAN, 3, 3, 0], bridge=2)) == 1
    assert len(find([0, 3, 3, NAN, NAN, 3, 3, 0], bridge=2)) == 2


def test_missing_rows_break_a_stretch_as_missing_values_do():
    assert len(find([0, 3, 3, 3, 3, 0], times=[0, 1, 2, 4, 5, 6])) == 2


@pytest.mark.parametrize("values", [[], [NAN, NAN, NAN], [0.0], [0, 0, 0]])
def test_nothing_gives_nothing(values):
    assert find(values) == []


@given(st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, NAN]), max_size=30))
@settings(max_examples=200, deadline=None)
def test_it_is_what_a_walk_sample_by_sample_finds(values):
    spans, run = [], []
    for i, value in enumerate([*values, NAN]):
        if value > 1:
            run.append(i)
        elif run:
            spans += [(run[0], run[-1])] if max(values[j] for j in run) > 2 else []
            run = []
    found = find(values)
    inside = [
        [i for i, v in enumerate(values) if v > 1 and e.onset <= i <= e.offset] for e in found
    ]
    assert [(run[0], run[-1]) for run in inside] == spans
    assert all(e.onset <= e.apex <= e.offset for e in found)


@pytest.mark.parametrize(
    ("times", "values", "thresholds", "words"),
    [
        ([0, 1], [1], {}, "one time per value"),
        ([0, 0], [1, 1], {}, "must be finite and rising"),
        ([0, NAN], [1, 1], {}, "must be finite and rising"),
        ([0, 1], [1, 1], {"leave": 3.0}, "must not exceed"),
        ([0, 1], [1, 1], {"enter": NAN}, "must not exceed"),
        ([0, 1], [1, 1], {"bridge": 0.0}, "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(times, values, thresholds, words):
    with pytest.raises(ValueError, match=words):
        find(values, times, **thresholds)
