"""Measure detection of facial events on rendered people with known events.

Each person is shown for 15 seconds, 192 px, 25 frames a second: blinks throughout, six action units
of 0.2 to 0.5 seconds, glances of 12 to 20 degrees, a nod, a shake of the head, and a sentence. A
detected event is right if it overlaps a true one of its kind that no other detected event overlaps;
a glance must also have the right direction.

Example: python benchmarks/events.py --people 6 --ict ict_facekit.npz
"""

import argparse
import pickle
from collections import defaultdict
from pathlib import Path

import numpy as np

from mien.behaviour import Baseline, action_units, events
from mien.geometry import Camera
from mien.landmarks import UNITS, MeshTracker, measure
from mien.synth import Actor, HeadModel, Pose, Scene, make_person, open_head
from mien.synth import Camera as Lens
from mien.synth.motion import timeline as moves
from mien.synth.motion.take import Take, play
from mien.types import Doubles
from mien.zoo import load

SECONDS, RATE, STEP = 15.0, 25.0, 0.04
BURSTS = ("AU1", "AU2", "AU12", "AU26")  # units with a probability; AU45 is the blinks
SENTENCE = ("HH", "AH", "L", "OW", "M", "AY", "N", "EY", "M", "IH", "Z", "S", "P", "AH", "N", "T",
            "AA", "K", "W", "IY", "B", "OW", "TH", "AA", "R")  # fmt: skip
NOD, SHAKE, TALK = (7.0, 8.0), (9.0, 10.0), 11.0  # s
True_ = tuple[float, float, str | None]  # onset, offset, side
DRAWS = 2000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--first", type=int, default=600, help="seed of the first person")
    parser.add_argument("--ict", type=Path, help="every other person has this head")
    parser.add_argument("--keep", type=Path, help="file with the measures, to avoid drawing twice")
    args = parser.parse_args()
    heads = [open_head("builtin"), *([_ict(args.ict)] if args.ict else [])]
    if args.keep and args.keep.exists():
        seen = pickle.loads(args.keep.read_bytes())
    else:
        seeds = range(args.first, args.first + args.people)
        seen = [(heads[s % len(heads)].name, *acted(heads[s % len(heads)], s)) for s in seeds]
        if args.keep:
            args.keep.write_bytes(pickle.dumps(seen))
    for name in dict.fromkeys(row[0] for row in seen):
        print(f"head {name}")
        report([judged(*row[1:]) for row in seen if row[0] == name])


def acted(head: HeadModel, seed: int) -> tuple[Doubles, dict[str, Doubles], dict[str, list[True_]]]:
    """Times, measures, and true events, of one person."""
    rng = np.random.default_rng([seed, 3])
    line, true = script(rng)
    take = Take(line, Scene({}, Pose(), Lens(192, 192), cast=False), rate=RATE, seed=seed)
    following, times, rows = MeshTracker(load("mtcnn"), load("attention-mesh")), [], []
    for time, frame in play(Actor(head, make_person(seed, head)), take):
        points = [one.points for one in following(frame.rgb, time) if one.points is not None]
        camera = Camera(take.scene.camera.focal_px, 96, 96)
        rows.append(measure(points[0], camera) if points else dict.fromkeys(UNITS, np.nan))
        times.append(time)
    return np.array(times), {n: np.array([row[n] for row in rows]) for n in UNITS}, true


def script(rng: np.random.Generator) -> tuple[moves.Timeline, dict[str, list[True_]]]:
    """A timeline, and kind -> true events."""
    true: dict[str, list[True_]] = defaultdict(list)
    acts = moves.blinks(rng, SECONDS)
    true["blink"] = [(act.onset, act.offset, None) for act in acts]
    for number in range(6):
        begin, long = 1.0 + 0.95 * number, float(rng.uniform(0.2, 0.5))
        unit = str(rng.choice(BURSTS))
        apex = begin + long * float(rng.uniform(0.3, 0.5))
        acts.append(moves.Event(unit, begin, apex, begin + long, float(rng.uniform(0.6, 1.0))))
        true[f"AU{int(unit[2:]):02d}"].append((begin, begin + long, None))
    glances, side = [(0.0, 0.0, 0.0)], 1.0
    for at in (1.4, 3.3, 5.2, 8.4, 10.4, 14.2):
        side, size = -side, float(rng.uniform(6, 10))
        glances.append((at, side * size, 0.0))  # from one side to the other: 12 to 20 degrees
        if len(glances) > 2:
            true["gaze-shift"].append((at, at + 0.1, "right" if side > 0 else "left"))
    times = np.arange(0, SECONDS + 1, STEP)
    motion = np.zeros((len(times), 3))
    slow = moves.motion(rng, SECONDS + 1, 3.0, step=0.1)
    for k in range(3):
        motion[:, k] = np.interp(times, np.arange(len(slow)) * 0.1, slow[:, k])
    for (begin, end), axis, size in ((NOD, 1, 5.0), (SHAKE, 0, 7.0)):
        wave = size * np.sin(2 * np.pi * float(rng.uniform(1.5, 2.5)) * (times - begin))
        motion[:, axis] += np.where((times >= begin) & (times <= end), wave, 0)
    true["nod"], true["shake"] = [(*NOD, None)], [(*SHAKE, None)]
    words = moves.spoken(SENTENCE, TALK)
    true["talking"] = [(TALK, words[-1].end, None)]
    return moves.Timeline(SECONDS, tuple(acts), words, tuple(glances), motion, STEP), true


def judged(
    times: Doubles, columns: dict[str, Doubles], true: dict[str, list[True_]]
) -> dict[str, Doubles]:
    """Kind -> numbers of right, missed and false; for blinks also the error of the onset."""
    units = action_units(columns, Baseline.fit(times, columns))
    detected = events(times, columns | units)
    # Speech moves lips and jaw as units do, from a second before the first sound on. A shake of the
    # head rotates the eyes with it, and the first glance is a short one.
    speech, turning = [(TALK - 1, TALK + 4)], [SHAKE, (1.2, 1.7)]
    found = {}
    for kind, wanted in true.items():
        mine = [one for one in detected if one.kind == kind]
        unjudged = speech if kind.startswith("AU") else turning if kind == "gaze-shift" else ()
        mine = [
            one for one in mine if not any(a < one.offset and one.onset < b for a, b in unjudged)
        ]
        left = list(wanted)
        for one in mine:
            match = [
                e for e in left
                if e[0] < one.offset and one.onset < e[1] and e[2] in (None, one.side)
            ]  # fmt: skip
            left = [e for e in left if e not in match[:1]]
        right = len(wanted) - len(left)
        found[kind] = np.array([right, len(left), len(mine) - right], np.float64)
    bursts = [v for k, v in found.items() if k.startswith("AU")]
    brows = [k for k in ("AU01", "AU02") if k in true]
    raised = [one for k in brows for one in true[k]]
    detected = [
        one for one in detected if one.kind in ("AU01", "AU02") and one.offset < speech[0][0]
    ]
    hit = [any(a < one.offset and one.onset < b for one in detected) for a, b, _ in raised]
    wide = [
        one for one in detected if not any(a < one.offset and one.onset < b for a, b, _ in raised)
    ]
    found["AU01 or AU02"] = np.array([sum(hit), len(hit) - sum(hit), len(wide)], np.float64)
    return found | {"bursts of units": np.sum(bursts, axis=0)}


def report(people: list[dict[str, Doubles]]) -> None:
    """F1 of each kind, with a bootstrap interval over people."""
    rng = np.random.default_rng(0)
    for kind in sorted({kind for one in people for kind in one}):
        counts = np.array([one.get(kind, np.zeros(3)) for one in people])
        drawn = counts[rng.integers(0, len(people), (DRAWS, len(people)))].sum(axis=1)
        low, high = np.nanquantile(f1(drawn), [0.025, 0.975])
        right, missed, false = (int(v) for v in counts.sum(axis=0))
        print(
            f"  {kind}: {right} right, {missed} missed, {false} false: F1 "
            f"{f1(counts.sum(axis=0)):.3f} ({low:.2f} to {high:.2f})"
        )


def f1(counts: Doubles) -> Doubles:
    """Of (..., 3) right, missed and false."""
    right, missed, false = np.moveaxis(counts, -1, 0)
    with np.errstate(invalid="ignore"):
        share: Doubles = 2 * right / (2 * right + missed + false)
    return share


def _ict(path: Path) -> HeadModel:
    from mien.synth.head.ict import import_ict

    return import_ict(path, modes=40)


if __name__ == "__main__":
    main()
