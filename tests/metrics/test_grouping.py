import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import TooFewTrialsError
from mien.metrics import b_cubed

labels = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30)


def test_by_hand():
    # Group 0: a a b; group 1: b b. Each a: 2 of 3 right, all found. The b among them: 1 of 3
    # right, 1 of 3 found. Each other b: all right, 2 of 3 found.
    score = b_cubed([0, 0, 0, 1, 1], list("aabbb"))
    assert score.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert score.recall == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    p, r = score.precision, score.recall
    assert score.f == pytest.approx(2 * p * r / (p + r))


def test_the_example_of_the_paper():
    # Bagga and Baldwin, section 4: chains of 5, 2 and 5; the last two are answered as one.
    score = b_cubed([0] * 5 + [1] * 7, [0] * 5 + [1] * 2 + [2] * 5)
    assert score.precision == pytest.approx((5 + 5 * 5 / 7 + 2 * 2 / 7) / 12)  # 76 %
    assert score.recall == 1


def test_everybody_alone_is_precise_and_all_in_one_finds_everything():
    assert b_cubed(range(6), [0, 0, 0, 1, 1, 2]).precision == 1
    assert b_cubed([0] * 6, [0, 0, 0, 1, 1, 2]).recall == 1


@given(labels)
def test_brute_force_agrees(pairs):
    groups, people = (np.array(column) for column in zip(*pairs, strict=True))
    same_group, same_person = groups[:, None] == groups, people[:, None] == people
    both = (same_group & same_person).sum(1)
    score = b_cubed(groups, people, resamples=20)
    assert score.precision == pytest.approx((both / same_group.sum(1)).mean())
    assert score.recall == pytest.approx((both / same_person.sum(1)).mean())
    assert 0 < score.f <= 1


def test_pictures_that_do_not_count_still_spoil_groups():
    score = b_cubed([0, 0, 0, 1], list("aabc"), counted=[True, True, False, False])
    assert (score.precision, score.recall) == (pytest.approx(2 / 3), 1)


@given(labels)
def test_names_of_groups_mean_nothing(pairs):
    groups, people = zip(*pairs, strict=True)
    other = b_cubed([f"group {9 - g}" for g in groups], people, resamples=5)
    assert b_cubed(groups, people, resamples=5) == other


def test_intervals_hold_the_value_and_narrow_with_people():
    random = np.random.default_rng(0)

    def score(people):
        who = np.repeat(np.arange(people), 3)
        groups = np.where(random.random(who.size) < 0.2, -np.arange(who.size) - 1, who)
        return b_cubed(groups, who)

    few, many = score(20), score(2000)
    for each in (few, many):
        values = (each.precision, each.recall, each.f)
        for low, value, high in zip(each.low, values, each.high, strict=True):
            assert low <= value <= high
    assert many.high[1] - many.low[1] < (few.high[1] - few.low[1]) / 4


def test_nothing_and_unequal_lengths_are_refused():
    with pytest.raises(TooFewTrialsError, match="at least one image"):
        b_cubed([], [])
    with pytest.raises(TooFewTrialsError, match="at least one image"):
        b_cubed([0, 1], [0, 1], counted=[False, False])
    with pytest.raises(ValueError, match="got 3 groups for 2"):
        b_cubed([0, 1, 2], [0, 1])
