import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.verification import score_matrix
from mien.evaluate.verification.score_matrix import compare_all, suspects
from mien.evaluate.verification.vectors import Sample


def at(*degrees):
    turn = np.radians(degrees)
    return np.stack([np.cos(turn), np.sin(turn)], 1).astype(np.float32)


def crowd(people, pictures, width=16, seed=0):
    """Random people: pictures of one lie around a centre."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(people, 1, width))
    vectors = (1.5 * centres + random.normal(size=(people, pictures, width))).reshape(-1, width)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Sample(vectors, tuple(np.repeat([f"p{n:04d}" for n in range(people)], pictures)))


def test_four_pictures_by_hand():
    # Ada at 0 and 60 degrees, Bo at 90, Cy at 180: Ada's own cosine is 1/2.
    trials = compare_all(Sample(at(0, 90, 60, 180), ("ada", "bo", "ada", "cy")))
    assert trials.same.tolist() == pytest.approx([0.5])
    assert trials.same_person.tolist() == [0]
    cosines = [np.cos(np.radians(d)) for d in (30, 90, 90, 120, 180)]
    assert trials.different.tolist() == pytest.approx(cosines, abs=1e-6)
    pairs = list(zip(trials.first.tolist(), trials.second.tolist(), strict=True))
    assert pairs[0] == (0, 1)  # Ada at 60 and Bo at 90
    assert pairs[-1] == (0, 2)  # Ada at 0 and Cy at 180
    assert (trials.people, trials.impostors) == (3, 5)


def test_each_person_counts_once_however_many_pictures():
    trials = compare_all(Sample(at(0, 1, 2, 50, 53), ("ada", "ada", "ada", "bo", "bo")))
    sums = np.bincount(trials.same_person, trials.same_weights)
    assert sums.tolist() == pytest.approx([1.0, 1.0])


def test_blocks_give_the_same_pairs_as_a_double_loop(monkeypatch):
    monkeypatch.setattr(score_matrix, "ROWS", 7)
    sample = crowd(12, 3)
    trials = compare_all(sample)
    rows = range(len(sample.people))
    loop = [(i, j) for i in rows for j in rows if i < j]
    cosine = {(i, j): float(sample.vectors[i] @ sample.vectors[j]) for i, j in loop}
    same = [cosine[i, j] for i, j in loop if sample.people[i] == sample.people[j]]
    different = [cosine[i, j] for i, j in loop if sample.people[i] != sample.people[j]]
    assert sorted(trials.same) == pytest.approx(sorted(same), abs=1e-6)
    assert trials.different[::-1] == pytest.approx(sorted(different), abs=1e-6)
    assert (trials.first < trials.second).all()


def test_thinning_keeps_every_pair_of_the_tail_and_the_weight_of_all():
    sample = crowd(150, 2)
    whole, thin = compare_all(sample), compare_all(sample, most=5_000)
    assert len(thin.different) < len(whole.different) / 4
    assert thin.weights.sum() == pytest.approx(whole.impostors)
    tail = round(0.01 * whole.impostors)
    assert thin.different[:tail].tolist() == whole.different[:tail].tolist()
    assert thin.weights[:tail].tolist() == [1.0] * tail
    shares = np.cumsum(thin.weights) / thin.weights.sum()
    median = thin.different[np.searchsorted(shares, 0.5)]
    assert median == pytest.approx(np.median(whole.different), abs=0.01)


@pytest.mark.parametrize("people", [("ada", "ada"), ("ada", "bo")])
def test_refuses_a_sample_without_both_kinds_of_pairs(people):
    with pytest.raises(TooFewTrialsError, match="two images of some"):
        compare_all(Sample(at(0, 90), people))


def test_the_most_alike_of_different_people_come_first(monkeypatch):
    monkeypatch.setattr(score_matrix, "ROWS", 2)
    sample = Sample(at(0, 1, 40, 45, 180), ("ada", "ada", "bo", "cy", "di"))
    found = suspects(sample, most=3)
    assert [(a, b) for a, b, _ in found] == [(2, 3), (1, 2), (0, 2)]
    assert found[0][2] == pytest.approx(np.cos(np.radians(5)))
    assert len(suspects(sample, most=100)) == 9


def test_a_sample_refuses_names_that_do_not_fit_and_vectors_that_are_not_of_length_one():
    with pytest.raises(MienError, match="one name per row"):
        Sample(at(0, 90), ("ada",))
    for factor in (2.0, np.nan):
        with pytest.raises(MienError, match="of length 1"):
            Sample(factor * at(0, 90), ("ada", "bo"))
