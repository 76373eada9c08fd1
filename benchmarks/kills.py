"""Kill programs that change a gallery, at random moments, and compare what is left with promises.

Each turn starts a program that enrols, erases, changes the key or migrates, kills it after a random
time, and opens the gallery. Counted are acknowledged changes that were lost, erased people who came
back, and journals that are not one chain. The file is also migrated, to the server and to a file.

Example: python benchmarks/kills.py --kills 1000 --state kills.json
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery import open_gallery
from mien.gallery.keys import ENVIRONMENT
from mien.service.galleries import migrate_gallery

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.gallery.test_crashes import ENROL, FORGET, child, killed
from tests.milvus import Milvus
from tests.milvus import missing as milvus_missing
from tests.milvus import running as milvus_running
from tests.postgres import missing, running

CONTRACT = "toy-16:0f0f"
KEY = bytes(range(32))
REKEY = """
print("ready", flush=True)
while True:
    gallery.rekey(bytes(range(32)))
    print("key", 0, flush=True)
"""
SEARCH = """
gallery.purpose = "door"
print("ready", flush=True)
while True:
    gallery.search(face("", 1).vector[None])
    print("entry", gallery.journal.head().number, flush=True)
"""
MIGRATE = """
from mien.service.galleries import migrate_gallery
gallery.close()
print("ready", flush=True)
migrate_gallery(path, sys.argv[3])
"""


def sound(where: str) -> None:
    """Open a gallery and verify all of it."""
    with open_gallery(where, CONTRACT) as gallery:
        assert gallery.check() == []
        assert gallery.journal.verify() == []


def enrol(where: str, turns: int, chance: random.Random) -> int:
    """Kill enrolments; return the number of acknowledged templates, which are all there."""
    promised: dict[int, int] = {}
    for turn in range(turns):
        lines = killed(ENROL, where, turn * 1_000_000, turn % 3, chance.uniform(0, 0.1))
        promised.update({int(number): int(seed) for number, seed in lines})
        with open_gallery(where, CONTRACT) as gallery:
            there = {t.id: t.source for t in gallery}
            assert all(there[n] == f"{seed}.jpg" for n, seed in promised.items())
            assert gallery.journal.verify() == []
    sound(where)
    return len(promised)


def forget(where: str, turns: int, chance: random.Random) -> int:
    """Kill erasures; return the number of acknowledged ones, of whom nobody is there."""
    gone: set[str] = set()
    for turn in range(turns):
        start = (turn + 1) * 1_000_000
        lines = killed(FORGET, where, start, turn % 3, chance.uniform(0, 0.1))
        gone |= {f"Quillfeather-{int(seed):08d}" for _, seed in lines}
        with open_gallery(where, CONTRACT) as gallery:
            assert not gone & set(gallery.engine.names().values())
            assert gallery.journal.verify() == []
    sound(where)
    return len(gone)


def rekey(where: str, turns: int, chance: random.Random) -> int:
    """Kill changes of the key; the present key opens the gallery each time."""
    for _ in range(turns):
        killed(REKEY, where, 0, 1, chance.uniform(0, 0.05))
        sound(where)
    return turns


def migrate(where: str, target: str, chance: random.Random) -> int:
    """Kill one migration and finish it; both are equal. Return whether it was still at work."""
    with child(MIGRATE, where, 0, target) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.6))
        process.kill()
    if process.returncode:
        try:
            migrate_gallery(where, target)
        except GalleryError as error:  # it was complete, but its process had not ended
            if "in use already" not in str(error):
                raise
    with open_gallery(where, CONTRACT) as one, open_gallery(target, CONTRACT) as two:
        assert list(map(str, one)) == list(map(str, two))
    sound(target)
    return int(process.returncode != 0)


def journal(where: str, turns: int, chance: random.Random) -> int:
    """Kill recorded searches; return the number of acknowledged entries, which are all there."""
    promised: set[int] = set()
    for turn in range(turns):
        lines = killed(SEARCH, where, 0, turn % 3, chance.uniform(0, 0.1))
        promised |= {int(number) for _, number in lines}
        with open_gallery(where, CONTRACT) as gallery:
            assert gallery.journal.verify() == []
            assert promised <= {e.number for e in gallery.journal.entries() if e.act == "search"}
    return len(promised)


def engine_round(name: str, where: str, turns: int, chance: random.Random) -> int:
    """Kill each kind of change on one engine; return the number of kills."""
    open_gallery(where, CONTRACT, create=True, personal=True).close()
    kept = enrol(where, turns, chance)
    gone = forget(where, turns, chance)
    with open_gallery(where, CONTRACT) as gallery:
        gallery.encrypt(KEY)
    rekey(where, turns, chance)
    with open_gallery(where, CONTRACT) as gallery:
        gallery.govern(30)
    entries = journal(where, turns, chance)
    facts = f"{kept} templates and {entries} entries all there, {gone} people gone"
    print(f"{name}: {4 * turns} kills, {facts}", flush=True)
    return 4 * turns


def main() -> None:
    """Kill on all engines, in rounds, until there were enough; a stopped run is continued."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5, help="kills of each kind in one round")
    parser.add_argument("--state", type=Path, help="file that counts; given again, it goes on")
    given = parser.parse_args()
    if why := missing():
        sys.exit(why)
    os.environ[ENVIRONMENT] = KEY.hex()
    state = {"kills": 0, "rounds": 0}
    if given.state and given.state.exists():
        state = json.loads(given.state.read_text())
    with running() as server, milvus_server() as milvus:
        while state["kills"] < given.kills:
            chance = random.Random(state["rounds"])
            with tempfile.TemporaryDirectory() as folder:
                mark = f"r{state['rounds']}_{os.getpid()}"
                places = {"sqlite": f"{folder}/people.mien", "postgresql": server.url(mark)}
                if milvus:
                    places["milvus"] = milvus.url(mark, f"{folder}/records.mien")
                for name, where in places.items():
                    state["kills"] += engine_round(name, where, given.turns, chance)
                for number, target in enumerate(
                    (server.url(f"{mark}_moved"), f"{folder}/moved.mien")
                ):
                    for turn in range(given.turns):
                        there = target.replace("moved", f"moved{number}{turn}")
                        state["kills"] += migrate(places["sqlite"], there, chance)
            state["rounds"] += 1
            if given.state:
                given.state.write_text(json.dumps(state))
            print(f"{state['kills']} kills in {state['rounds']} rounds, nothing lost", flush=True)
    print(f"{state['kills']} kills, nothing lost, nothing back, each journal one chain")


@contextmanager
def milvus_server() -> Iterator[Milvus | None]:
    """A Milvus server; None if there is none."""
    if milvus_missing():
        yield None
        return
    with milvus_running() as server:
        yield server


if __name__ == "__main__":
    main()
