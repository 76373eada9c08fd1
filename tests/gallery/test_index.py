"""The matrix in memory: exact beyond what float32 can tell, and the same in any company."""

import numpy as np
import pytest

import mien.gallery.index
from mien.gallery.codes import Queries, centre_of, encode, encode_queries
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


def found(index, vectors, queries, k):
    def fetch(numbers):
        assert (np.diff(numbers) > 0).all()
        return vectors[(numbers - 10) // 2]

    hits = index.search(queries, k, fetch)
    return [[(number - 10) // 2 for number, _, _ in each] for each in hits]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000, ROWS, ROWS + 1, 2 * ROWS + 77])
def test_any_number_of_rows_is_searched_like_brute_force(unit, count):
    vectors = unit(count, dimension=8)
    people = np.random.default_rng(count).integers(1, max(2, count // 3), count)
    queries = unit(5, seed=1, dimension=8)
    for k in (1, 2, 10):
        expected = [brute(vectors, people, query, k) for query in queries]
        assert found(index_of(vectors, people), vectors, queries, k) == expected


def test_many_queries_are_answered_in_pieces(unit, monkeypatch):
    monkeypatch.setattr(mien.gallery.index, "SCORES", 7 * 500)  # seven queries at a time
    vectors, people, queries = unit(500), np.arange(500) // 2 + 1, unit(40, seed=1)
    expected = [brute(vectors, people, query, 3) for query in queries]
    assert found(index_of(vectors, people), vectors, queries, 3) == expected


def test_likenesses_that_float32_cannot_tell_apart_are_told_apart(unit):
    # A thousand copies of one face, each off by a few units in the last place: float32 sums
    # round most of them to the same or to a wrongly ordered number.
    base = unit(1, dimension=128)[0]
    vectors = np.tile(base, (1000, 1))
    noise = np.random.default_rng(0).integers(-3, 4, vectors.shape).astype(np.int32)
    vectors = (vectors.view(np.int32) + noise).view(np.float32)
    people = np.arange(1, 1001)
    queries = unit(20, seed=2, dimension=128)
    queries[0] = base
    expected = [brute(vectors, people, query, 5) for query in queries]
    naive = [np.argsort(-(vectors @ query), kind="stable")[:5].tolist() for query in queries]
    assert naive != expected  # the case is hard
    assert found(index_of(vectors, people), vectors, queries, 5) == expected


def test_copies_of_one_face_beyond_a_block_tie_in_the_order_of_their_numbers(unit):
    vectors = np.tile(unit(1, dimension=8), (ROWS + 500, 1))
    index = index_of(vectors, np.arange(1, len(vectors) + 1)[::-1].copy())
    assert found(index, vectors, vectors[:1], 3) == [[0, 1, 2]]


def test_one_person_with_many_templates_does_not_crowd_out_the_second(unit):
    # 999 templates of person 1 are nearer than the only one of person 2.
    vectors = np.tile(unit(1, dimension=8), (1000, 1))
    vectors[700] = -vectors[700]
    people = np.ones(1000, dtype=np.int64)
    people[700] = 2
    assert found(index_of(vectors, people), vectors, vectors[:1], 5) == [[0, 700]]


def test_a_snapshot_does_not_change_when_rows_are_added(unit):
    vectors, people = unit(300), np.arange(1, 301)
    old = index_of(vectors[:200], people[:200])
    queries = unit(3, seed=1)
    before = found(old, vectors, queries, 4)
    longer = old.extended(np.arange(200, 300) * 2 + 10, people[200:], vectors[200:])
    assert len(longer) == 300
    assert found(old, vectors, queries, 4) == before


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("count", [300, 2 * ROWS + 77])
def test_removed_rows_are_not_found_and_their_codes_are_overwritten(unit, count, compact):
    vectors, people = unit(count, dimension=8), np.arange(1, count + 1)
    index = index_of(vectors, people)
    blocks = index.blocks
    kept = np.flatnonzero(np.arange(count) % 3)  # every third row goes
    ids = np.append(kept * 2 + 10, 9_999_999)
    fewer = index.regrouped(ids, np.append(kept // 10 + 1, 8))
    gone = np.arange(count) % 3 == 0
    codes = np.concatenate([block.values for block in blocks], axis=1)
    assert not codes[:, gone].any()
    assert codes[:, ~gone].any(axis=0).all()
    if compact:
        fewer = fewer.compact()
        sizes = [len(block) for block in fewer.blocks]
        assert sizes[:-1] == [ROWS] * (len(sizes) - 1)
        assert sum(sizes) == len(kept)
    assert len(fewer) == len(kept)
    queries = unit(3, seed=1, dimension=8)
    expected = [
        [int(kept[row]) for row in brute(vectors[kept], kept // 10, query, 4)] for query in queries
    ]
    assert found(fewer, vectors, queries, 4) == expected


def test_an_index_without_rows_finds_nobody(unit):
    vectors = unit(5)
    index = index_of(vectors, np.arange(1, 6))
    empty = index.regrouped(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    assert found(empty, vectors, vectors[:2], 3) == [[], []]


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("dimension", [1, 2, 16, 128, 512, 2048])
def test_the_cosines_of_codes_deviate_by_no_more_than_their_bound(dimension, centred):
    random = np.random.default_rng(dimension)
    vectors = random.standard_normal((400, dimension)) ** random.choice([1, 3, 9], (400, 1))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    centre = centre_of(vectors) if centred else np.zeros(dimension, dtype=np.float32)
    codes, queries = encode(vectors, centre), encode_queries(vectors[:50], centre)
    found = np.empty((50, 400), dtype=np.float32)
    queries.similarities(codes, found)
    exact = vectors[:50].astype(np.float64) @ vectors.astype(np.float64).T
    away = np.abs(found - exact).max(axis=1)
    assert (away <= queries.bounds(codes.error, codes.radius)).all()
    assert dimension == 1 or away.max() > 1e-4  # the codes are rounded indeed


def test_a_wrong_bound_would_be_noticed(unit, monkeypatch):
    # The first pass alone does not suffice: with no margin for its error, rows are missed.
    vectors, people = unit(3000, dimension=64), np.arange(1, 3001)
    queries = unit(200, seed=1, dimension=64)
    expected = [brute(vectors, people, query, 5) for query in queries]
    index = index_of(vectors, people)
    assert found(index, vectors, queries, 5) == expected
    monkeypatch.setattr(Queries, "bounds", lambda self, error, radius: 0 * self.errors - 0.05)
    assert found(index, vectors, queries, 5) != expected


def test_a_centre_makes_the_bound_smaller_where_vectors_lie_close_together(unit):
    vectors = unit(500, dimension=128) * 0.4 + unit(1, seed=1, dimension=128) * 0.9
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    bounds = []
    for centre in (centre_of(vectors), np.zeros(128, dtype=np.float32)):
        codes = encode(vectors, centre)
        bounds.append(encode_queries(vectors, centre).bounds(codes.error, codes.radius).mean())
    assert bounds[0] < bounds[1] / 3


def test_a_vector_that_is_the_centre_is_found(unit):
    vectors = np.tile(unit(1, dimension=8), (100, 1))
    assert found(index_of(vectors, np.arange(1, 101)), vectors, vectors[:1], 2) == [[0, 1]]
