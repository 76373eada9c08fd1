"""Measure whether our tracker keeps rendered people apart who walk past each other.

Each film is a scene of `mien synth group --kind crossing`: two people cross in the middle, one
hides the other for some frames, and a third one stands behind. Faces of which others hide more
than half are not asked for. Results on rendered people are not accuracy on people.

Example: python benchmarks/crossings.py --films 20 --keep crossings/
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from track import answers, report

from mien.media import Frame, open_film
from mien.metrics import wilson
from mien.metrics.tracking import TrackingScores, score_tracking
from mien.photo import open_pipeline
from mien.synth import open_head
from mien.synth.data.group_film import GroupTruth, read_group, record_group
from mien.synth.data.groups import random_group

SEEN = 0.5  # share of a face that is asked for
SEED, PEOPLE, RATE, SIZE = 200, 3, 8.0, (360, 640)
Rows = list[tuple[np.ndarray, list[str]]]


def rendered(folder: Path, seed: int) -> Path:
    """The film of a seed, rendered if it is not there."""
    path = folder / f"{seed}.mp4"
    if not path.is_file():
        group = random_group(seed, PEOPLE, "crossing", rate=RATE, size=SIZE)
        record_group(group, group.cast(open_head("builtin")), path)
    return path


def boxes_of(truth: GroupTruth) -> Rows:
    """Boxes of the faces that can be seen, and whose they are, frame by frame."""
    rows: Rows = []
    for number in range(len(truth.times)):
        wholes = [one.whole for one in truth.people if one.whole is not None]
        seen = [k for k, whole in enumerate(wholes) if whole.share[number] >= SEEN]
        boxes = np.array([wholes[k].box[number] for k in seen], np.float32).reshape(-1, 4)
        rows.append((boxes, [str(k) for k in seen]))
    return rows


def kept_apart(truth: Rows, answer: Rows) -> tuple[bool, bool]:
    """Whether both who cross are found before and after, and have their own names throughout."""
    cut, names = len(truth) // 2, []
    for part in (slice(0, cut - 4), slice(cut + 4, None)):
        for person in ("0", "1"):
            marks: Counter[str] = Counter()
            for (boxes, who), (found, marked) in zip(truth[part], answer[part], strict=True):
                if person in who and len(found):
                    middle = boxes[who.index(person)].reshape(2, 2).mean(0)
                    apart = np.abs(found.reshape(-1, 2, 2).mean(1) - middle).max(1)
                    wide = np.ptp(boxes[who.index(person)][[0, 2]])
                    if apart.min() < wide / 2:
                        marks[marked[int(apart.argmin())]] += 1
            names.append(marks.most_common(1)[0][0] if marks else "")
    found = all(names)
    return found, found and names[:2] == names[2:] and names[0] != names[1]


def main() -> None:
    """Render, track, compare and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--films", type=int, default=20)
    words.add_argument("--keep", type=Path, help="folder that keeps the films")
    asked = words.parse_args()
    pipeline = open_pipeline()
    results: dict[str, list[TrackingScores]] = {}
    apart: dict[str, list[tuple[bool, bool]]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = asked.keep or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(SEED, SEED + asked.films):
            path = rendered(folder, seed)
            truth = boxes_of(read_group(path))
            with open_film(path) as film:
                frames = [Frame(f.number, f.time, f.image, f.cut) for f in film.frames()]
            sampled, marks = answers(frames, pipeline)
            by_number = {frame.number: frame.faces for frame in sampled}
            line = {"seed": seed}
            for name, rows in marks.items():
                marked = dict(zip(by_number, rows, strict=True))
                answer = [
                    (np.array([f.box for f in by_number.get(k, ())]).reshape(-1, 4),
                     marked.get(k, []))
                    for k in range(len(truth))
                ]  # fmt: skip
                results.setdefault(name, []).append(score_tracking(truth, answer))
                apart.setdefault(name, []).append(kept_apart(truth, answer))
                line[name] = apart[name][-1]
            print(json.dumps(line), flush=True)
    faces = sum(row.truth for row in results["ours"])
    found = sum(row.matched for row in results["ours"])
    print(f"{asked.films} films, {faces:,} faces at least half visible, {found:,} of them found")
    print(f"{'':16}{'IDF1':>8}{'  95 % over films':20}{'switches':>9}{'MOTA':>8}")
    report(results, lambda row: row.idf1)
    for name, pairs in apart.items():
        both = sum(one for one, _ in pairs)
        right = sum(two for _, two in pairs)
        low, high = wilson(right, len(pairs))
        print(f"{name:16}both found before and after {both} of {len(pairs)}, own names kept "
              f"{right} ({low:.2f} to {high:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
