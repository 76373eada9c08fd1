from pathlib import Path

import numpy as np
import pytest

from mien.datasets.people import Picture
from mien.datasets.trial_pairs import Pair, Side
from mien.errors import MienError
from mien.evaluate.verification.trial_set import (
    compare_everybody,
    compare_pairs,
    compared_in,
    subset,
)


def test_everybody_against_everybody_by_brute_force(crowd):
    found, failures = crowd(12, 3, failed={(3, 1), (5, 0), (5, 2)})
    compared = compare_everybody(found, failures)
    t = compared.trials
    assert t.same.sum() == 12 * 3
    assert t.misses == 2 + 3  # two with the one of p003; all three of p005
    assert (~t.same).sum() == (33 * 32 // 2) - sum(
        a.person == b.person for i, a in enumerate(found) for b in [*found][i + 1 :]
    )
    likeness = sorted(
        float(found[a] @ found[b])
        for i, a in enumerate(found)
        for b in [*found][i + 1 :]
        if a.person != b.person
    )
    assert np.sort(t.impostors) == pytest.approx(likeness, abs=1e-6)
    assert (compared.pictures, compared.failed) == (36, 3)


def test_too_many_comparisons_are_drawn_evenly_and_told(crowd):
    found, _ = crowd(40, 2)
    every, some = compare_everybody(found), compare_everybody(found, most=500, seed=1)
    assert some.trials.impostors.size == 500
    assert some.drawn == every.trials.impostors.size
    assert some.trials.impostors.mean() == pytest.approx(every.trials.impostors.mean(), abs=0.03)
    keys = set(zip(some.trials.similarity, some.trials.first, some.trials.second, strict=True))
    assert len(keys) == some.trials.same.size  # none twice


def test_a_template_is_the_mean_of_its_faces_and_fails_only_without_any():
    a, b, c = (Picture(Path(n), p, 0) for n, p in (("a", "Ada"), ("b", "Ada"), ("c", "Bo")))
    vectors = {a: np.array([1, 0], np.float32), b: np.array([0, 1], np.float32)}
    both, none = Side("1", (a, b)), Side("2", (c,))
    one = Side("3", (b,))
    compared = compare_pairs([Pair(both, one), Pair(both, none)], vectors)
    assert compared.trials.similarity[0] == pytest.approx(np.sqrt(0.5))
    assert compared.trials.failed.tolist() == [False, True]
    assert compared.failed == 1


def scores(tmp_path, rows):
    path = tmp_path / "scores.csv"
    path.write_text("similarity,same,person_a,person_b,group\n" + rows)
    return compared_in(path)


def test_scores_of_any_matcher(tmp_path):
    compared = scores(tmp_path, "0.9,1,Ada,Ada,x\n,1,Bo,Bo,x\n0.2,0,Ada,Bo,\n")
    assert compared.trials.failed.tolist() == [False, True, False]
    assert compared.groups == ("x", "x", "")
    assert subset(compared, compared.trials.same).groups == ("x", "x")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("nan,1,Ada,Ada,\n", "line 2: similarity 'nan' is not a finite number"),
        ("0.5,1,Ada,Ada,\ninf,0,Ada,Bo,\n", "line 3"),
        ("high,1,Ada,Ada,\n", "'high'"),
        ("0.5,0,Ada,Ada,\n", "line 2: `same` must be 1"),
        ("0.5,yes,Ada,Ada,\n", "line 2: `same` must be 1"),
    ],
)
def test_scores_that_are_none_are_refused_by_line(tmp_path, rows, says):
    with pytest.raises(MienError, match=says):
        scores(tmp_path, rows)
