"""Measure blink detection: on rendered people, whose blinks are known, and list those of films.

Each person blinks, glances around and moves the head for 12 seconds, 192 px, 25 frames a second. A
detected blink is right if it overlaps a true one that no other detected one overlaps.

Example: python benchmarks/blinks.py --people 3 film.mp4
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mien.behaviour import Blink, blinks, open_level
from mien.geometry import Camera
from mien.landmarks import MeshTracker, measure
from mien.media import open_film
from mien.synth import Actor, HeadModel, Pose, Scene, make_person, open_head
from mien.synth import Camera as Lens
from mien.synth.motion import timeline as moves
from mien.synth.motion.take import Take, play
from mien.types import Doubles, Pixels
from mien.zoo import load

SECONDS, SIDES = 12.0, ("left", "right")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--ict", type=Path, help="ict_facekit.npz; without it the built-in head")
    parser.add_argument("films", type=Path, nargs="*", help="of one face each")
    args = parser.parse_args()
    if args.people:
        rendered(_head(args.ict), args.people)
    for path in args.films:
        with open_film(path) as film:
            times, lids = apertures((frame.time, frame.image) for frame in film.frames())
        for side, causal in ((side, causal) for side in (0, 1) for causal in (False, True)):
            detected = [f"{one.closed:.2f}" for one in found(times, lids[:, side], causal=causal)]
            mode = "causal" if causal else "whole"
            print(f"{path.name}, {SIDES[side]} eye, {mode}: closed at {', '.join(detected)} s")


def rendered(head: HeadModel, people: int) -> None:
    """Blinks of rendered people against the truth."""
    counts = {False: np.zeros(3, int), True: np.zeros(3, int)}  # right, missed, false
    for seed in range(people):
        rng = np.random.default_rng(seed)
        true = moves.blinks(rng, SECONDS)
        glances = tuple(moves.glances(rng, SECONDS))
        line = moves.Timeline(SECONDS, tuple(true), (), glances, moves.motion(rng, SECONDS))
        take = Take(line, Scene({}, Pose(), Lens(192, 192), cast=False), seed=seed)
        film = play(Actor(head, make_person(seed, head)), take)
        times, lids = apertures((time, frame.rgb) for time, frame in film)
        for causal, side in ((causal, side) for causal in counts for side in (0, 1)):
            counts[causal] += judged(true, found(times, lids[:, side], causal=causal))
    for causal, (right, missed, false) in counts.items():
        f1 = 2 * right / (2 * right + missed + false)
        mode = "causal" if causal else "whole"
        print(f"{mode}: {right} right, {missed} missed, {false} false of both eyes: F1 {f1:.3f}")


def apertures(frames: Iterable[tuple[float, Pixels]]) -> tuple[Doubles, Doubles]:
    """(T,) seconds and (T, 2) apertures of the left and right eye of the first face."""
    following, times, rows = MeshTracker(load("mtcnn"), load("attention-mesh")), [], []
    for time, image in frames:
        seen = [one.points for one in following(image, time) if one.points is not None]
        row = [np.nan, np.nan]
        if seen:
            measures = measure(seen[0], Camera.of(*image.shape[:2]))
            row = [measures[f"eye_aperture_{side}"] for side in SIDES]
        times.append(time)
        rows.append(row)
    return np.array(times), np.array(rows)


def found(times: Doubles, lids: Doubles, *, causal: bool) -> list[Blink]:
    """Blinks of one eye."""
    return blinks(times, lids, open_level(times, lids, causal=causal))


def judged(true: list[moves.Event], detected: list[Blink]) -> list[int]:
    """Numbers of right, missed and false blinks."""
    left = list(true)
    for one in detected:
        match = [e for e in left if e.onset < one.offset and one.onset < e.offset]
        left = [e for e in left if e not in match[:1]]
    right = len(true) - len(left)
    return [right, len(left), len(detected) - right]


def _head(ict: Path | None) -> HeadModel:
    if ict is None:
        return open_head("builtin")
    from mien.synth.head.ict import import_ict

    return import_ict(ict, modes=20)


if __name__ == "__main__":
    main()
