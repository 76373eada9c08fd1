"""Known answers of fairness, uncertainty, gates, explanations and membership."""

import numpy as np
import pytest

from mien.metrics import Estimate, fit_temperature, tempered
from mien.systems.trust_faa import attacked
from mien.systems.trust_faa.answers import Answers
from mien.systems.trust_faa.fairness import compare, permutation, recall_gap
from mien.systems.trust_faa.gates import (
    calibration_gate,
    coverage_gate,
    fairness_gate,
    not_assessed,
    risk_of,
)
from mien.systems.trust_faa.membership import membership
from mien.systems.trust_faa.robustness import deletion, leakage, patches
from mien.systems.trust_faa.toys import toy
from mien.systems.trust_faa.uncertainty import coverage, quantile


def answers(wrong_b=0.5, count=400):
    """Two classes, two groups; group B is wrong in that share of its images, A never."""
    group = np.where(np.arange(count) % 2, "B", "A")
    truth = np.arange(count) // 2 % 2
    wrong = (group == "B") & (np.arange(count) // 4 % 10 < 10 * wrong_b)
    right = np.eye(2)[np.where(wrong, 1 - truth, truth)]
    output = 0.8 * right + 0.1
    people = np.array([f"p{k}" for k in range(count)])
    return Answers(("a", "b"), output, truth, people, {"group": group})


def test_a_gap_is_found_with_the_worst_group_first():
    found = compare(answers(), "group", 0)
    assert list(found.errors) == ["B", "A"]
    assert found.errors["B"].value == pytest.approx(0.5)
    assert found.gap.value == pytest.approx(0.5)
    assert 0.4 < found.gap.low < 0.5 < found.gap.high < 0.6
    assert found.p == pytest.approx(0.001)  # the observed one of 1000 draws
    assert found.unit == "people"
    assert found.recall_gap == pytest.approx(0.5, abs=0.05)


def test_without_a_gap_none_is_found_and_small_groups_are_not_compared():
    assert compare(answers(0.0), "group", 0).p == 1
    few = answers().rows(np.arange(400) < 50)
    assert compare(few, "group", 0) is None


def test_where_groups_are_people_images_are_drawn():
    one = answers(0.4, 200)
    people = np.repeat([f"p{k}" for k in range(4)], 50)
    mine = Answers(one.classes, one.output, one.truth, people, {"person": people})
    found = compare(mine, "person", 0)
    assert found.unit == "images"
    assert found.gap.low <= found.gap.value <= found.gap.high
    loss = np.tile([0.0, 1.0], 100)
    people = np.repeat(["p", "q"], 100)
    assert permutation(loss, people, people, 0)[1] == "images"
    assert permutation(loss, people, people, 0)[0] == 1  # both have a mean of 0.5


def test_recall_needs_ten_images_of_a_class():
    one = answers()
    assert recall_gap(one.rows(np.arange(400) < 30), one.groups["group"][:30], ["A", "B"]) is None


def test_the_quantile_of_conformal_sets_by_hand():
    assert quantile(np.arange(1, 10) / 10, 0.8) == 0.8  # the 8th of 9: ceil(10 * 0.8)
    assert quantile(np.arange(1, 10) / 10, 0.95) == np.inf  # the 10th of 9


def test_sets_cover_as_promised_and_groups_only_with_their_own_bar():
    one = toy(3)
    shared = coverage(one, 0.9, 0, "group", mondrian=False)
    own = coverage(one, 0.9, 0, "group", mondrian=True)
    assert shared.all.value == pytest.approx(0.9, abs=0.03)
    assert next(iter(shared.groups)) == "B"
    assert shared.groups["B"].value < 0.85 < own.groups["B"].value


def test_a_temperature_is_recovered():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 3))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (p.cumsum(1) > rng.random((4000, 1))).argmax(1)
    assert fit_temperature(tempered(p, 0.5), truth) == pytest.approx(2, abs=0.15)
    assert tempered(p, 1) == pytest.approx(p, abs=1e-6)


def test_gates_by_hand():
    sure, unsure = Estimate(0.2, 0.1, 0.3, 9, 9), Estimate(0.2, 0.01, 0.3, 9, 9)
    verdicts = [
        fairness_gate("x", sure, 0.01, 0.05).verdict,
        fairness_gate("x", sure, 0.2, 0.05).verdict,
        fairness_gate("x", unsure, 0.01, 0.05).verdict,
        fairness_gate("x", sure, 0.01, 0.25).verdict,
        calibration_gate(Estimate(0.07)).verdict,
        coverage_gate("x", "B", Estimate(0.8, 0.7, 0.85), 0.9).verdict,
        coverage_gate("x", "B", Estimate(0.8, 0.7, 0.9), 0.9).verdict,
    ]
    assert verdicts == ["fail", "warn", "warn", "pass", "warn", "fail", "warn"]
    open_ = not_assessed("Fairness", "error by group", "no groups")
    assert risk_of([open_]).reason.endswith("1 gates were not assessed.")
    assert risk_of([fairness_gate("x", sure, 0.01, 0.05), open_]).level == "high"


def test_a_map_that_marks_what_counts_is_better_than_chance():
    side = 28
    chips = np.full((3, side, side, 3), 200, np.uint8)
    chips[:, :4, :4] = 20  # the answer rests on one patch alone

    def corner(x):
        return 1 - x[:, :4, :4].mean((1, 2, 3))[:, None] / 255

    assert (deletion(corner, chips, np.zeros(3, int), 0) > 0.1).all()
    flat = deletion(lambda x: np.ones((len(x), 1)), chips, np.zeros(3, int), 0)
    assert flat == pytest.approx(0)
    assert patches(10).sum(0).min() == patches(10).sum(0).max() == 1  # each pixel in one patch


def test_a_probe_finds_a_group_that_the_answers_give_away_and_no_other():
    rng = np.random.default_rng(0)
    group = np.where(rng.random(600) < 0.3, "B", "A")
    output = rng.random((600, 2)) * 0.2
    output[:, 0] += 0.5 * (group == "B")
    people = np.arange(600).astype(str)
    report = Answers(("a", "b"), output, np.zeros(600, int), people, {"g": group})
    assert leakage(report, "g", 0).value > 0.9
    mute = Answers(("a", "b"), rng.random((600, 2)), np.zeros(600, int), people, {"g": group})
    assert leakage(mute, "g", 0).low < 0.5 < leakage(mute, "g", 0).high + 0.05
    assert leakage(report.rows(np.arange(600) < 20), "g", 0) is None


def members_of(sure):
    """300 members whose labels are given 0.9, or like others, and 300 others."""
    rng = np.random.default_rng(3)
    given = rng.uniform(0.4, 0.95, 600)
    given[:300] = np.maximum(given[:300], 0.9) if sure else given[:300]
    output = np.column_stack([given, 1 - given])
    people = np.arange(600).astype(str)
    inside = np.arange(600) < 300
    return Answers(("a", "b"), output, np.zeros(600, int), people, {}), inside


def test_membership_shows_in_the_loss_of_a_head_that_remembers():
    answers, inside = members_of(sure=True)
    found = membership(answers.rows(inside), answers.rows(~inside), 0)
    assert found.area.value > 0.85
    assert found.area.low < found.area.value < found.area.high
    tables, gates = [], []
    attacked.members(answers, inside, 0, tables, gates)
    assert gates[0].verdict == "warn"
    answers, inside = members_of(sure=False)
    found = membership(answers.rows(inside), answers.rows(~inside), 0)
    assert found.area.low < 0.5 < found.area.high
    assert found.found.value < 0.05
