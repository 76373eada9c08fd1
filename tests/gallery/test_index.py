"""The matrix in memory: exact beyond what float32 can tell, and the same in any company."""

import numpy as np
import pytest

import mien.gallery.index
from mien.gallery.index import ROWS, Index


def brute(vectors, people, query, k):
    """Rows of the k best people by cosines in double precision."""
    cosines = (vectors.astype(np.float64) * query).sum(axis=1)
    best = {}
    for row in np.argsort(-cosines, kind="stable"):
        best.setdefault(int(people[row]), int(row))
    return list(best.values())[:k]


def index_of(vectors, people):
    return Index.empty().extended(np.arange(len(vectors)) * 2 + 10, people, vectors)


def found(index, queries, k):
    return [[(number - 10) // 2 for number, _, _ in hits] for hits in index.search(queries, k)]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000, ROWS, ROWS + 1, 2 * ROWS + 77])
def test_any_number_of_rows_is_searched_like_brute_force(unit, count):
    vectors = unit(count, dimension=8)
    people = np.random.default_rng(count).integers(0, max(1, count // 3), count)
    queries = unit(5, seed=1, dimension=8)
    for k in (1, 2, 10):
        expected = [brute(vectors, people, query, k) for query in queries]
        assert found(index_of(vectors, people), queries, k) == expected


def test_many_queries_are_answered_in_pieces(unit, monkeypatch):
    monkeypatch.setattr(mien.gallery.index, "SCORES", 7 * 500)  # seven queries at a time
    vectors, people, queries = unit(500), np.arange(500) // 2, unit(40, seed=1)
    expected = [brute(vectors, people, query, 3) for query in queries]
    assert found(index_of(vectors, people), queries, 3) == expected


def test_likenesses_that_float32_cannot_tell_apart_are_told_apart(unit):
    # A thousand copies of one face, each off by a few units in the last place: float32 sums
    # round most of them to the same or to a wrongly ordered number.
    base = unit(1, dimension=128)[0]
    vectors = np.tile(base, (1000, 1))
    noise = np.random.default_rng(0).integers(-3, 4, vectors.shape).astype(np.int32)
    vectors = (vectors.view(np.int32) + noise).view(np.float32)
    people = np.arange(1000)
    queries = unit(20, seed=2, dimension=128)
    queries[0] = base
    expected = [brute(vectors, people, query, 5) for query in queries]
    naive = [np.argsort(-(vectors @ query), kind="stable")[:5].tolist() for query in queries]
    assert naive != expected  # the case is hard
    assert found(index_of(vectors, people), queries, 5) == expected


def test_copies_of_one_face_beyond_a_block_tie_in_the_order_of_their_numbers(unit):
    vectors = np.tile(unit(1, dimension=8), (ROWS + 500, 1))
    index = index_of(vectors, np.arange(len(vectors))[::-1].copy())
    assert found(index, vectors[:1], 3) == [[0, 1, 2]]


def test_one_person_with_many_templates_does_not_crowd_out_the_second(unit):
    # 999 templates of person 0 are nearer than the only one of person 1.
    vectors = np.tile(unit(1, dimension=8), (1000, 1))
    vectors[700] = -vectors[700]
    people = np.zeros(1000, dtype=np.int64)
    people[700] = 1
    assert found(index_of(vectors, people), vectors[:1], 5) == [[0, 700]]


def test_a_snapshot_does_not_change_when_the_next_one_is_made(unit):
    vectors, people = unit(300), np.arange(300)
    old = index_of(vectors[:200], people[:200])
    queries = unit(3, seed=1)
    before = found(old, queries, 4)
    longer = old.extended(np.arange(200, 300) * 2 + 10, people[200:], vectors[200:])
    ids = longer.ids[longer.ids % 4 != 2]  # every second row goes
    fewer = longer.regrouped(np.append(ids, 9999), np.append(np.full(len(ids), 7), 8))
    assert found(old, queries, 4) == before
    assert [len(hits) for hits in found(fewer, queries, 4)] == [1, 1, 1]  # all are person 7 now
    kept = (ids - 10) // 2
    expected = [[int(kept[brute(vectors[kept], kept * 0, q, 1)[0]])] for q in queries]
    assert found(fewer, queries, 4) == expected
