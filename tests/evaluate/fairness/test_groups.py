from pathlib import Path

import numpy as np
import pytest

from mien.datasets.labels import Labelled
from mien.errors import MienError
from mien.evaluate.fairness.groups import (
    DetectionOutcome,
    failures_by_group,
    groups_in,
    rates_by_group,
    with_groups,
)
from mien.evaluate.verification.trial_set import compare_everybody
from mien.metrics.findings import plain


def looked(count, rates, seed=0):
    random = np.random.default_rng(seed)
    made = []
    for group, rate in rates.items():
        for k in range(count):
            picture = Labelled(Path(f"{group}{k}"), labels={"race": group, "age": str(20 + k % 50)})
            found = random.random() >= rate
            made.append(
                DetectionOutcome(
                    picture,
                    found,
                    ("Hold still", "Move the camera")
                    if found and k % 3 == 0
                    else ("Move the camera",),
                )
            )
    return made


def test_a_group_whose_faces_are_missed_is_named():
    told = plain(
        failures_by_group(looked(200, {"a": 0.05, "b": 0.3, "c": 0.05}), ["race"], data="x")
    )
    assert next(iter(told["headline"])) == "no face, by race; worst: b"
    rows = {row["race"]: row for row in told["tables"][0]["rows"]}
    assert rows["b"]["No face found"]["value"] == pytest.approx(0.3, abs=0.08)
    advised = rows["a"]["Advice on light, pose or focus"]
    assert advised["value"] == pytest.approx(1 / 3, abs=0.05)  # framing is not in it
    advice = {row["Advice"]: row["a"] for row in told["tables"][1]["rows"]}
    assert advice["Move the camera"] == 1


def test_ages_become_bands_and_small_groups_get_no_verdict():
    made = [*looked(100, {"a": 0.1, "b": 0.1}), *looked(3, {"few": 0.9})]
    told = plain(failures_by_group(made, ["age", "race"], data="x"))
    assert [row["age"] for row in told["tables"][0]["rows"]] == ["20-39", "40-59", "60+"]
    few = next(t for t in told["tables"] if t["title"] == "By race")["rows"][-1]
    assert few["race"] == "few"
    findings = failures_by_group(made, ["race"], data="x")
    assert "No verdict about few" in findings.tables[0].caption


def test_a_label_that_nobody_has_is_told():
    with pytest.raises(MienError, match="No image has a label 'gender'; there are age, race"):
        failures_by_group(looked(5, {"a": 0.1}), ["gender"], data="x")


def test_error_rates_by_group_with_impostors_of_the_group(tmp_path, crowd):
    found, failures = crowd(80, 3, noise=0.9)
    table = tmp_path / "groups.csv"
    table.write_text(
        "person,group\n"
        + "".join(f"p{k:03d},{'even' if k % 2 == 0 else 'odd'}\n" for k in range(80))
    )
    compared = with_groups(compare_everybody(found, failures), table)
    told = plain(rates_by_group(compared, 0.5, "x", data="a crowd"))
    within, missed = told["tables"][0]["rows"], told["tables"][1]["rows"]
    assert [row["Comparisons"] for row in within] == [40 * 39 // 2 * 9] * 2
    assert [row["Comparisons"] for row in missed] == [40 * 3] * 2
    table.write_text("person,group\nnobody,x\n")
    with pytest.raises(MienError, match="names none of these 80 people"):
        with_groups(compared, table)
    table.write_text("person,group\nAda,x\nAda,y\n")
    with pytest.raises(MienError, match="line 3: Ada is in the groups x and y"):
        groups_in(table)
