"""Random lives of a gallery, beside the same life in plain Python and NumPy."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.gallery import Template

CONTRACT = "toy-16:0f0f"
NAMES = st.sampled_from(["Ada", "Ben", "Cy", "Dee", "Eve"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), NAMES, st.integers(1, 4), st.integers(0, 9)),
        st.tuples(st.just("forget"), NAMES),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("merge"), NAMES, NAMES),
        st.tuples(st.just("search"), st.integers(0, 9), st.integers(1, 6)),
    ),
    max_size=25,
)
# Few directions in few dimensions, so that equal vectors and equal cosines are common.
GRID = np.random.default_rng(5).integers(-1, 2, (10, 16)).astype(np.float64)
GRID = (GRID / np.linalg.norm(GRID, axis=1, keepdims=True)).astype(np.float32)


def brute(rows, query, k):
    """The k best (person, template, cosine), one a person, from (number, person, vector) rows."""
    scored = [(-float(v.astype(np.float64) @ query.astype(np.float64)), n, p) for n, p, v in rows]
    best: dict[str, tuple[float, int]] = {}
    for score, number, person in sorted((round(s, 12), n, p) for s, n, p in scored):
        best.setdefault(person, (score, number))
    return [(p, n, -s) for p, (s, n) in best.items()][:k]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_search_is_brute_force_whatever_happened_before(reopen, steps):
    reopen.count = getattr(reopen, "count", 0) + 1
    gallery, other = reopen(f"g{reopen.count}"), reopen(f"g{reopen.count}")
    rows: list[tuple[int, str, np.ndarray]] = []
    for what, *args in [*steps, ("search", 0, 6)]:
        known = {person for _, person, _ in rows}
        if what == "add":
            name, count, seed = args
            vectors = GRID[(seed + np.arange(count) * 3) % 10]
            numbers = gallery.add([Template(name, v, CONTRACT) for v in vectors])
            rows += [(n, name, v) for n, v in zip(numbers, vectors, strict=True)]
        elif what == "forget" and args[0] in known:
            gallery.forget(args[0])
            rows = [row for row in rows if row[1] != args[0]]
        elif what == "rename" and args[0] in known and args[1] not in known:
            gallery.rename(*args)
            rows = [(n, args[1] if p == args[0] else p, v) for n, p, v in rows]
        elif what == "merge" and args[0] != args[1] and {*args} <= known:
            gallery.merge(*args)
            rows = [(n, args[1] if p == args[0] else p, v) for n, p, v in rows]
        elif what == "search":
            query, k = GRID[args[0]], args[1]
            expected = brute(rows, query, k)
            for asked in (gallery, other):  # `other` learns only from the store
                (hits,) = asked.search(query[None], k)
                assert [(h.person, h.template) for h in hits] == [e[:2] for e in expected]
                np.testing.assert_allclose(
                    [h.similarity for h in hits], [e[2] for e in expected], atol=1e-12
                )
    assert sorted(row[0] for row in rows) == [t.id for t in gallery]
    gallery.close()
    other.close()
