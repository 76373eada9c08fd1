"""Compare the engines of galleries: a file with a matrix in memory, pgvector, and Milvus Lite.

All engines answer the same queries in turn, one face at a time, by the clock: the server is another
process. "exact" and "hnsw" compare in the database, "memory" is PostgreSQL once its templates are
in memory. Without --server a server is started for the run, with the settings
that PostgreSQL comes with.

Example: python benchmarks/engines.py --sizes 10000 100000 --hnsw
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from peers import spread
from search import BATCH, CONTRACT, EACH, MEAN, normalised, pictures, templates

import mien.gallery.postgres
from mien.gallery import Gallery, is_there, open_gallery
from mien.types import Floats

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.milvus import missing as milvus_missing
from tests.milvus import running as milvus_running
from tests.postgres import running

K = 10  # people per query, as the pipeline asks for


def opened(where: str) -> tuple[Gallery, float]:
    """A gallery, and the seconds until its first answer."""
    start = time.perf_counter()
    gallery = open_gallery(where, CONTRACT, create=not is_there(where), personal=True)
    return gallery, time.perf_counter() - start


def enrol(where: str, known: Floats) -> float:
    """Enrol (N, D) vectors; return the templates of a second."""
    gallery, _ = opened(where)
    start = time.perf_counter()
    with gallery:
        for first in range(0, len(known), BATCH):
            gallery.add(templates(known, first))
    return len(known) / (time.perf_counter() - start)


def times(ask: Callable[[Floats], object], asked: Floats) -> list[float]:
    """Milliseconds of each query."""
    found = []
    for query in asked:
        start = time.perf_counter()
        ask(query[None])
        found.append(1000 * (time.perf_counter() - start))
    return found


def run(
    size: int, dimension: int, queries: int, file: str, url: str, milvus: str | None, hnsw: bool
) -> None:
    """Print one size."""
    random = np.random.default_rng(0)
    mean = normalised(random.standard_normal((1, dimension)))[0]
    centres = normalised(
        MEAN * mean
        + np.sqrt(1 - MEAN**2) * normalised(random.standard_normal((size // EACH, dimension)))
    )
    known = pictures(np.repeat(centres, EACH, axis=0), random)
    asked = pictures(centres[random.integers(0, len(centres), queries)], random)
    print(f"\n{size:,} templates of {dimension} numbers, {size // EACH:,} people, k = {K}")
    stores = {"sqlite": file, "postgresql": url, **({"milvus": milvus} if milvus else {})}
    for name, where in stores.items():
        print(f"{name}: {enrol(where, known):,.0f} templates enrolled a second")
    answers, taken = {}, {}
    places = {"sqlite": file, "exact": url, "memory": url}
    if milvus:
        places["milvus"] = milvus
    if hnsw:
        places["hnsw"] = url + "&index=hnsw"
        start = time.perf_counter()
        open_gallery(places["hnsw"], CONTRACT).close()
        print(f"postgresql: index built in {time.perf_counter() - start:.0f} s")
    for name, where in places.items():
        mien.gallery.postgres.FEW = 0 if name == "memory" else 10**9
        if name == "milvus":  # its copy is made by the first search
            start = time.perf_counter()
            with open_gallery(where, CONTRACT) as gallery:
                gallery.search(asked[:1], K)
            print(f"milvus: copy made in {time.perf_counter() - start:.0f} s")
        start = time.perf_counter()
        with open_gallery(where, CONTRACT) as gallery:
            gallery.search(asked[:1], K)
            first = time.perf_counter() - start
            taken[name] = times(lambda query, g=gallery: g.search(query, K), asked)
            answers[name] = [[h.template for h in gallery.search(q[None], K)[0]] for q in asked]
            message = (
                f"{name}: first answer after {first:.2f} s; p50 {np.median(taken[name]):.2f} ms, "
            )
            print(f"{message}p99 {np.quantile(taken[name], 0.99):.2f} ms", end="")
            if gallery.recall:
                low, high = gallery.recall.interval
                kept = np.mean(
                    [
                        len({*a} & {*b}) / K
                        for a, b in zip(answers["exact"], answers[name], strict=True)
                    ]
                )
                message = f"; recall {kept:.4f}, stated {low:.3f} to {high:.3f}"
                print(f"{message} of {gallery.recall.wanted} people", end="")
            print()
    for name in ("exact", *(["milvus"] if milvus else [])):
        assert answers["sqlite"] == answers[name], "two exact engines differ"
    for name in [*places][1:]:
        ratios = np.array(taken[name]) / np.array(taken["sqlite"])
        print(f"{name} / sqlite, query by query: {spread(ratios)}")


def main() -> None:
    """Compare all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--server", help="postgresql://...; its galleries bench_SIZE stay")
    parser.add_argument("--hnsw", action="store_true", help="also the index, which takes minutes")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        nullcontext(None) if given.server else running() as server,
        nullcontext(None) if milvus_missing() else milvus_running() as lite,
    ):
        for size in given.sizes:
            url = server.url(f"bench_{size}") if server else f"{given.server}&gallery=bench_{size}"
            file, name = f"{folder}/{size}.mien", f"bench_{size}"
            milvus = lite.url(name, f"{folder}/{size}-records.mien") if lite else None
            run(size, given.dimension, given.queries, file, url, milvus, given.hnsw)


if __name__ == "__main__":
    main()
