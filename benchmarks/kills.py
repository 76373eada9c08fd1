"""Kill programs that change a gallery, at random moments, and compare what is left with promises.

Each turn starts a program that enrols, erases, changes the key or migrates, kills it after a random
time, and opens the gallery. Counted are acknowledged changes that were lost, erased people who came
back, and journals that are not one chain. The file is also migrated to the server and back.

Example: python benchmarks/kills.py --turns 250
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery import open_gallery
from mien.gallery.keys import ENVIRONMENT
from mien.service.galleries import migrate_gallery

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.gallery.test_crashes import ENROL, FORGET, child, killed
from tests.postgres import missing, running

CONTRACT = "toy-16:0f0f"
KEY = bytes(range(32))
REKEY = """
print("ready", flush=True)
while True:
    gallery.rekey(bytes(range(32)))
    print("key", 0, flush=True)
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


def main() -> None:
    """Kill on both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=100, help="kills of each kind")
    given = parser.parse_args()
    if why := missing():
        sys.exit(why)
    os.environ[ENVIRONMENT] = KEY.hex()
    chance, kills = random.Random(0), 0
    with tempfile.TemporaryDirectory() as folder, running() as server:
        places = {"sqlite": f"{folder}/people.mien", "postgresql": server.url("people")}
        for name, where in places.items():
            open_gallery(where, CONTRACT, create=True, personal=True).close()
            acknowledged = enrol(where, given.turns, chance)
            print(f"{name}: {given.turns} kills, {acknowledged} templates, all there", flush=True)
            erased = forget(where, given.turns, chance)
            print(f"{name}: {given.turns} kills, {erased} people erased, none there", flush=True)
            with open_gallery(where, CONTRACT) as gallery:
                gallery.encrypt(KEY)
            rekey(where, given.turns, chance)
            print(f"{name}: {given.turns} kills of a new key", flush=True)
            kills += 3 * given.turns
        for name, target in (
            ("sqlite to postgresql", server.url("moved")),
            ("sqlite to sqlite", f"{folder}/moved"),
        ):
            turns = range(given.turns // 2)
            count = sum(migrate(places["sqlite"], f"{target}_{turn}", chance) for turn in turns)
            print(f"{name}: {count} kills, equal at the end", flush=True)
            kills += count
    print(f"{kills} kills, nothing lost, nothing back, each journal one chain")


if __name__ == "__main__":
    main()
