"""Styles of virtual people: what was planted is found again, and nothing where nothing was."""

import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics.factors import between_groups
from mien.synth.data.styles import (
    NAMES,
    USUAL,
    StylePrior,
    draw_range,
    draw_styles,
    fit_styles,
    scene_of,
)


def population(prior, people, each, kind="subject", seed=0):
    """(N, D) styles of people, and whose they are."""
    rng = np.random.default_rng(seed)
    styles = [draw_styles(draw_range(prior, rng, kind), each, rng) for _ in range(people)]
    return np.concatenate(styles), [f"p{k}" for k in range(people) for _ in range(each)]


def planted(share, size=3):
    """A prior in which a share of the variance lies between people; variance 1 of each style."""
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(size, size)))[0]
    variance = (1 - share) * np.linspace(0.5, 1.5, size)
    within = turn * variance @ turn.T
    # Cut at 3, the largest part of a normal distribution in 3 dimensions is left: 0.97.
    return StylePrior(np.zeros(size), share * np.eye(size), turn, np.log(variance) - 0.05,
                      0.1 * np.eye(size)), within  # fmt: skip


def shares(values, people):
    return np.mean([between_groups(values[:, k], people) for k in range(values.shape[1])])


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_sampling_has_the_planted_share_between_people_within_a_tenth(share):
    prior, _ = planted(share)
    values, people = population(prior, 400, 20)
    found = fit_styles(values, people)
    again, whose = population(found, 400, 20, seed=1)
    assert shares(again, whose) == pytest.approx(shares(values, people), rel=0.1)
    assert shares(values, people) == pytest.approx(share, rel=0.1)
    assert found.between_share == pytest.approx(share, rel=0.1)


def test_sampling_without_people_has_no_share():
    prior, _ = planted(0.5)
    values, people = population(prior, 300, 20, "pooled")
    assert abs(shares(values, people)) < 0.05
    assert values.var(0).mean() == pytest.approx(1.0, rel=0.15)  # as wide as everybody together


def test_a_population_without_differences_gives_none():
    prior, _ = planted(1e-6)
    values, people = population(prior, 300, 20)
    assert fit_styles(values, people).between_share < 0.02


def test_no_style_is_always_the_same():
    values, _ = population(USUAL, 3, 4, "none")
    assert np.ptp(values, axis=0).max() == 0


def test_styles_are_cut_at_three_deviations():
    prior = StylePrior(np.zeros(2), np.eye(2) * 1e-9, np.eye(2), np.zeros(2), np.eye(2) * 1e-9)
    values, _ = population(prior, 20, 500)
    assert np.linalg.norm(values, axis=1).max() <= 3.01


def test_few_people_and_numbers_that_are_none_are_refused():
    with pytest.raises(TooFewTrialsError, match="2 people have 5 images or more"):
        fit_styles(np.zeros((14, 2)), ["a"] * 5 + ["b"] * 5 + ["c"] * 4)
    with pytest.raises(MienError, match="not finite"):
        fit_styles(np.full((5, 2), np.nan), ["a"] * 5)


def test_a_style_becomes_a_scene():
    style = dict.fromkeys(NAMES, 0.0) | {"yaw": 99.0, "smile": 0.5, "light_turn": 30.0}
    scene = scene_of(np.array(list(style.values())), 64, 3)
    assert scene.pose.yaw == 45  # cut: the heads are not made for more
    assert scene.weights["AU12"] == 0.5
    assert scene.light.lamps[0].towards[0] > 0.4
    assert scene.camera.size == (64, 64)


def test_share_between_groups_by_hand():
    # Means 1 and 3, mean squares between 4 and within 1, two of each: (4 - 1) / (4 + 1).
    values = [1 - 0.5**0.5, 1 + 0.5**0.5, 3 - 0.5**0.5, 3 + 0.5**0.5]
    assert between_groups(values, ["a", "a", "b", "b"]) == pytest.approx(0.6)
    with pytest.raises(TooFewTrialsError, match="two groups are needed"):
        between_groups([1.0, 2.0], ["a", "b"])
