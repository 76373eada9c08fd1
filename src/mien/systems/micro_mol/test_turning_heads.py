"""Films of turning heads: scripts, candidates without blinks, and one short run."""

from itertools import pairwise

import numpy as np
import pytest

from mien.systems.micro_mol import turning_heads


def test_scripts_are_the_same_for_a_person_and_movements_do_not_meet():
    one, again, other = (turning_heads.script(person) for person in (3, 3, 4))
    assert one.events == again.events
    assert one.events != other.events
    for person in range(20):
        given = turning_heads.script(person)
        spans = sorted(given.spans("micro") + given.spans("macro"))
        assert all(a[1] + 0.69 < b[0] for a, b in pairwise(spans))
        assert all(0.17 < b - a <= 0.5 for a, b in given.spans("micro"))
        assert all(e.peak <= 0.3 for e in given.events if e.kind == "micro")
        assert {e.kind for e in given.take.timeline.events} <= {"blink"}


def test_a_candidate_is_left_out_in_a_blink_only():
    score = 0.01 * np.abs(np.random.default_rng(0).normal(size=300))
    score[100:110] += np.hanning(12)[1:-1]
    rule = (turning_heads.FLOOR, turning_heads.STANDS)
    [found] = turning_heads.decoded(score, rule, [])
    assert 99 <= found.onset < found.offset <= 110
    assert turning_heads.decoded(score, rule, [(3.4, 3.5)]) == []
    assert turning_heads.decoded(score, rule, [(4.4, 4.5)]) == [found]
    assert turning_heads.decoded(score, (2.0, turning_heads.STANDS), []) == []


@pytest.mark.slow
def test_one_person_of_two_seconds_runs(torch, tmp_path, monkeypatch):
    from mien.systems.micro_mol import turning_proof

    monkeypatch.setattr(turning_heads, "PEOPLE", 1)
    monkeypatch.setattr(turning_heads, "SECONDS", 2.0)
    seen = turning_proof.Seen(tmp_path)
    found = {arm: turning_proof.turned(arm, 0, seen) for arm in turning_heads.ARMS}
    assert seen.of(0)["scores"].shape == (1, 3, len(turning_heads.ARMS), 60)
    assert all(set(one) == {"F1", "false", "clear", "still", "alone"} for one in found.values())
