"""How well it is noticed that something hides a face: in a labelled film, on rendered people.

Rendered people talk and turn for 5 seconds at 12.5 frames a second; for 1.6 of them a plain patch
of any colour lies over the picture. A frame counts as hidden if the patch lies over a tenth of the
points. In a film, --covered tells from and until which second a hand was seen at the face.

Example: python benchmarks/covering.py --people 8 --ict ict_facekit.npz film.mp4 --covered 2.4 9.6
"""

import argparse
from pathlib import Path

import numpy as np

from mien.body import HandsNear
from mien.landmarks import Following
from mien.landmarks.covering import hidden_parts
from mien.media import open_film
from mien.synth import Actor, HeadModel, Pose, Scene, make_person, open_head
from mien.synth import Camera as Lens
from mien.synth import timeline as moves
from mien.synth.clip import Take, play
from mien.synth.degrade import spoil
from mien.zoo import load

SECONDS, RATE, SIZE = 5.0, 12.5, 192
HIDDEN = ((2.0, 3.0, 0.4), (4.0, 4.6, 0.15))  # from, until, severity
LEAST = 0.1  # of the points


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--first", type=int, default=400, help="seed of the first person")
    parser.add_argument("--ict", type=Path, help="every other person has this head")
    parser.add_argument("film", type=Path, nargs="?")
    parser.add_argument("--covered", type=float, nargs=2, default=(0.0, 0.0))
    parser.add_argument("--unsure", type=float, default=0.1, help="s beside these")
    args = parser.parse_args()
    if args.people:
        rendered(args.people, args.first, args.ict)
    if args.film:
        film(args.film, *args.covered, args.unsure)


def film(path: Path, begin: float, end: float, unsure: float) -> None:
    """A hand at a face, frame by frame and at two frames a second."""
    following = Following(
        load("mtcnn"), load("face-mesh-iris"), hands=HandsNear(load("hand-landmarks"))
    )
    told, true, seconds = [], [], []
    with open_film(path) as opened:
        for frame in opened.frames():
            faces = following(frame.image, frame.time)
            if min(abs(frame.time - begin), abs(frame.time - end)) < unsure:
                continue
            told.append(bool(faces) and faces[0].reason in ("hand", "occluded"))
            true.append(begin < frame.time < end)
            seconds.append(frame.time)
    print(f"{path.name}, each frame: {score(np.array(told), np.array(true))}")
    half = np.unique(np.searchsorted(seconds, np.arange(0, seconds[-1], 0.5)))
    print(f"{path.name}, two a second: {score(np.array(told)[half], np.array(true)[half])}")


def rendered(people: int, first: int, ict: Path | None) -> None:
    """Patches over rendered people: frames, and parts of the face."""
    heads = [open_head("builtin"), *([_ict(ict)] if ict else [])]
    told, true, parts = [], [], np.zeros(3, int)
    lost = 0
    for seed in range(first, first + people):
        following = Following(load("mtcnn"), load("face-mesh-iris"))
        for time, image, patch in clip(heads[seed % len(heads)], seed):
            faces = following(image, time)
            if not faces or (faces[0].points is None and faces[0].reason != "occluded"):
                lost += 1
                continue
            if faces[0].points is None:
                told.append(True)
                true.append(bool(patch.mean() > 0))
                continue
            places = np.clip(np.rint(faces[0].points[:468, :2]).astype(int), 0, SIZE - 1)
            under = patch[places[:, 1], places[:, 0]]
            if 0 < under.mean() < LEAST:
                continue
            told.append(faces[0].reason == "occluded")
            true.append(under.mean() >= LEAST)
            here, there = faces[0].hidden, hidden_parts(under, share=0.4)
            parts += [len(here & there), len(there - here), len(here - there)]
    print(f"rendered, frames: {score(np.array(told), np.array(true))}; {lost} without a mesh")
    right, missed, false = parts
    print(f"rendered, parts of faces: precision {right / (right + false):.3f}, "
          f"recall {right / (right + missed):.3f} of {right + missed}")  # fmt: skip


def clip(head: HeadModel, seed: int):
    """Time, picture and where the patch is, of one person."""
    rng = np.random.default_rng(seed)
    line = moves.Timeline(
        SECONDS,
        tuple(moves.blinks(rng, SECONDS) + moves.macro(rng, {"AU12": 1}, 1.0)),
        moves.spoken(["HH", "AH", "L", "OW"], 3.0),
        tuple(moves.glances(rng, SECONDS)),
        moves.motion(rng, SECONDS),
    )
    scene = Scene({}, Pose(), Lens(SIZE, SIZE), cast=False)
    for time, frame in play(
        Actor(head, make_person(seed, head)), Take(line, scene, rate=RATE, seed=seed)
    ):
        image, patch = frame.rgb, np.zeros((SIZE, SIZE), bool)
        for begin, end, severity in HIDDEN:
            if begin <= time < end:
                image = spoil(frame.rgb, "hidden", severity, 10 * seed + int(begin)).image
                patch = (image != frame.rgb).any(axis=2)
        yield time, image, patch


def score(told, true) -> str:
    """Precision, recall and counts."""
    right = int((told & true).sum())
    return (
        f"precision {right / max(told.sum(), 1):.3f}, recall {right / max(true.sum(), 1):.3f} "
        f"({true.sum()} hidden, {(~true).sum()} clear)"
    )


def _ict(path: Path) -> HeadModel:
    from mien.synth.ict import import_ict

    return import_ict(path, modes=20)


if __name__ == "__main__":
    main()
