"""Kills, full disks and several processes: whatever was acknowledged is there afterwards."""

import os
import random
import subprocess
import sys
import time

import pytest

from mien.gallery import open_gallery

pytestmark = pytest.mark.slow

CONTRACT = "toy-16:0f0f"
KILLS = int(os.environ.get("MIEN_KILLS", "20"))  # set it to 500 for a long run
PRELUDE = """
import hashlib, sys
import numpy as np
from mien.errors import GalleryError
from mien.gallery import Template, open_gallery

def face(name, seed):
    v = np.random.default_rng(seed).standard_normal(16)
    digest = hashlib.sha256(str(seed).encode()).hexdigest()
    vector = (v / np.linalg.norm(v)).astype(np.float32)
    return Template(name, vector, "toy-16:0f0f", source=f"{seed}.jpg", source_digest=digest)

path, start = sys.argv[1], int(sys.argv[2])
gallery = open_gallery(path, "toy-16:0f0f", create=True)
"""
ENROL = """
print("ready", flush=True)
for seed in range(start, start + 100_000):
    (number,) = gallery.add([face(f"p{seed % 7}", seed)])
    print(number, seed, flush=True)
"""
FORGET = """
print("ready", flush=True)
for seed in range(start, start + 100_000):
    gallery.add([face(f"Quillfeather-{seed:08d}", seed)])
    if seed % 3 == 0:
        receipt = gallery.forget(f"Quillfeather-{seed:08d}")
        assert receipt.complete
        print("forgot", seed, flush=True)
"""
FILL = """
import os, resource
limit = int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
done = []
try:
    for seed in range(100_000):
        done += gallery.add([face(f"p{seed}", seed)])
except GalleryError as error:
    print(error)
print(len(done), len(gallery), gallery.check())
best = gallery.search(face("", 0).vector[None])[0][0]
print(best.person, best.template)
"""
COUNT = """
for seed in range(start, start + 50):
    print(*gallery.add([face(f"p{seed}", seed)]), seed, flush=True)
gallery.close()
"""


def child(script, *args):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PRELUDE + script, *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def killed(script, path, start, told, delay):
    """Run a child, kill it without warning a while after so many lines; return its lines."""
    with child(script, path, start) as process:
        assert process.stdout.readline() == "ready\n"
        lines = [process.stdout.readline() for _ in range(told)]
        time.sleep(delay)
        process.kill()
        lines += process.stdout.read().splitlines(keepends=True)
    return [line.split() for line in lines if line.endswith("\n")]  # a torn line is no promise


def test_a_kill_never_loses_what_was_acknowledged(tmp_path):
    path, chance, promised = tmp_path / "people.mien", random.Random(1), {}
    for turn in range(KILLS):
        lines = killed(ENROL, path, turn * 1_000_000, turn % 3, chance.uniform(0, 0.08))
        promised.update({int(number): int(seed) for number, seed in lines})
        with open_gallery(path, CONTRACT) as gallery:
            assert gallery.check() == []
            there = {t.id: (t.person, t.source) for t in gallery}
            for number, seed in promised.items():
                assert there[number] == (f"p{seed % 7}", f"{seed}.jpg")
            assert len(there) - len(promised) <= turn + 1  # at most the one that was under way
    assert len(promised) >= sum(turn % 3 for turn in range(KILLS))


def test_a_kill_while_forgetting_leaves_no_bytes_after_the_next_opening(tmp_path):
    path, chance, forgotten = tmp_path / "people.mien", random.Random(2), 0
    for turn in range(max(6, KILLS // 3)):
        start = (turn + 1) * 1_000_000
        killed(FORGET, path, start, turn % 3, chance.uniform(0, 0.1))
        with open_gallery(path, CONTRACT) as gallery:
            known = {person.name for person in gallery.people()}
            assert gallery.check() == []
            data = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        for seed in range(start, start + 300):
            name = f"Quillfeather-{seed:08d}"
            assert (name in known) == (name.encode() in data)
            forgotten += seed % 3 == 0 and name not in known
    assert forgotten


def test_processes_that_create_and_write_at_once_all_succeed(tmp_path, face):
    path = tmp_path / "people.mien"
    children = [child(COUNT, path, 1000 * i) for i in range(4)]
    lines = [line.split() for process in children for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in children] == [0] * 4
    with open_gallery(path, CONTRACT) as gallery:
        there = {t.id: t.source for t in gallery}
        assert there == {int(number): f"{seed}.jpg" for number, seed in lines}
        assert len(there) == 200
        assert gallery.check() == []


def fill(path, limit):
    with child(FILL, path, 0, limit) as process:
        complaint, counts, best = process.stdout.read().splitlines()
    assert process.returncode == 0
    done, there, faults = counts.split(" ", 2)
    assert int(done) > 20
    assert (done, faults, best) == (there, "[]", "p0 1")
    return complaint, int(done)


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_a_file_that_may_not_grow_loses_nothing(tmp_path):
    complaint, done = fill(tmp_path / "people.mien", 1_000_000)
    assert "This change was not stored" in complaint
    with open_gallery(tmp_path / "people.mien", CONTRACT) as gallery:
        assert len(gallery) == done


def test_a_full_disk_is_a_sentence_and_loses_nothing(small_disk):
    complaint, done = fill(small_disk / "people.mien", 0)
    assert "because the disk is full" in complaint
    with open_gallery(small_disk / "people.mien", CONTRACT) as gallery:
        assert (len(gallery), gallery.check()) == (done, [])
