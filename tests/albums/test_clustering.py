import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.albums.clustering import (
    FINE,
    ContradictionError,
    cluster,
    cluster_people,
    merge_bar,
)
from mien.decision import Calibration, Evidence, Point
from mien.errors import MienError
from mien.metrics import b_cubed


def evidence(cosine):
    """Zero at 0.5, one more for each 0.05."""
    return 20 * np.asarray(cosine) - 10


def grouped(vectors, evidence, **how):
    """Groups of which each pair has an evidence above 2."""
    return cluster(vectors, evidence, **{"bar": lambda pairs: 2.0, **how})


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def at(*degrees):
    """Unit vectors in the plane."""
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], 1).astype("f4")


def crowd(people, pictures, noise, seed=0, width=32):
    """Vectors of made-up people, shuffled, and who they are."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), pictures)
    random.shuffle(who)
    centres = random.standard_normal((people, width))
    return unit(centres[who] + noise * random.standard_normal((who.size, width))), who


def partition(groups):
    return {frozenset(np.flatnonzero(groups == g).tolist()) for g in np.unique(groups)}


def brute(vectors, evidence):
    """Average linkage over all pairs, the surest first, by the definition."""
    groups = [[i] for i in range(len(vectors))]
    while len(groups) > 1:
        pairs = [
            (float(evidence((vectors[a] @ vectors[b].T).mean())), i, j)
            for i, a in enumerate(groups)
            for j, b in enumerate(groups[:i])
        ]
        best, i, j = max(pairs)
        if best <= 2.0:
            break
        groups[j] += groups.pop(i)
    return {frozenset(g) for g in groups}


def test_by_hand():
    # Cosines within 10 degrees are 0.98 and more (evidence 9.7), across 80 degrees 0.17.
    assert grouped(at(80, 0, 10, 90, 5), evidence).tolist() == [0, 1, 1, 0, 1]


def test_groups_are_numbered_in_the_order_of_their_first_members():
    assert grouped(at(200, 100, 0, 100, 200), evidence).tolist() == [0, 1, 2, 1, 0]


@given(st.integers(0, 10**6), st.floats(0.05, 0.6), st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_brute_force_agrees(seed, noise, people):
    vectors, _ = crowd(people, 4, noise, seed, width=6)
    assert partition(grouped(vectors, evidence)) == brute(vectors.astype(np.float64), evidence)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_does_not_matter(seed):
    vectors, _ = crowd(12, 5, 0.4, seed)
    order = np.random.default_rng(seed).permutation(len(vectors))
    there = partition(grouped(vectors, evidence))
    back = {frozenset(order[list(group)].tolist()) for group in partition(
        grouped(vectors[order], evidence)
    )}  # fmt: skip
    assert back == there


def test_many_people_are_told_apart():
    vectors, who = crowd(300, 7, 0.35)
    score = b_cubed(grouped(vectors, evidence, bar=lambda pairs: 3.8), who, resamples=10)
    assert score.precision > 0.999
    assert score.recall > 0.98


def test_more_pictures_of_one_person_than_neighbours_are_still_one_group():
    # Eighty near-copies each of three looks of one person: the nearest are all of one look.
    vectors = unit(
        np.repeat(at(0, 20, 40), 80, 0) + np.random.default_rng(0).normal(0, 1e-3, (240, 2))
    )
    assert set(grouped(vectors, evidence)) == {0}


def test_what_cannot_be_is_not():
    vectors = at(0, 1, 2, 3)
    groups = grouped(vectors, evidence, cannot=[(0, 1), (0, 2)])
    assert groups[0] != groups[1]
    assert groups[0] != groups[2]
    assert groups[1] == groups[2]


def test_cannot_holds_for_the_groups_that_faces_have_joined():
    # 0 and 1 join first; 3 may not join 0, so it may not join 1 either.
    groups = grouped(at(0, 0.5, 40, 3), evidence, cannot=[(0, 3)])
    assert groups.tolist()[:2] == [0, 0]
    assert groups[3] != groups[1]


def test_what_must_be_is():
    groups = grouped(at(0, 90, 180), evidence, must=[(0, 2)])
    assert groups.tolist() == [0, 1, 0]


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_facts_hold_whatever_the_vectors_say(seed):
    vectors, who = crowd(6, 6, 0.5, seed)
    random = np.random.default_rng(seed)
    pairs = random.integers(0, len(who), (12, 2))
    truth = random.integers(0, 4, len(who))  # somebody else's idea of who is who
    must = [(a, b) for a, b in pairs if truth[a] == truth[b]]
    cannot = [(a, b) for a, b in pairs if truth[a] != truth[b]]
    groups = grouped(vectors, evidence, must=must, cannot=cannot)
    assert all(groups[a] == groups[b] for a, b in must)
    assert all(groups[a] != groups[b] for a, b in cannot)


@pytest.mark.parametrize("must", [[(0, 1), (1, 2)], [(2, 1), (0, 1)]])
def test_a_contradiction_names_the_two(must):
    with pytest.raises(ContradictionError, match="Faces 0 and 2 must not be in one group"):
        grouped(at(0, 90, 180), evidence, must=must, cannot=[(0, 2)])


def test_a_face_is_not_somebody_else_than_itself():
    with pytest.raises(ContradictionError, match="Faces 1 and 1"):
        grouped(at(0, 90), evidence, cannot=[(1, 1)])


def test_looks_count_as_often_as_they_are_weighted():
    # The third has cosine 0.77 to the first and 0.34 to the second, and 0.6 is needed (evidence 2):
    # the mean is 0.38 or 0.72.
    vectors = at(0, 30, -40)
    light = grouped(vectors, evidence, weights=np.float32([1, 9, 1]), must=[(0, 1)])
    heavy = grouped(vectors, evidence, weights=np.float32([9, 1, 1]), must=[(0, 1)])
    assert light.tolist() == [0, 0, 1]
    assert heavy.tolist() == [0, 0, 0]


def test_nobody_one_and_twins():
    assert grouped(np.empty((0, 8), np.float32), evidence).tolist() == []
    assert grouped(at(3), evidence).tolist() == [0]
    assert grouped(at(3, 3, 3), evidence).tolist() == [0, 0, 0]


def test_strangers_stay_alone():
    assert grouped(at(0, 90, 180, 270), evidence).tolist() == [0, 1, 2, 3]


def test_progress_rises_to_what_was_joined():
    steps = []
    grouped(at(0, 1, 2, 90), evidence, on_step=lambda *step: steps.append(step))
    assert steps == [("groups", 1, 4), ("groups", 2, 4)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vectors": np.ones((2, 2), np.float32)}, "Vector 0 does not have length 1"),
        ({"vectors": at(0, np.nan)}, "Vector 1 does not have length 1"),
        ({"vectors": np.ones(3, np.float32)}, r"shape \(N, D\), got \(3,\)"),
        ({"weights": np.float32([1, 0])}, "above 0"),
        ({"weights": np.float32([1])}, "expected 2 finite numbers above 0"),
        ({"must": [(0, 2)]}, r"Pair \(0, 2\) is not valid"),
        ({"cannot": [(-1, 0)]}, r"Pair \(-1, 0\) is not valid"),
    ],
)
def test_what_makes_no_sense_is_refused(change, words):
    given = {"vectors": at(0, 90), **change}
    with pytest.raises(MienError, match=words):
        grouped(given.pop("vectors"), evidence, **given)


CALIBRATION = Calibration(
    "toy", "toy/1/2", "eye", "nobody", 10, 10, 10**7,
    (Point(0.1, 0.3, 0.2, 0.4), Point(1e-5, 0.9, 0.85, 0.95)),
    (Evidence(1.0, -3.0), Evidence(5.0, 6.0)), 20.0, -10.0, None, "none",
)  # fmt: skip


def counted(**scores):
    """Counts of pairs by score, as of `count_scores`: s3_5=2 is two pairs of score 3.5."""
    counts = np.zeros(4000, np.int64)
    for name, number in scores.items():
        counts[int(float(name[1:].replace("_", ".")) * FINE)] = number
    return counts


def test_the_bar_rises_with_the_number_of_pairs_and_falls_with_those_that_exceed_it():
    # Of a million pairs of strangers one has a score of 6. With 20 pairs above 6, that is 5 %.
    assert merge_bar(counted(s0=10**6 - 20, s6=20), 0.05) == pytest.approx(6.0, abs=0.02)
    assert merge_bar(counted(s0=10**6 - 2, s6=2), 0.05) > 7  # nothing: 10^6 / 0.05
    assert merge_bar(counted(s0=10**3 - 2, s6=2), 0.05) == pytest.approx(4.0, abs=0.02)
    assert merge_bar(counted(s0=10**6 - 20, s6=20), 0.01) > 6.5
    assert merge_bar(counted(), 0.05) == pytest.approx(np.log10(20))


def test_people_are_grouped_at_a_promised_rate_and_doubtful_pairs_are_told():
    # 0 and 2 degrees have a score above 6; 1 and 36 degrees (cosine 0.82) one of 4.5.
    grouping = cluster_people(at(0, 2, 120, 122, 36), CALIBRATION, mixed=1e-4)
    assert grouping.labels.tolist() == [0, 0, 1, 1, 2]
    assert [pair[:2] for pair in grouping.undecided] == [(0, 2)]
    apart = cluster_people(at(0, 2, 120, 122, 36), CALIBRATION, mixed=1e-4, cannot=[(1, 4)])
    assert apart.undecided == ()
    assert cluster_people(at(), CALIBRATION).labels.size == 0
    with pytest.raises(MienError, match="share of mixed groups"):
        cluster_people(at(0), CALIBRATION, mixed=0.0)


def test_the_evidence_for_two_groups_is_that_of_the_mean_of_all_pairs():
    random = np.random.default_rng(0)
    vectors, _ = crowd(2, 4, 0.3)
    norms = np.stack([random.uniform(0, 0.3, 8), random.uniform(0.5, 2, 8)], 1)
    seen = []

    def evidence(similarity):
        seen.extend(np.ravel(similarity).tolist())
        return np.asarray(similarity) + 2e10  # nothing is hopeless

    # Two groups by constraint, which no third may join: the last evidence is that of both.
    must, cannot = (
        [(0, 1), (1, 2), (3, 4)],
        [(i, j) for i in range(8) for j in range(5, 8) if i < j],
    )
    grouped(vectors, evidence, norms=norms, bar=lambda pairs: 1e10, must=must, cannot=cannot)
    pairs = [
        (vectors[i].astype(float) @ vectors[j] - norms[k, 0]) / norms[k, 1]
        for i in range(3)
        for j in (3, 4)
        for k in (i, j)
    ]
    assert np.isclose(seen, np.mean(pairs), atol=1e-6).any()
