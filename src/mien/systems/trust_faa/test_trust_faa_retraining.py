"""The commands that a report names are those that `mien train` takes."""

from mien.metrics import Estimate
from mien.systems.trust_faa.gates import counterfactual_gate, fairness_gate
from mien.systems.trust_faa.retraining import MITIGATIONS, retraining, trains_with_groups
from mien.zoo import find_system

GAP = Estimate(4.0, 2.0, 6.0, 100, 100)
GATES = [
    fairness_gate("largest gap by race", GAP, 0.01, 1.0),
    fairness_gate("largest gap by age band", GAP, 0.01, 1.0),
    fairness_gate("largest gap by person", GAP, 0.01, 1.0),
    fairness_gate("largest gap by gender", GAP, 0.01, 9.0),  # passes
    counterfactual_gate("skin tone", GAP, 1.0),
]
COLUMNS = ["race", "gender", "person", "age band"]


def test_groups_that_fail_are_told_with_the_command():
    table = retraining("age-fahr", GATES, COLUMNS, "number")
    assert [(row[0], row[2].split("--set ", 1)[1]) for row in table.rows] == [
        (group, f"mitigate={kind} --set group={group}")
        for group in ("race", "tone")
        for kind in MITIGATIONS
    ]
    assert all(row[2].startswith("mien train age-fahr --data ") for row in table.rows)
    assert table.rows[0][1] is GAP


def test_nothing_is_named_where_no_command_exists_or_nothing_failed():
    assert retraining("head", GATES, COLUMNS, "rate") is None  # a user's own callable
    assert retraining("mtcnn", GATES, COLUMNS, "rate") is None
    assert retraining("age-fahr", GATES[1:4], COLUMNS, "rate") is None


def test_the_settings_exist(torch):
    from mien.train.commands import config_of
    from mien.train.grouped import DRAWS

    assert set(MITIGATIONS) < set(DRAWS)
    for name in ("age-fahr", "expression", "expression-convcut", "gender-disparity"):
        assert trains_with_groups(name)
        config = config_of(find_system(name), ["mitigate=oversampling", "group=race"])
        assert (config.mitigate, config.group) == ("oversampling", "race")
    assert not trains_with_groups("liveness-texture")
