"""Measure speed and memory of `mien analyze` on films, compared with MediaPipe's face mesh.

    python benchmarks/analyze.py CLIP --peer peer/bin/python
    python benchmarks/analyze.py CLIP --minutes 10

The clip, with one face, is written again at 360 and 1080 lines. All configurations alternate
in one run: without heads, with each head alone, with people identified, with all of that; and the
peer, FaceMesh of mediapipe 0.10.21, which decodes and tracks the mesh and returns neither pose nor
gaze nor a table. It needs a separate environment, since it requires NumPy 1:

    python3 -m venv peer && peer/bin/pip install mediapipe==0.10.21

Times are processor times, all threads together, on which other work on the machine has little
effect: frames per second of processor time. The ratio is peer time / our time: above 1 we are
faster. With --minutes the clip is repeated to that length, and memory is read each minute of film.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from film_memory import repeated, resident
from peers import spread

from mien.film import Analyzer, analyze, open_analyzer
from mien.media import FilmWriter, open_film
from mien.media.turning import thumbnail
from mien.photo.heads import split_heads

PEER = """
import json, sys, time
import cv2
from mediapipe.python.solutions.face_mesh import FaceMesh
for line in sys.stdin:
    path, refined = json.loads(line)
    mesh, film = FaceMesh(refine_landmarks=refined), cv2.VideoCapture(path)
    frames, seen, start = 0, 0, time.process_time()
    while True:
        ok, frame = film.read()
        if not ok:
            break
        frames += 1
        found = mesh.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        seen += bool(found.multi_face_landmarks)
    spent = time.process_time() - start
    mesh.close()
    print(json.dumps([spent, frames, seen]), flush=True)
"""


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    words.add_argument("clip", type=Path)
    words.add_argument("--peer", help="python with mediapipe 0.10.21")
    words.add_argument("--heads", help="cards, comma-separated; default: the default ones")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--frames", type=int, default=240)
    words.add_argument("--minutes", type=float, help="read memory over a film of this length")
    chosen = words.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        if chosen.minutes:
            memory(chosen.clip, Path(folder) / "long.mkv", chosen.minutes)
            return
        for lines in (360, 1080):
            clip = Path(folder) / f"{lines}.mp4"
            scaled(chosen.clip, clip, lines, chosen.frames)
            speed(clip, lines, chosen.heads, chosen.rounds, chosen.peer)


def scaled(clip: Path, out: Path, lines: int, most: int) -> None:
    """The first frames of a clip, with `lines` lines."""
    import cv2

    with open_film(clip) as film, FilmWriter(out) as writer:
        for number, frame in enumerate(film.frames()):
            if number >= most:
                break
            height, width = frame.image.shape[:2]
            side = round(max(height, width) * lines / height)
            image = thumbnail(frame.image, side)
            if image.shape[0] < lines:
                image = cv2.resize(image, (round(width * lines / height / 2) * 2, lines))
            writer.add(image, frame.time)


def kits(heads: str | None) -> dict[str, Analyzer]:
    """The configurations to be measured."""
    names = [name for kind in split_heads(heads) for name in kind]
    found = {
        "mesh, pose, measures": open_analyzer(heads="none", landmarker="face-mesh"),
        "mesh, pose, gaze, measures": open_analyzer(heads="none"),
    }
    found |= {f"... and {name}": open_analyzer(heads=name) for name in names}
    found["... and people"] = open_analyzer(heads="none", people=True)
    found["all"] = open_analyzer(heads=",".join(names) or "none", people=True)
    return found


def speed(clip: Path, lines: int, heads: str | None, rounds: int, peer: str | None) -> None:
    """Run each configuration in turn; print frames per second of processor time, and the ratios."""
    ways = kits(heads)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    process = _peer(peer) if peer else None
    theirs: dict[bool, list[float]] = {False: [], True: []}
    frames = 0
    for number in range(rounds + 1):
        for name, kit in ways.items():
            start = time.process_time()
            table = analyze([clip], kit)
            frames = int(table.recordings["frames"][0])
            if number:  # the first round warms up
                spent[name].append(1000 * (time.process_time() - start) / frames)
        for refined in theirs if process else ():
            seconds, count, _ = _ask(process, clip, refined)
            if number:
                theirs[refined].append(1000 * seconds / count)
    print(f"{lines} lines, {frames} frames, {rounds} rounds: processor ms a frame, frames a second")
    for name, times in spent.items():
        print(f"  {name:32} {spread(times, '.2f')}  {1000 / median(times):.0f}")
    singles = [name for name in ways if name != "all"]
    slowest = max(singles, key=lambda name: median(spent[name]))
    ratios = [a / b for a, b in zip(spent["all"], spent[slowest], strict=True)]
    print(f"  all against the slowest single one ({slowest}): {spread(ratios, '.2f')}")
    for refined, times in theirs.items():
        if times:
            name = "peer, with irises" if refined else "peer, mesh alone"
            print(f"  {name:32} {spread(times, '.2f')}  {1000 / median(times):.0f}")
            for ours in ("mesh, pose, measures", "mesh, pose, gaze, measures", "all"):
                ratios = [a / b for a, b in zip(times, spent[ours], strict=True)]
                print(f"    peer time / ours ({ours}): {spread(ratios, '.2f')}")
    if process and process.stdin:
        process.stdin.close()
        process.wait()


def _peer(python: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [python, "-c", PEER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _ask(process: "subprocess.Popen[str] | None", clip: Path, refined: bool) -> list[float]:
    assert process is not None
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([str(clip), refined]) + "\n")
    process.stdin.flush()
    answer: list[float] = json.loads(process.stdout.readline())
    return answer


def memory(clip: Path, long: Path, minutes: float) -> None:
    """Print resident memory by minute of film, and the part of the table."""
    repeated(clip, long, minutes)
    read: dict[int, list[float]] = {}

    def on_step(name: str, done: int, total: int) -> None:
        if done // 60 not in read and read:
            print_minute(max(read), read[max(read)])
        read.setdefault(done // 60, []).append(resident())

    def print_minute(minute: int, values: list[float]) -> None:
        print(f"  minute {minute:3}: {median(values):.0f} MB", flush=True)

    spent = time.process_time()
    table = analyze([long], open_analyzer(heads="none", people=True), on_step=on_step)
    spent = time.process_time() - spent
    print_minute(max(read), read[max(read)])
    size = table.data.memory_usage(deep=True).sum() / 1e6
    grown = median(read[max(read)]) - median(read[1])
    print(
        f"{len(table.data):,} rows, a table of {size:.0f} MB; {grown:.0f} MB more than in minute "
        f"1; {resident():.0f} MB with the table; {spent:.0f} s of processor time"
    )


if __name__ == "__main__":
    main()
