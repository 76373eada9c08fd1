"""Attacks, gradients, and faces of which one attribute changes."""

import numpy as np
import pytest

from mien.systems.trust_faa import attack, attacked
from mien.systems.trust_faa.answers import Answers
from mien.systems.trust_faa.counterfactual import CHANGES, CONTROL, Changed, changed_faces
from mien.systems.trust_faa.robustness import deletion
from mien.types import Crop, Device, Reading


class Mouth:
    """Two classes by the brightness of the lower third; it offers its gradient."""

    name, digest, device = "mouth", "", Device("cpu", "NumPy", 1)
    crop = Crop(size=14)

    def probabilities(self, chips):
        level = chips[:, 9:].astype(float).mean((1, 2, 3))
        open_ = 1 / (1 + np.exp(-(level - 127) / 2))
        return np.column_stack([1 - open_, open_])

    def __call__(self, chips):
        rows = self.probabilities(chips)
        return [Reading("mouth", {"shut": a, "open": b}, "probability", "mouth") for a, b in rows]

    def gradient(self, chips, weights):
        shut, open_ = self.probabilities(chips).T
        slope = np.zeros(chips.shape)
        slope[:, 9:] = (shut * open_ / 2 * (weights[:, 1] - weights[:, 0]))[:, None, None, None]
        return slope / (5 * 14 * 3)


def mouths(level, count=12):
    """Chips whose lower third has a level, and the answers with the label "open"."""
    chips = np.random.default_rng(2).integers(40, 200, (count, 14, 14, 3)).astype(np.uint8)
    chips[:, 9:] = level
    head = Mouth()
    truth, people = np.ones(count, int), np.arange(count).astype(str)
    return chips, Answers(("shut", "open"), head.probabilities(chips), truth, people, {})


@pytest.mark.parametrize(("way", "least"), [("answers", 0.25), ("gradient", 1.0)])
def test_an_attack_finds_what_chance_does_not_and_stays_within_two_levels(way, least):
    chips, some = mouths(128)
    ask = Mouth().probabilities
    if way == "answers":
        moved = attack.by_answers(ask, some, chips, 60, 0)
    else:
        moved = attack.by_gradient(Mouth().gradient, ask, some, chips)
    assert abs(moved.astype(int) - chips).max() == attack.LEVELS
    assert some.loss.sum() == 0
    assert attack.with_output(some, ask(moved)).loss.mean() >= least  # 128 - 2 is below 127
    lot = attack.random_change(chips, 0)
    assert attack.with_output(some, ask(lot)).loss.sum() == 0


def test_an_attack_on_a_number_moves_it_away_from_the_truth():
    chips, some = mouths(128)
    numbers = Answers((), 10 * some.output[:, 1:], np.full(12, 6.0), some.people, {})
    moved = attack.by_answers(lambda c: 10 * Mouth().probabilities(c)[:, 1:], numbers, chips, 40, 0)
    after = attack.with_output(numbers, 10 * Mouth().probabilities(moved)[:, 1:])
    assert (after.loss >= numbers.loss).all()
    assert after.loss.mean() > numbers.loss.mean() + 0.5


def test_integrated_gradients_mark_the_mouth_and_sum_to_the_difference():
    chips, some = mouths(200, 4)
    weights = np.tile([0.0, 1.0], (4, 1))
    maps = attack.integrated_gradients(Mouth().gradient, chips, weights, 400)
    assert (maps[:, :9] == 0).all()
    base = np.broadcast_to(chips.mean((1, 2), keepdims=True), chips.shape).round().astype(np.uint8)
    change = some.output[:, 1] - Mouth().probabilities(base)[:, 1]
    assert maps.sum((1, 2)) == pytest.approx(change, abs=0.05)
    chips, some = mouths(131, 4)  # removed patches have the mean level, where it is shut
    maps = attack.integrated_gradients(Mouth().gradient, chips, weights)
    gains = deletion(Mouth().probabilities, chips, np.ones(4, int), 0, maps)
    assert gains.mean() > 0.05


def test_without_a_gradient_that_is_not_assessed():
    chips, some = mouths(128, 60)
    tables, gates = [], []
    attacked.attacks(Mouth().probabilities, None, some, chips, 60, 0.1, 0, tables, gates)
    attacked.gradients(Mouth().probabilities, None, some, chips, 0, gates)
    assert [one.verdict for one in gates] == ["warn", "not assessed", "not assessed"]
    assert attacked.gradient_of(Mouth()) is not None
    assert attacked.gradient_of(object()) is None
    assert [row[0] for row in tables[0].rows] == ["at random", "by 60 answers"]


def toy_changes(change):
    """Twelve rendered people of whom the brightness of the mouth changes with their skin."""
    for person in range(12):
        dark, _ = mouths(140 - change, 3)
        light, _ = mouths(140, 3)
        yield Changed("skin", person, light, dark)
        yield Changed(CONTROL, person, light, light)


@pytest.mark.parametrize(("change", "verdict", "share"), [(0, "pass", 0), (40, "fail", 1)])
def test_answers_that_change_with_one_attribute_alone_fail(change, verdict, share):
    tables, gates = [], []
    ask = Mouth().probabilities
    attacked.counterfactual(ask, ("shut", "open"), toy_changes(change), 0.05, tables, gates)
    assert (gates[0].verdict, gates[0].value.value) == (verdict, share)
    numbers = []
    number = lambda c: 10 * ask(c)[:, 1:]  # noqa: E731
    attacked.counterfactual(number, (), toy_changes(change), 1.0, tables, numbers)
    assert numbers[0].verdict == verdict


def test_rendered_people_differ_in_one_attribute():
    found = list(changed_faces(1, Crop(size=64), 0))
    assert [one.attribute for one in found] == [*CHANGES, CONTROL]
    apart = {one.attribute: abs(one.before.astype(int) - one.after).mean() for one in found}
    assert all(one.before.shape == (3, 64, 64, 3) for one in found)
    assert 0 < apart[CONTROL] < 3
    assert apart["skin tone"] > 10
