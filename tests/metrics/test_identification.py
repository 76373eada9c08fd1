import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import fnir, fpir, ranks


def test_by_hand():
    # Gallery: person 0 with two templates, person 1, person 2.
    likeness = np.array([[0.2, 0.9, 0.5, 0.1], [0.6, 0.1, 0.5, 0.6], [0.1, 0.2, 0.3, 0.4]])
    own, rank = ranks(likeness, [0, 0, 1, 2], [0, 1, -1])
    assert own[:2].tolist() == [0.9, 0.5]
    assert np.isnan(own[2])
    assert rank.tolist() == [1, 3, 0]
    assert fnir(own[:2], rank[:2], 0.4).tolist() == [False, True]
    assert fnir(own[:2], rank[:2], 0.4, most=3).tolist() == [False, False]
    assert fnir(own[:2], rank[:2], 0.9, most=3).tolist() == [True, True]  # a tie is rejected
    assert fpir([0.3, 0.4, 0.5], 0.4).tolist() == [False, False, True]


def test_a_tie_with_another_person_ranks_the_other_first():
    assert ranks(np.array([[0.5, 0.5]]), [0, 1], [0])[1].tolist() == [2]


def test_somebody_without_a_template_and_a_probe_without_a_face_are_misses():
    own, rank = ranks(np.array([[0.9, 0.8]]), [0, 3], [1])  # nobody has number 1
    assert np.isnan(own).all()
    assert fnir(own, rank, -1.0).all()


def test_brute_force_with_ties():
    random = np.random.default_rng(0)
    for _ in range(1000):
        gallery = random.integers(0, 4, random.integers(1, 9))
        likeness = random.integers(0, 6, (5, gallery.size)) / 5
        wanted = random.integers(-1, 6, 5)
        own, rank = ranks(likeness, gallery, wanted)
        for row, person in enumerate(wanted):
            best = {p: max(likeness[row][gallery == p]) for p in set(gallery.tolist())}
            if person not in best:
                assert np.isnan(own[row])
                assert rank[row] == 0
                continue
            assert own[row] == best[person]
            assert rank[row] == sum(v >= best[person] for v in best.values())


def test_nothing_to_search_for_is_refused():
    with pytest.raises(TooFewTrialsError, match="second images"):
        fnir([], [], 0.5)
    with pytest.raises(TooFewTrialsError, match="keep some people out"):
        fpir([], 0.5)
    with pytest.raises(MienError, match="leave out failed"):
        fpir([0.1, np.nan], 0.5)
