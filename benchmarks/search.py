"""Measure speed and exactness of a gallery search, compared with faiss and plain NumPy.

Peers: `IndexFlatIP` of faiss in float32, and the usual code of users of `face_recognition`:
Euclidean distances to one matrix that is already in memory, and an argsort over all of them.
Neither groups by person, finds names or stores anything on disk. mien and each peer answer the same
queries alternately, on one thread each. A ratio is peer time / gallery time, query by query: above
1 the gallery is faster. All times are those of the processor. Opening is that of a closed gallery
with one search; its files are in the disk cache. The vectors lie as close together as those of the
default embedder.

Example: OPENBLAS_NUM_THREADS=1 python benchmarks/search.py --sizes 10000 100000 1000000
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from peers import spread

from mien.gallery import Gallery, Template, open_gallery
from mien.gallery.sidecar import SUFFIX
from mien.types import Floats

CONTRACT = "benchmark"
K = 10  # people per query, as the pipeline asks for
EACH = 2  # templates a person
BATCH = 10_000  # templates a transaction
OPENINGS = 5  # of which the spread is printed, also of forgetting
MEAN = 0.92  # length of the mean of vectors of the default embedder, 1,201 people of LFW
NOISE = 0.6  # length of the noise between two images of one person; cosine about 0.74


def normalised(vectors: Floats) -> Floats:
    """(N, D) float32 of unit length."""
    vectors = vectors.astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def pictures(centres: Floats, random: np.random.Generator) -> Floats:
    """One noisy image of each (N, D) unit vector."""
    noise = normalised(random.standard_normal(centres.shape, dtype=np.float32))
    return normalised(centres + NOISE * noise)


def resident() -> float:
    """Memory of this process in MB; Linux only, otherwise not a number."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def templates(vectors: Floats, first: int) -> Iterator[Template]:
    """BATCH rows as templates; EACH neighbours are one person."""
    for row in range(first, min(first + BATCH, len(vectors))):
        yield Template(f"person {row // EACH}", vectors[row], CONTRACT)


def peer(known: Floats, query: Floats) -> int:
    """The nearest row, by face_recognition.face_distance and an argsort."""
    return int(np.argsort(np.linalg.norm(known - query, axis=1))[0])


def built(name: str, started: float) -> None:
    """Print how long the build of an index took, by the clock: a million takes many minutes."""
    print(f"{name}: built in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def build(known: Floats, path: Path) -> float:
    """Enrol (N, D) vectors into a new gallery; return the processor seconds."""
    start = time.process_time()
    with open_gallery(path, CONTRACT, create=True) as gallery:
        for first in range(0, len(known), BATCH):
            gallery.add(templates(known, first))
    return time.process_time() - start


def sq8(known: Floats) -> Callable[[Floats], int]:
    """Bytes instead of floats."""
    import faiss

    quantiser = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexScalarQuantizer(known.shape[1], quantiser, faiss.METRIC_INNER_PRODUCT)
    index.train(known[:100_000])
    index.add(known)
    return lambda query: int(index.search(query[None], K)[1][0, 0])


def hnsw(known: Floats) -> Callable[[Floats], int]:
    """A graph of 32 neighbours."""
    import faiss

    index = faiss.IndexHNSWFlat(known.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.add(known)
    index.hnsw.efSearch = 64
    return lambda query: int(index.search(query[None], K)[1][0, 0])


def usearch(known: Floats) -> Callable[[Floats], int]:
    """Another graph, with its own defaults."""
    from usearch.index import Index

    index = Index(ndim=known.shape[1], metric="ip", dtype="f32")
    index.add(np.arange(len(known)), known, threads=0)
    return lambda query: int(index.search(query, K, threads=1).keys[0])


# Indices that need not find the nearest row. A graph of a million takes many minutes to build.
INDICES = {"sq8": sq8, "hnsw": hnsw, "usearch": usearch}


def approximate(known: Floats, names: Sequence[str]) -> dict[str, Callable[[Floats], int]]:
    """Build some of INDICES on all cores."""
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
    found = {}
    for name in names:
        started = time.perf_counter()
        found[name] = INDICES[name](known)
        built(name, started)
    return found


def compare(
    gallery: Gallery, known: Floats, asked: Floats, indices: Sequence[str]
) -> dict[str, str]:
    """Run the same queries on mien and each peer alternately."""
    import faiss  # the peer; not needed for the rest of this module

    flat = faiss.IndexFlatIP(known.shape[1])
    flat.add(known)
    engines: dict[str, Callable[[Floats], int]] = {
        "mien": lambda query: gallery.search(query[None], k=K)[0][0].template - 1,
        "faiss": lambda query: int(flat.search(query[None], K)[1][0, 0]),
        "numpy": lambda query: peer(known, query),
        **approximate(known, indices),
    }
    faiss.omp_set_num_threads(1)
    truth = [exact(known, query) for query in asked]
    row: dict[str, str] = {}
    for other in [name for name in engines if name != "mien"]:
        times: dict[str, list[float]] = {"mien": [], other: []}
        right = dict.fromkeys(times, 0)
        for query, nearest in zip(asked, truth, strict=True):
            for name in times:
                start = time.process_time()
                found = engines[name](query)
                times[name].append(time.process_time() - start)
                right[name] += found == nearest
        for name, each in times.items():
            p50, p99 = np.percentile(each, [50, 99]) * 1e3
            row.setdefault(f"{name} ms", f"{p50:.2f} (p99 {p99:.2f})")
            row.setdefault(f"{name} right", f"{right[name] / len(asked):.3f}")
        ratios = np.array(times[other]) / np.array(times["mien"])
        low, middle, high = np.percentile(ratios, [5, 50, 95])
        row[f"{other} / mien (5-95 %)"] = f"{middle:.2f} ({low:.2f}-{high:.2f})"
    start = time.process_time()
    gallery.search(asked, k=K)
    ours = (time.process_time() - start) / len(asked)
    start = time.process_time()
    flat.search(asked, K)
    theirs = (time.process_time() - start) / len(asked)
    row["batch ms, mien / faiss"] = f"{ours * 1e3:.2f} / {theirs * 1e3:.2f}"
    return row


def shifted(vectors: Floats, mean: float) -> Floats:
    """Move (N, D) unit vectors towards one direction, so that their mean has this length."""
    direction = normalised(np.ones((1, vectors.shape[1]), dtype=np.float32))
    return normalised(mean * direction + np.sqrt(1 - mean**2) * vectors)


def measure(
    size: int, dimension: int, queries: int, mean: float, folder: Path, indices: Sequence[str]
) -> dict[str, str]:
    """Build a gallery of `size` templates, search it, and compare."""
    random = np.random.default_rng(size)
    centres = normalised(random.standard_normal((size // EACH, dimension), dtype=np.float32))
    known = pictures(np.repeat(centres, EACH, axis=0), random)
    asked = pictures(centres[random.integers(0, len(centres), queries)], random)
    known, asked = shifted(known, mean), shifted(asked, mean)
    path = folder / f"{size}.mien"
    started = time.perf_counter()
    seconds = build(known, path)
    built("mien", started)
    opened = [opening(path, asked[:1]) for _ in range(OPENINGS)]
    with open_gallery(path, CONTRACT) as gallery:
        before = resident()
        gallery.search(asked[:1], k=K)
        memory = resident() - before
        row = compare(gallery, known, asked, indices)
    path.with_name(path.name + SUFFIX).unlink(missing_ok=True)
    plain = opening(path, asked[:1])
    with open_gallery(path, CONTRACT) as gallery:
        gallery.search(asked[:1], k=K)
    forgets = []
    for number in range(OPENINGS):
        with open_gallery(path, CONTRACT) as gallery:
            start = time.process_time()
            gallery.forget(f"person {number * 7}")
            forgets.append(time.process_time() - start)
    return {
        "templates": f"{size:,}",
        **row,
        "build s": f"{seconds:.1f}",
        "open s": spread(opened, ".2f"),
        "open without index file s": f"{plain:.2f}",
        "memory MB": f"{memory:.0f}",
        "file MB": f"{path.stat().st_size / 1e6:.0f}",
        "first forget s": f"{forgets[0]:.2f}",
        "next forgets s": spread(forgets[1:], ".2f"),
    }


def opening(path: Path, query: Floats) -> float:
    """Return the processor seconds of opening a gallery and one search."""
    start = time.process_time()
    with open_gallery(path, CONTRACT, read_only=True) as gallery:
        gallery.search(query, k=K)
    return time.process_time() - start


def exact(known: Floats, query: Floats) -> int:
    """The row of the largest cosine in double precision, a block at a time."""
    best, at = -2.0, -1
    for first in range(0, len(known), 100_000):
        cosines = known[first : first + 100_000].astype(np.float64) @ query.astype(np.float64)
        if cosines.max() > best:
            best, at = float(cosines.max()), first + int(cosines.argmax())
    return at


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--mean", type=float, default=MEAN, help="0: on the whole sphere")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument(
        "--indices", nargs="+", choices=[*INDICES], default=[], help="others to compare with"
    )
    parser.add_argument("--folder", type=Path, help="where the files go; default: a temporary one")
    args = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}, "
        f"D = {args.dimension}, mean {args.mean}, {args.queries} queries, k = {K}, "
        f"{EACH} templates a person"
    )
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rows = [
            measure(n, args.dimension, args.queries, args.mean, Path(folder), args.indices)
            for n in args.sizes
        ]
    for key in rows[0]:
        print(f"{key:28}" + "".join(f"{row[key]:>26}" for row in rows))


if __name__ == "__main__":
    main()
