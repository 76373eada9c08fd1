"""Spot micro-expressions in films of rendered faces.

    python benchmarks/micro_spotting.py

Each face is rendered once per movement and strength; films are sequences of these images with
drift of the head and noise. Strict and soft F1 beside two baselines with the same number of events.
"""

import argparse
import json

import cv2
import numpy as np

from mien.metrics import Interval, SpottingCounts, spotting
from mien.signals.micro import FLOOR, STANDS, Durations, events_of, movement
from mien.synth import Actor, Camera, Scene, make_person, open_head, render

SIDE, RATE, SECONDS, LEVELS = 128, 30, 12, 5
APART = RATE // 2
MOVES = {"AU12": 0.5, "AU4": 0.6, "AU1": 0.5}  # largest weight
DURATIONS = Durations(0.3, 0.6)
BLINK = "AU45"


def faces(seed: int) -> dict[str, list[np.ndarray]]:
    """Grey images of one person: each movement at rising strength, the first neutral."""
    head = open_head("builtin")
    actor = Actor(head, make_person(seed, head))
    camera = Camera()
    found = {}
    for name, most in {**MOVES, BLINK: 1.0}.items():
        found[name] = [
            cut(render(actor, Scene({name: most * k / LEVELS}, camera=camera), truth=False).rgb)
            for k in range(LEVELS + 1)
        ]
    return found


def cut(rgb: np.ndarray) -> np.ndarray:
    """The face of a rendered image, grey, with eyes at 0.4 and mouth at 0.8 of the height."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey[68:216, 54:202], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def film(shown: dict[str, list[np.ndarray]], seed: int, drift: float) -> tuple:
    """Frames and true events; blinks and one lasting movement are no events."""
    rng = np.random.default_rng(seed)
    count = SECONDS * RATE
    plan: list[tuple[str, float]] = [("AU12", 0.0)] * count
    truth = []
    for start in range(30, count - 40, 55):
        long = int(np.clip(RATE * 0.3 * np.exp(0.6 * rng.normal()), 5, 24))
        name = BLINK if rng.random() < 0.3 else str(rng.choice(list(MOVES)))
        size = rng.uniform(0.5, 1.0)
        for k, part in enumerate(np.hanning(long + 2)[1:-1]):
            plan[start + k] = (name, size * part)
        if name != BLINK:
            truth.append(Interval(start, start + long - 1))
    at = np.cumsum(rng.normal(0, drift, (count, 2)), axis=0)
    frames = []
    for (name, part), move in zip(plan, at, strict=True):
        place = part * LEVELS
        low = min(int(place), LEVELS - 1)
        one = cv2.addWeighted(shown[name][low], low + 1 - place, shown[name][low + 1],
                              place - low, 0)  # fmt: skip
        shift = np.float32([[1, 0, move[0]], [0, 1, move[1]]])
        one = cv2.warpAffine(one, shift, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=1)
        frames.append(np.clip(one + rng.normal(0, 2, one.shape), 0, 255).astype(np.uint8))
    return np.stack(frames), truth


def difference(frames: np.ndarray) -> np.ndarray:
    """Baseline: mean absolute difference to the frame before."""
    grey = frames.astype(np.float32)
    return np.concatenate([[0.0], np.abs(np.diff(grey, axis=0)).mean((1, 2))])


def spans(score: np.ndarray, way: str, least: float = 0.0) -> list[Interval]:
    """Events of a score whose first frame is the film's frame APART."""
    events = events_of(score, RATE, way=way, durations=DURATIONS, least=least, stands=STANDS)
    return [Interval(e.onset + APART, e.offset + APART) for e in events]


def eyes() -> np.ndarray:
    """The band of the eyes, in which blinks move."""
    band = np.zeros((SIDE, SIDE), bool)
    band[int(0.35 * SIDE) : int(0.46 * SIDE)] = True
    return band


def main() -> None:
    """Measure every way on every film."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--drift", type=float, default=0.05, help="px per frame")
    parser.add_argument("--first", type=int, default=910, help="seed of the first person")
    given = parser.parse_args()
    truth, found = {}, {}
    for person in range(given.people):
        frames, truth[str(person)] = film(faces(given.first + person), person, given.drift)
        inside = slice(APART, len(frames) - APART)
        scores = {
            "ours": movement(frames, APART, ignore=eyes())[inside],
            "eyes counted": movement(frames, APART)[inside],
            "head not subtracted": movement(frames, APART, head="ignored", ignore=eyes())[inside],
        }
        here = {f"ours, {way}": spans(scores["ours"], way, FLOOR)
                for way in ("map", "released", "fixed")}  # fmt: skip
        here |= {
            name: spans(score, "map", FLOOR) for name, score in scores.items() if name != "ours"
        }
        here["frame difference"] = spans(difference(frames)[inside], "map")
        rng = np.random.default_rng(person)
        starts = rng.integers(APART, len(frames) - APART - 10, len(here["ours, map"]))
        here["random intervals"] = [Interval(int(k), int(k) + 9) for k in starts]
        for name, events in here.items():
            found.setdefault(name, {})[str(person)] = events
    for name, events in found.items():
        strict, soft = (spotting(truth, events, soft=way).counts for way in (False, True))
        print(json.dumps({"way": name, **row("strict", strict), **row("soft", soft)}))


def row(name: str, counts: SpottingCounts) -> dict[str, float]:
    """Figures of one count."""
    return {f"{name} F1": round(counts.f1, 3), f"{name} hits": counts.hits,
            f"{name} false": counts.false, f"{name} missed": counts.missed}  # fmt: skip


if __name__ == "__main__":
    main()
