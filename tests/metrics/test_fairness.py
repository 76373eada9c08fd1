import math

import numpy as np
import pytest

from mien.errors import TooFewTrialsError
from mien.metrics import Clusters, Estimate, compare_groups, max_over_geometric_mean


def drawn(random, rates, people=80, each=4, shared=0.3):
    """Errors of people in groups; some people have more of them than others."""
    wrong, clusters = {}, {}
    for name, rate in rates.items():
        who = np.repeat(np.arange(people), each)
        spread = rate * (1 - rate) * shared
        scale = rate * (1 - rate) / spread - 1
        p = random.beta(rate * scale, (1 - rate) * scale, people)
        wrong[name] = random.random(who.size) < p[who]
        clusters[name] = Clusters(who)
    return wrong, clusters


def test_maximum_over_geometric_mean_by_hand():
    rates = [Estimate(0.01), Estimate(0.04)]
    assert max_over_geometric_mean(rates, ["a", "b"]).value == pytest.approx(2.0)
    none = max_over_geometric_mean([Estimate(0.0), Estimate(0.1)], ["a", "b"])
    assert math.isnan(none.value)
    assert "no error was observed in a" in none.reason


def test_a_planted_bias_is_found_and_named():
    random, found = np.random.default_rng(0), 0
    for _ in range(50):
        result = compare_groups(*drawn(random, {"a": 0.05, "b": 0.05, "c": 0.05, "d": 0.25}))
        found += "d" in result.apart and result.worst == "d"
    assert found >= 49


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_without_a_bias_a_false_alarm_comes_at_most_one_time_in_twenty(rate):
    random = np.random.default_rng(1)
    alarms = sum(
        bool(compare_groups(*drawn(random, dict.fromkeys("abcd", rate))).apart) for _ in range(800)
    )
    assert alarms <= 40  # 5 % of 800


def test_groups_of_three_people_get_no_verdict():
    random = np.random.default_rng(0)
    small = drawn(random, {"few": 0.5}, people=3)
    large = drawn(random, {"a": 0.1, "b": 0.1})
    found = compare_groups({**large[0], **small[0]}, {**large[1], **small[1]})
    assert found.small == ("few",)
    assert found.worst in ("a", "b")
    assert "No verdict about few" in found.verdict
    both = compare_groups({**small[0], "a": large[0]["a"]}, {**small[1], "a": large[1]["a"]})
    assert both.worst is None
    assert math.isnan(both.spread.value)
    assert "Add people of few" in both.verdict


def test_one_group_is_no_comparison():
    with pytest.raises(TooFewTrialsError, match="needs at least two, got a"):
        compare_groups(*drawn(np.random.default_rng(0), {"a": 0.1}))
