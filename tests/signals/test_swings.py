import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.signals import oscillations, swings

TIMES = np.arange(0, 8, 0.04)


def test_a_triangle_has_the_swings_that_were_drawn():
    times = np.arange(0, 5, 1.0)
    found = swings(times, np.array([0.0, 10, 0, 10, 10]), 5)
    assert [(s.start, s.end, s.size) for s in found] == [(0, 1, 10), (1, 2, -10), (2, 3, 10)]


def test_a_plateau_before_a_swing_is_rest():
    values = np.where(TIMES < 4, 0.0, np.clip((TIMES - 4) * 10, 0, 2))
    [swing] = swings(TIMES, values, 1)
    assert swing.start == pytest.approx(4, abs=0.05)
    assert swing.end == pytest.approx(4.2, abs=0.05)


def test_turns_that_are_too_small_are_none():
    assert swings(TIMES, 0.4 * np.sin(20 * TIMES), 1) == []
    assert swings(TIMES, np.zeros_like(TIMES), 1) == []


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.floats(0.1, 20))
def test_swings_alternate_and_are_large_enough(values, least):
    found = swings(np.arange(len(values), dtype=float), np.array(values), least)
    assert all(abs(s.size) >= least for s in found)
    assert all(a.size * b.size < 0 for a, b in itertools.pairwise(found))
    assert bool(found) == (np.ptp(values) >= least)


def test_a_nod_of_two_hertz_is_found_where_it_is():
    values = np.where((TIMES > 3) & (TIMES < 5), 8 * np.sin(4 * np.pi * (TIMES - 3)), 0.0)
    [one] = oscillations(TIMES, values, least=4, longest=0.4, fewest=3, bridge=0.2)
    assert one.onset == pytest.approx(3, abs=0.1)
    assert one.offset == pytest.approx(5, abs=0.1)
    assert one.peak == pytest.approx(16, abs=0.5)
    assert one.begun
    assert one.ended


def test_what_was_not_seen_is_not_bridged():
    values = 8 * np.sin(4 * np.pi * TIMES)
    values[(TIMES > 3) & (TIMES < 4)] = np.nan
    one, two = oscillations(TIMES, values, least=4, longest=0.4, fewest=3, bridge=0.2)
    assert one.offset <= 3 < 4 <= two.onset


def test_slow_waves_and_single_turns_are_no_oscillation():
    slow = 8 * np.sin(TIMES)
    assert oscillations(TIMES, slow, least=4, longest=0.4, fewest=2, bridge=0.2) == []
    once = np.where(abs(TIMES - 4) < 0.25, 8.0, 0.0)
    assert oscillations(TIMES, once, least=4, longest=0.4, fewest=3, bridge=0.2) == []
    assert len(oscillations(TIMES, once, least=4, longest=0.6, fewest=2, bridge=0.2)) == 1


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, np.nan]])
def test_nothing_to_swing(values):
    times = np.arange(len(values), dtype=float)
    assert oscillations(times, values, least=1, longest=1, fewest=2, bridge=1) == []


def test_pauses_and_rates_are_as_asked():
    waves = np.where((TIMES % 2) < 1, 8 * np.sin(4 * np.pi * TIMES), 0.0)  # 1 s of 2 Hz, 1 s rest
    ask = {"least": 4, "longest": 0.4, "fewest": 3, "bridge": 0.2}
    assert len(oscillations(TIMES, waves, **ask)) == 4
    assert len(oscillations(TIMES, waves, **ask, pause=1.5)) == 1
    assert oscillations(TIMES, waves, **ask, pause=1.5, rate=3.5) == []
