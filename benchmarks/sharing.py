"""Eight programs write and eight read one gallery at once: errors, lost updates, and the journal.

Each writer enrols, renames and erases people of its own, and each reader searches. At the end,
every acknowledged change must be there.

Example: python benchmarks/sharing.py --seconds 60
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mien.gallery import open_gallery

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.gallery.test_crashes import PRELUDE
from tests.milvus import missing as milvus_missing
from tests.milvus import running as milvus_running
from tests.postgres import missing, running

CONTRACT = "toy-16:0f0f"
WRITE = """
import time
end, kept = time.monotonic() + float(sys.argv[3]), []
seed = start
while time.monotonic() < end:
    seed += 1
    [number] = gallery.add([face(f"w{start}-{seed}", seed)])
    if seed % 7 == 0:
        assert gallery.forget(f"w{start}-{seed}").people == 1
    elif seed % 7 == 1:
        gallery.rename(f"w{start}-{seed}", f"r{start}-{seed}")
        kept.append((number, f"r{start}-{seed}"))
    else:
        kept.append((number, f"w{start}-{seed}"))
gallery.close()
print(seed - start)
for number, name in kept:
    print(number, name)
"""
READ = """
import time
end, asked = time.monotonic() + float(sys.argv[3]), 0
while time.monotonic() < end:
    seed = start + 1 + asked % 50
    for hits in gallery.search(face("", seed).vector[None], 3):
        assert len({hit.person for hit in hits}) == len(hits)
    asked += 1
gallery.close()
print(asked)
"""
EACH = 8


def run(where: str, seconds: float) -> str:
    """Run all programs; return what they did."""
    open_gallery(where, CONTRACT, create=True, personal=True).close()
    start = time.perf_counter()
    programs = [
        subprocess.Popen(
            [
                sys.executable,
                "-W",
                "error",
                "-c",
                PRELUDE + script,
                where,
                str(first),
                str(seconds),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for script in (WRITE, READ)
        for first in (1_000_000 * n for n in range(EACH))
    ]
    answers = [program.communicate()[0].splitlines() for program in programs]
    codes = [program.returncode for program in programs]
    assert codes == [0] * len(codes), f"exit codes {codes}"
    promised = {}
    for lines in answers[:EACH]:
        promised |= {int(n): name for n, name in (line.split() for line in lines[1:])}
    with open_gallery(where, CONTRACT) as gallery:
        there = {one.id: one.person for one in gallery}
        assert there == promised, f"{len(there.items() ^ promised.items())} differ"
        assert (gallery.check(), gallery.journal.verify()) == ([], [])
        entries = gallery.journal.head().number
    changes = sum(int(lines[0]) for lines in answers[:EACH])
    asked = sum(int(lines[0]) for lines in answers[EACH:])
    seconds = time.perf_counter() - start
    return f"{changes} enrolments, {entries} entries, {asked} searches in {seconds:.0f} s, no error"


def main() -> None:
    """Run on all engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    if why := missing():
        sys.exit(why)
    with tempfile.TemporaryDirectory() as folder, running() as server:
        places = {"sqlite": f"{folder}/people.mien", "postgresql": server.url("people")}
        for name, where in places.items():
            print(f"{name}: {run(where, given.seconds)}", flush=True)
        if why := milvus_missing():
            sys.exit(f"milvus: {why}")
        with milvus_running() as milvus:
            where = milvus.url("people", f"{folder}/records.mien")
            print(f"milvus: {run(where, given.seconds)}", flush=True)


if __name__ == "__main__":
    main()
