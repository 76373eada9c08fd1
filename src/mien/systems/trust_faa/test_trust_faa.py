"""Known answers of each section, the contract, and what is never called fair."""

import numpy as np
import pytest

from mien.audit import head_of
from mien.contracts import Samples, Scope
from mien.errors import MienError, TooFewTrialsError
from mien.media import write_image
from mien.metrics import Estimate, fit_temperature, tempered
from mien.metrics.findings import plain
from mien.service import audit
from mien.systems.trust_faa import attack, attacked
from mien.systems.trust_faa.answers import Answers, bands, group_columns, outputs, pooled
from mien.systems.trust_faa.counterfactual import CHANGES, CONTROL, Changed, changed_faces
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
from mien.systems.trust_faa.uncertainty import coverage, quantile
from mien.testing import check, noise
from mien.types import Crop, Device, Reading
from mien.zoo import load


def answers(wrong_b=0.5, count=400):
    """Two classes, two groups; group B is wrong in that share of its images, A never."""
    group = np.where(np.arange(count) % 2, "B", "A")
    truth = np.arange(count) // 2 % 2
    wrong = (group == "B") & (np.arange(count) // 4 % 10 < 10 * wrong_b)
    right = np.eye(2)[np.where(wrong, 1 - truth, truth)]
    output = 0.8 * right + 0.1
    people = np.array([f"p{k}" for k in range(count)])
    return Answers(("a", "b"), output, truth, people, {"group": group})


QUICK = ("rendered=1", "attacked=8", "steps=10", "degraded=30", "explained=4")


def test_it_keeps_the_contract_of_audits(monkeypatch):
    """With one rendered person; tests/test_cards.py renders as many as the default asks for."""
    monkeypatch.setattr(
        "mien.systems.trust_faa.audit.changed_faces",
        lambda people, crop, seed: changed_faces(1, crop, seed),
    )
    check("audit", load("trust-faa"))


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


def test_columns_are_pooled_and_unknown_ones_refused():
    values = np.array(["x"] * 40 + ["y"] * 3 + ["z"] * 2)
    assert sorted(set(pooled(values))) == ["others", "x"]
    data = Samples("toy", tuple(noise(3, 8)), {"age": ("1", "2", "3")}, ("p", "p", "q"))
    rows = np.arange(3)
    assert list(group_columns(data, rows, "age", ())) == ["person"]  # nothing else is there
    with pytest.raises(MienError, match="no column 'race' to group by; there are: person"):
        group_columns(data, rows, "age", ("race",))


def test_bands_have_about_as_many_images():
    names, count = np.unique(bands(np.arange(100.0)), return_counts=True)
    assert len(names) == 5
    assert set(count) == {20}
    assert set(bands(np.full(9, 3.0))) == {"3"}


def test_probabilities_that_do_not_sum_to_one_are_refused():
    good = Reading("t", {"a": 0.25, "b": 0.75}, "probability", "toy")
    assert outputs([good], ("a", "b"), "").tolist() == [[0.25, 0.75]]
    bad = Reading("t", {"a": 0.25, "b": 0.5}, "probability", "toy")
    with pytest.raises(MienError, match=r"sum to 0\.750"):
        outputs([good, bad], ("a", "b"), "")
    empty = Reading("t", {}, "probability", "toy")
    assert np.isnan(outputs([empty], ("a", "b"), "")).all()


def test_the_quantile_of_conformal_sets_by_hand():
    assert quantile(np.arange(1, 10) / 10, 0.8) == 0.8  # the 8th of 9: ceil(10 * 0.8)
    assert quantile(np.arange(1, 10) / 10, 0.95) == np.inf  # the 10th of 9


def test_sets_cover_as_promised_and_groups_only_with_their_own_bar(torch):  # of the lab
    from mien.systems.trust_faa import proof

    one = proof.toy(3)
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


def bright(chips):
    p = chips.reshape(len(chips), -1).mean(1) / 255
    return [{"dark": 1 - float(v), "light": float(v)} for v in p]


def pictures(count, side=16):
    chips = noise(count, side)
    chips[::2] //= 4
    return chips


def test_a_report_without_groups_says_not_assessed_and_never_fair():
    chips = pictures(80)
    labels = {"light": tuple("dark" if k % 2 == 0 else "light" for k in range(80))}
    subject = head_of(bright, task="light", size=16)
    report = plain(
        audit("trust-faa", subject, Samples("toy", tuple(chips), labels), settings=QUICK)
    )
    gates = {row["Figure"]: row for row in report["tables"][0]["rows"]}
    assert gates["error by group"]["Verdict"] == "not assessed"
    assert "not fair" in gates["error by group"][""]
    assert report["warnings"][-1].startswith("Nobody is named")
    assert report["headline"]["error rate"]["trials"] == 80


def test_numbers_are_reported_by_group_and_band():
    chips = pictures(120)
    means = chips.reshape(120, -1).mean(1)
    labels = {
        "level": tuple(f"{v:.1f}" if k else "none" for k, v in enumerate(means)),
        "half": tuple("ab"[k % 2] for k in range(120)),
    }
    subject = head_of(
        lambda c: [{"level": float(x.mean()) + 5 * (x.mean() < 64)} for x in c],
        task="level", unit="grey", size=16,
    )  # fmt: skip
    report = plain(
        audit("trust-faa", subject, Samples("toy", tuple(chips), labels), settings=QUICK)
    )
    table = next(t for t in report["tables"] if t["title"].startswith("Error by half"))
    assert [row["Group"] for row in table["rows"]] == ["a", "b"]
    assert table["rows"][0]["Error"]["value"] == pytest.approx(5, abs=0.1)
    gates = {row["Figure"]: row["Verdict"] for row in report["tables"][0]["rows"]}
    assert gates["largest gap by half"] == "fail"
    assert gates["coverage"] == "not assessed"
    assert report["headline"]["mean absolute error, grey"]["trials"] == 119  # one had no number


def test_wrong_data_are_refused():
    subject = head_of(bright, task="light", size=16)
    few = Samples("toy", tuple(pictures(5)), {"light": ("dark",) * 5})
    with pytest.raises(TooFewTrialsError, match="5 faces"):
        audit("trust-faa", subject, few)
    other = Samples("toy", tuple(pictures(40)), {"age": ("3",) * 40})
    with pytest.raises(MienError, match="no such labels; they have: age"):
        audit("trust-faa", subject, other)
    strange = Samples("toy", tuple(pictures(40)), {"light": ("blue",) * 40})
    with pytest.raises(TooFewTrialsError, match="0 images have a face and a label"):
        audit("trust-faa", subject, strange)
    two = head_of(lambda c: [{"a": 1.0, "b": 2.0}] * len(c), task="x", unit="grey", size=16)
    numbers = Samples("toy", tuple(pictures(40)), {"x": ("1",) * 40})
    with pytest.raises(MienError, match="2 values in grey"):
        audit("trust-faa", two, numbers)


def test_the_scope_limits_its_queries():
    from mien.errors import ScopeError

    subject = head_of(bright, task="light", size=16)
    data = Samples("toy", tuple(pictures(40)), {"light": ("dark", "light") * 20})
    with pytest.raises(ScopeError, match="agreed limit is 100"):
        audit("trust-faa", subject, data, scope=Scope(queries=100))


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


def test_members_are_named_in_a_file_and_serve_that_section_only(tmp_path):
    chips = pictures(80)
    paths = []
    for k, chip in enumerate(chips):
        paths.append(tmp_path / ("in" if k < 40 else "out") / f"{k}.png")
        paths[-1].parent.mkdir(exist_ok=True)
        write_image(paths[-1], chip)
    (tmp_path / "members.txt").write_text("".join(f"in/{k}.png\n" for k in range(40)))
    labels = {"light": tuple("dark" if k % 2 == 0 else "light" for k in range(80))}
    data, subject = Samples("toy", tuple(paths), labels), head_of(bright, task="light", size=16)
    settings = (*QUICK, f"members={tmp_path}/members.txt")
    report = plain(audit("trust-faa", subject, data, settings=settings))
    assert report["headline"]["error rate"]["trials"] == 40
    [row] = next(t for t in report["tables"] if t["title"].startswith("Membership"))["rows"]
    assert (row["Members"], row["Others"]) == (40, 40)
    titles = [table["title"] for table in report["tables"]]
    assert "Counterfactual faces, worst first" in titles
    assert "Attacks on single pixels" in titles
    with pytest.raises(MienError, match="cannot be read"):
        audit("trust-faa", subject, data, settings=(f"members={tmp_path}/no.txt",))
    (tmp_path / "members.txt").write_text("elsewhere.png\n")
    with pytest.raises(MienError, match="names no image"):
        audit("trust-faa", subject, data, settings=settings)


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
