"""Measure detection of occluded faces: in a labelled film, and on rendered people.

Rendered people talk and turn for 5 seconds at 12.5 frames a second; for 1.6 of them a plain patch
of any colour lies over the image. A frame counts as occluded if the patch lies over a tenth of the
points. In a film, --covered gives the seconds between which a hand is at the face. --masks
draws people with a mask of seven colours from the first frame on, and the same people without
it; --photos gives the number of a folder's faces that are detected as masked.

Example: python benchmarks/occlusion.py --people 8 --ict ict_facekit.npz film.mp4 --covered 2.4 9.6
"""

import argparse
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from mien.behaviour import OcclusionMonitor
from mien.behaviour.masks import masked
from mien.behaviour.occlusion import colours, occluded_parts
from mien.body import HandsNear
from mien.landmarks import MeshTracker, fit_meshes
from mien.media import find_images, open_film, read_image
from mien.metrics import wilson
from mien.synth import Actor, HeadModel, Pose, Scene, make_person, open_head, render
from mien.synth import Camera as Lens
from mien.synth.head.actor import MASK
from mien.synth.motion import timeline as moves
from mien.synth.motion.take import Take, play
from mien.synth.render import shade
from mien.synth.render.degrade import spoil
from mien.zoo import load

SECONDS, RATE, SIZE = 5.0, 12.5, 192
HIDDEN = ((2.0, 3.0, 0.4), (4.0, 4.6, 0.15))  # from, until, severity
LEAST = 0.1  # of the points
DETECTOR, MESH = load("mtcnn"), load("face-mesh")
CLOTH = {"blue": (0.36, 0.55, 0.66), "white": (0.8, 0.8, 0.8), "black": (0.03, 0.03, 0.035),
         "grey": (0.3, 0.3, 0.3), "green": (0.25, 0.5, 0.35), "pink": (0.62, 0.38, 0.34),
         "skin": (0.55, 0.36, 0.25)}  # linear RGB  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--first", type=int, default=400, help="seed of the first person")
    parser.add_argument("--ict", type=Path, help="every other person has this head")
    parser.add_argument("film", type=Path, nargs="?")
    parser.add_argument("--covered", type=float, nargs=2, default=(0.0, 0.0))
    parser.add_argument("--masks", type=int, default=0, help="people who wear one")
    parser.add_argument("--photos", type=Path, help="folder of photos without masks")
    parser.add_argument("--count", type=int, default=1200, help="of these")
    parser.add_argument("--unsure", type=float, default=0.1, help="s beside these")
    args = parser.parse_args()
    if args.people:
        rendered(args.people, args.first, args.ict)
    if args.masks:
        masks(args.masks, args.first, args.ict)
    if args.photos:
        photos(args.photos, args.count)
    if args.film:
        film(args.film, *args.covered, args.unsure)


def film(path: Path, begin: float, end: float, unsure: float) -> None:
    """A hand at a face, frame by frame and at two frames a second."""
    tracker = MeshTracker(load("mtcnn"), load("attention-mesh"))
    monitor = OcclusionMonitor(HandsNear(load("hand-landmarks")))
    detected, true, seconds = [], [], []
    with open_film(path) as opened:
        for frame in opened.frames():
            faces = tracker(frame.image, frame.time)
            faces = monitor(frame.image, frame.time, faces)
            if min(abs(frame.time - begin), abs(frame.time - end)) < unsure:
                continue
            detected.append(bool(faces) and faces[0].reason in ("hand", "occluded"))
            true.append(begin < frame.time < end)
            seconds.append(frame.time)
    print(f"{path.name}, each frame: {score(np.array(detected), np.array(true))}")
    half = np.unique(np.searchsorted(seconds, np.arange(0, seconds[-1], 0.5)))
    print(f"{path.name}, two a second: {score(np.array(detected)[half], np.array(true)[half])}")


def rendered(people: int, first: int, ict: Path | None) -> None:
    """Patches over rendered people: frames, and parts of the face."""
    heads = [open_head("builtin"), *([_ict(ict)] if ict else [])]
    detected, true, parts = [], [], np.zeros(3, int)
    lost = 0
    for seed in range(first, first + people):
        tracker, monitor = MeshTracker(load("mtcnn"), load("attention-mesh")), OcclusionMonitor()
        for time, image, cover in clip(heads[seed % len(heads)], seed):
            faces = monitor(image, time, tracker(image, time))
            if not faces or (faces[0].points is None and faces[0].reason != "occluded"):
                lost += 1
                continue
            if faces[0].points is None:
                detected.append(True)
                true.append(bool(cover.mean() > 0))
                continue
            places = np.clip(np.rint(faces[0].points[:468, :2]).astype(int), 0, SIZE - 1)
            under = cover[places[:, 1], places[:, 0]]
            if 0 < under.mean() < LEAST:
                continue
            detected.append(faces[0].reason == "occluded")
            true.append(under.mean() >= LEAST)
            here, there = faces[0].occluded, occluded_parts(under, share=0.4)
            parts += [len(here & there), len(there - here), len(here - there)]
    print(f"rendered, frames: {score(np.array(detected), np.array(true))}; {lost} without a mesh")
    right, missed, false = parts
    print(f"rendered, parts of faces: precision {right / (right + false):.3f}, "
          f"recall {right / (right + missed):.3f} of {right + missed}")  # fmt: skip


def masks(people: int, first: int, ict: Path | None) -> None:
    """Count masks detected on still images of people with a mask, with glasses, with neither."""
    heads = [open_head("builtin"), *([_ict(ict)] if ict else [])]
    rng = np.random.default_rng(first)
    answers_of: dict[str, list[int]] = {}
    for seed in range(first, first + people):
        head = heads[seed % len(heads)]
        person = make_person(seed, head)
        scene = Scene({}, Pose(*rng.normal(0, (10, 5, 4))), Lens(SIZE, SIZE))
        colour = list(CLOTH)[seed // len(heads) % len(CLOTH)]
        wearing = ("round", "square", "sun")[seed // len(heads) % 3]
        appearances = {
            f"mask, {colour}": replace(person.appearance, mask=True),
            f"glasses, {wearing}": replace(person.appearance, glasses=wearing),
            "as they are": person.appearance,
        }
        table = shade._PLAIN.copy()
        table[MASK] = (*CLOTH[colour], 0.05)
        with patch.object(shade, "_PLAIN", table):
            for name, appearance in appearances.items():
                image = render(
                    Actor(head, replace(person, appearance=appearance)), scene, truth=False
                ).rgb
                answers_of.setdefault(name, []).append(is_masked(image))
    for name, answers in sorted(answers_of.items()):
        print(f"{name}: masked {answers.count(1)}, not {answers.count(0)}, "
              f"no face {answers.count(-1)}")  # fmt: skip


def photos(folder: Path, count: int) -> None:
    """Count faces of photos without masks that are detected as masked."""
    paths = find_images([folder])
    answers = [is_masked(read_image(path)) for path in paths[:: max(1, len(paths) // count)]]
    seen, false = len(answers) - answers.count(-1), answers.count(1)
    low, high = wilson(false, seen)
    print(f"{folder}: {false} of {seen} faces detected as masked ({low:.4f} to {high:.4f})")


def is_masked(image) -> int:
    """1, 0, or -1 if there is no face."""
    faces = DETECTOR(image)[:1]
    if not faces:
        return -1
    points, _ = fit_meshes(MESH, image, faces)
    return int(masked(colours(image, points[0])))


def clip(head: HeadModel, seed: int):
    """Time, image and where the patch is, of one person."""
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
        image, cover = frame.rgb, np.zeros((SIZE, SIZE), bool)
        for begin, end, severity in HIDDEN:
            if begin <= time < end:
                image = spoil(frame.rgb, "hidden", severity, 10 * seed + int(begin)).image
                cover = (image != frame.rgb).any(axis=2)
        yield time, image, cover


def score(detected, true) -> str:
    """Precision, recall and counts."""
    right = int((detected & true).sum())
    return (
        f"precision {right / max(detected.sum(), 1):.3f}, recall {right / max(true.sum(), 1):.3f} "
        f"({true.sum()} hidden, {(~true).sum()} clear)"
    )


def _ict(path: Path) -> HeadModel:
    from mien.synth.head.ict import import_ict

    return import_ict(path, modes=20)


if __name__ == "__main__":
    main()
