"""Measure what motion adds to the liveness of films, and what a checked face costs.

Photographs are shown on rendered paper, held still or moved by a hand; films of real faces are
shown on rendered screens that stand or move; rendered people wear a mask. Real films must show no
sign. Each film has 20 frames in 4 seconds, as many as are checked.

Example: python benchmarks/liveness.py --data DATA --taiwan taiwan --nuaa nuaa --utkface utkface
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np

from mien.detect import detect_with_retries
from mien.film.liveness import FIRST, STEP, TrackLiveness, check_tracks, is_due
from mien.liveness import LivenessCheck, MotionRecorder, open_check
from mien.liveness.crops import window
from mien.liveness.motion import GRID
from mien.media import Frame, encode_image, open_film, read_image
from mien.synth import Actor, Scene, make_person, open_head
from mien.synth.data.samples import any_scene
from mien.synth.render.attacks import held, present, recapture_film
from mien.track import ShotBoundaryDetector
from mien.types import Pixels
from mien.zoo import load

SECONDS, RATE = 4.0, 5.0
AROUND = 2.6  # times the box: what of a photograph or film is shown
KINDS = ("print, still", "print, moved", "screen, moved", "screen, stands", "mask")
DETECTOR = load("mtcnn")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with assets/")
    parser.add_argument("--taiwan", type=Path, help="portraits of actors")
    parser.add_argument("--nuaa", type=Path)
    parser.add_argument("--utkface", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of people, rooms and movements")
    parser.add_argument("--people", type=int, default=12, help="of each data set")
    parser.add_argument("--kind", action="append", choices=KINDS, help="of attack; default: all")
    parser.add_argument("--jpeg", type=int, help="quality of the frames of attacks; default: raw")
    parser.add_argument("--speed", action="store_true", help="measure the time only")
    args = parser.parse_args()
    check = open_check("warn", threads=1)
    assert check is not None
    films = sorted((args.data / "assets").rglob("*.m[po][4gv]"))
    speed(check, films)
    if args.speed:
        return
    real(check, films)
    photos = list(photographs(args))
    if args.nuaa:
        webcam(args.nuaa)
    for kind in args.kind or KINDS:
        made = attacks(kind, photos, films, args.seed)
        counted(kind, check, (compressed(film, args.jpeg) for film in made))


def webcam(nuaa: Path) -> None:
    """Frames of real people and of real prints by a webcam, each person as a film: the grid alone.

    The frames are seconds apart and people moved in between, so no motion is measured.
    """
    for part in ("live", "print"):
        people: dict[str, MotionRecorder] = {}
        for path in sorted((nuaa / part).glob("*.jpg")):
            image = read_image(path)
            face = detect_with_retries(DETECTOR, image, "never").largest
            recorder = people.setdefault(path.name[:7], MotionRecorder())
            if face is not None:
                recorder.see(image, face.box, float(recorder.looks))
        found = [g for g in (one.result().grid for one in people.values()) if g is not None]
        print(f"NUAA, {part}: {sum(g >= GRID for g in found)} of {len(found)} films show a grid; "
              f"{min(found):.2f} to {max(found):.2f}", flush=True)  # fmt: skip


def compressed(frames: Iterable[Pixels], quality: int | None) -> Iterator[Pixels]:
    """Frames as JPEG files give them back."""
    for frame in frames:
        yield frame if quality is None else read_image(encode_image(frame, quality=quality))


def photographs(args: argparse.Namespace) -> Iterator[Path]:
    """Photographs of different people; other seeds give other people."""
    rng = np.random.default_rng([args.seed, 307])
    if args.taiwan:
        actors: dict[str, list[Path]] = {}
        for path in sorted(args.taiwan.glob("*.jpg")):
            actors.setdefault(path.name[:3], []).append(path)
        names = rng.permutation(sorted(actors))[: args.people]
        yield from (actors[name][args.seed % len(actors[name])] for name in names)
    if args.nuaa:
        people: dict[str, list[Path]] = {}
        for path in sorted((args.nuaa / "live").glob("*.jpg")):
            people.setdefault(path.name[:4], []).append(path)
        names = rng.permutation(sorted(people))[: args.people]
        yield from (people[name][args.seed % len(people[name])] for name in names)
    if args.utkface:
        files = sorted(args.utkface.glob("*.jpg"))
        yield from (files[k] for k in rng.permutation(len(files))[: args.people])


def attacks(
    kind: str, photos: list[Path], films: list[Path], seed: int
) -> Iterator[Iterable[Pixels]]:
    """Frames of each attack film of one kind."""
    if kind == "mask":
        head = open_head("builtin")
        for number in range(6):
            rng = np.random.default_rng([seed, 311, number])
            actor = Actor(head, make_person(31_000 + 100 * seed + number, head))
            scene = any_scene(rng, 256, {}, 4.0)
            yield masked(actor, scene, number)
        return
    shown = "replay" if kind.startswith("screen") else "print"
    strength = 1.0 if kind.endswith("moved") else 0.0
    count = round(SECONDS * RATE)
    things: Iterable[Iterable[Pixels]] = (
        (shown_part(path) for path in films) if shown == "replay"
        else (repeat(photo, count) for photo in map(photo_part, photos))
    )  # fmt: skip
    for number, frames in enumerate(things):
        if frames is None:
            continue
        rng = np.random.default_rng([seed, 313, number])
        scene = replace(Scene(), background=int(rng.integers(1 << 30)))
        sways = held(SECONDS, RATE, 1000 * seed + number, strength)
        yield recapture_film(frames, scene, shown, 1000 * seed + number, sways)


def masked(actor: Actor, scene: Scene, number: int) -> Iterator[Pixels]:
    """A mask on a head that turns a little."""
    for k in range(round(SECONDS * RATE)):
        turn = 6 * np.sin(0.6 * k + number)
        pose = replace(scene.pose, yaw=scene.pose.yaw + turn, pitch=scene.pose.pitch + turn / 3)
        yield present(actor, replace(scene, pose=pose), "mask", number).rgb


def photo_part(path: Path) -> Pixels:
    """The square around a face that is printed."""
    image = read_image(path)
    found = detect_with_retries(DETECTOR, image, "never").largest
    if found is None:
        return square(image)
    left, top, right, bottom = window(image.shape, found.box, AROUND)
    return square(image[top:bottom, left:right])


def square(image: Pixels) -> Pixels:
    """The middle of an image."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def shown_part(path: Path) -> list[Pixels] | None:
    """The square around the first face of a film, frame by frame; None if no face is in it."""
    with open_film(path) as film:
        images = [frame.image for frame in film.frames(end=SECONDS, every=1 / RATE)]
    box = next((f.largest.box for f in (detect_with_retries(DETECTOR, i, "never") for i in images)
                if f.largest is not None), None)  # fmt: skip
    if box is None:
        return None
    left, top, right, bottom = window(images[0].shape, box, AROUND)
    return [square(image[top:bottom, left:right]) for image in images]


def tracked(check: LivenessCheck, frames: Iterable[Pixels]) -> TrackLiveness | None:
    """The track with most checked frames."""
    film = (Frame(k, k / RATE, image) for k, image in enumerate(frames))
    tracks = check_tracks(film, DETECTOR, check)
    return max(tracks, key=lambda one: one.checked, default=None)


def counted(kind: str, check: LivenessCheck, films: Iterable[Iterable[Pixels]]) -> None:
    """Count signs, what passes the score alone, and what passes with the motion."""
    found = [one for one in (tracked(check, frames) for frames in films) if one is not None]
    signs = [bool(one.motion.signs) for one in found]
    scored = [one for one in found if one.liveness.score is not None]
    alone = [one.liveness.score > one.liveness.threshold for one in scored]
    both = [one.liveness.outcome == "live" for one in scored]
    print(f"{kind}: {sum(signs)} of {len(found)} with a sign; of {len(scored)} with a score "
          f"{sum(alone)} pass it, {sum(both)} also the motion", flush=True)  # fmt: skip
    for one in found:
        print("   ", described(one))


def described(one: TrackLiveness) -> str:
    """Measures, score and signs of a track."""
    m, score = one.motion, one.liveness.score
    measures = (m.moved, m.bent, m.together, m.grid, score)
    values = [f"{v:.4f}" if v is not None else "-" for v in measures]
    return " ".join([*values, *m.signs])


def real(check: LivenessCheck, films: list[Path]) -> None:
    """Real films: no track may show a sign."""
    count, signs, live = 0, 0, 0
    for path in films:
        with open_film(path) as film:
            frames = film.frames(end=6.0, every=0.2, glance=ShotBoundaryDetector())
            for one in check_tracks(frames, DETECTOR, check):
                m = one.motion
                if m.moved is None and m.grid is None:
                    continue
                count, signs = count + 1, signs + bool(m.signs)
                live += one.liveness.outcome == "live"
                print("   ", path.name, described(one), one.liveness.outcome)
    print(f"real films: {signs} of {count} tracks with a sign, {live} taken for live", flush=True)


def speed(check: LivenessCheck, films: list[Path]) -> None:
    """Milliseconds of processor time of a checked face, on one thread: score, motion, colour.

    The score is that of a photograph, taken in each checked frame. Films are scored in some of
    them; both costs are sums of the same times.
    """
    score, motion, colour, ratios, longer = [], [], [], [], []
    for path in films:
        with open_film(path) as film:
            images = [frame.image for frame in film.frames(end=6.0, every=0.2)]
        recorder, mine = MotionRecorder(), []
        for k, image in enumerate(images):
            face = detect_with_retries(DETECTOR, image, "never").largest
            if face is None:
                continue
            a = time.process_time()
            check.of(image, face)
            b = time.process_time()
            recorder.see(image, face.box, k * 0.2)
            c = time.process_time()
            recorder.see_colour(image, face.box, k * 0.2)
            mine.append((b - a, c - b, time.process_time() - c))
        if not mine:
            continue
        each = 1000 * np.array(mine)
        for values, column in zip((score, motion, colour), each.T, strict=True):
            values += column.tolist()
        due = np.array([is_due(k, min(k, FIRST)) for k in range(len(each))])
        full, films_cost = each.sum(1).mean(), (each[:, 0] * due + each[:, 1] + each[:, 2]).mean()
        ratios.append(films_cost / full)
        longer.append(films_cost)
    for name, values in (("score", score), ("motion", motion), ("colour", colour)):
        low, high = np.quantile(values, [0.1, 0.9])
        print(f"{name}: {np.mean(values):.2f} ms per checked face ({low:.2f} to {high:.2f})")
    print(f"all three: {np.mean(np.sum([score, motion, colour], 0)):.2f} ms", flush=True)
    for name, values in (("ms per checked face", longer), ("times all three", ratios)):
        low, high = np.min(values), np.max(values)
        print(f"in films of up to 6 s: {np.mean(values):.2f} {name} ({low:.2f} to {high:.2f})")
    steady = np.mean(score) / STEP + np.mean(motion) + np.mean(colour)
    print(f"after the first second: {steady:.2f} ms per checked face", flush=True)


if __name__ == "__main__":
    main()
