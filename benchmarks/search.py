"""Measure speed and exactness of a gallery search, compared with a plain NumPy search.

The peer is the usual code of users of `face_recognition`: Euclidean distances to one matrix that is
already in memory, and an argsort over all of them. It does not group by person and stores nothing
on disk. Both answer the same queries alternately; the ratio is peer time / gallery time, query by
query, so above 1 the gallery is faster.

Example: python benchmarks/search.py --sizes 10000 100000 1000000
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.gallery import Gallery, Template, open_gallery
from mien.types import Floats

CONTRACT = "benchmark"
EACH = 2  # templates a person
BATCH = 10_000  # templates a transaction
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


def build(known: Floats, path: Path) -> float:
    """Enrol (N, D) vectors into a new gallery; return the seconds."""
    start = time.perf_counter()
    with open_gallery(path, CONTRACT, create=True) as gallery:
        for first in range(0, len(known), BATCH):
            gallery.add(templates(known, first))
    return time.perf_counter() - start


def compare(gallery: Gallery, known: Floats, asked: Floats) -> dict[str, str]:
    """Run the same queries on both alternately."""
    ours, theirs, right, same = [], [], 0, 0
    for query in asked:
        start = time.perf_counter()
        hits = gallery.search(query[None], k=2)[0]
        middle = time.perf_counter()
        nearest = peer(known, query)
        theirs.append(time.perf_counter() - middle)
        ours.append(middle - start)
        truth = exact(known, query)
        right += hits[0].template == truth + 1
        same += nearest == truth
    p50, p99 = np.percentile(ours, [50, 99]) * 1e3
    peer50, peer99 = np.percentile(theirs, [50, 99]) * 1e3
    low, mid, high = np.percentile(np.array(theirs) / np.array(ours), [5, 50, 95])
    return {
        "p50 ms": f"{p50:.2f}",
        "p99 ms": f"{p99:.2f}",
        "recall@1": f"{right / len(asked):.3f}",
        "peer p50": f"{peer50:.2f}",
        "peer p99": f"{peer99:.2f}",
        "peer recall": f"{same / len(asked):.3f}",
        "ratio (5-95 %)": f"{mid:.1f} ({low:.1f}-{high:.1f})",
    }


def measure(size: int, dimension: int, queries: int, folder: Path) -> dict[str, str]:
    """Build a gallery of `size` templates, search it, and compare."""
    random = np.random.default_rng(size)
    centres = normalised(random.standard_normal((size // EACH, dimension), dtype=np.float32))
    known = pictures(np.repeat(centres, EACH, axis=0), random)
    asked = pictures(centres[random.integers(0, len(centres), queries)], random)
    path = folder / f"{size}.mien"
    built = build(known, path)
    with open_gallery(path, CONTRACT) as gallery:
        before, start = resident(), time.perf_counter()
        gallery.search(asked[:1], k=2)
        load, memory = time.perf_counter() - start, resident() - before
        row = compare(gallery, known, asked)
        start = time.perf_counter()
        gallery.search(asked, k=2)
        together = (time.perf_counter() - start) / queries
        start = time.perf_counter()
        gallery.forget("person 0")
        forget = time.perf_counter() - start
    return {
        "templates": f"{size:,}",
        **row,
        "batch ms": f"{together * 1e3:.2f}",  # a query, when all are asked at once
        "build s": f"{built:.2f}",
        "load s": f"{load:.2f}",
        "memory MB": f"{memory:.0f}",
        "file MB": f"{path.stat().st_size / 1e6:.0f}",
        "forget s": f"{forget:.2f}",
    }


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
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where the files go; default: a temporary one")
    args = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}, "
        f"D = {args.dimension}, {args.queries} queries, k = 2, {EACH} templates a person"
    )
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rows = [measure(n, args.dimension, args.queries, Path(folder)) for n in args.sizes]
    widths = {key: max(len(key), *(len(row[key]) for row in rows)) for key in rows[0]}
    print("  ".join(key.rjust(width) for key, width in widths.items()))
    for row in rows:
        print("  ".join(row[key].rjust(width) for key, width in widths.items()))


if __name__ == "__main__":
    main()
