"""Measure tracking in composed films: ours against a plain overlap tracker and ByteTrack.

    python benchmarks/track.py lfw_gray/images --films 20

Each film is composed from photos of people who are distinguished by name: faces of 60 to 100 px
move over a background, cross, occlude one another, leave and come back, and half of the films
have cuts. All trackers get the same detections, ten frames a second. "ours" is the tracker
alone, "ours, named" the result of `mien identify`: tracks merged by similarity, subject to the
cannot-link rule. Identities are scored by IDF1 over whole films, so returning people must be
recognised.
ByteTrack is that of the package `supervision` (0.25.1), if it is installed.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.film.engine import FilmEngine
from mien.film.identities import identify_tracks
from mien.film.scanner import FilmScanner
from mien.geometry import iou
from mien.media import Frame, find_images, read_image
from mien.metrics.tracking import TrackingScores, score_tracking
from mien.photo import open_pipeline
from mien.track import FrameFaces, ShotBoundaryDetector, TrackBuilder

SIZE, SECONDS, RATE = (360, 640), 20.0, 10.0
PATIENCE = 1.0  # s, of every tracker


@dataclass(slots=True)
class Actor:
    """A person of a film and the photos that show them."""

    name: str
    photos: list[np.ndarray]
    side: int
    path: np.ndarray  # (T, 2) centre per sampled frame; NaN: not on screen


def cast(people: dict[str, list[Path]], rng: np.random.Generator, frames: int) -> list[Actor]:
    """Five people with paths that cross, leave and return."""
    names = rng.choice(sorted(people), 5, replace=False)
    actors = []
    for number, name in enumerate(names):
        photos = [read_image(path) for path in people[name][:3]]
        side = int(rng.integers(60, 100))
        time = np.arange(frames) / RATE
        # From side to side at 40 to 160 px/s, so that paths cross; up and down more slowly.
        speed, phase = rng.uniform(40, 160), rng.uniform(0, 2)
        across = np.abs((time * speed / SIZE[1] + phase) % 2 - 1) * (SIZE[1] + 1.2 * side)
        height = SIZE[0] * rng.uniform(0.3, 0.7) + rng.uniform(0, 40) * np.sin(time + 6 * phase)
        path = np.stack([across - 0.6 * side, height], axis=1)
        if number % 2:  # away for three seconds, and back somewhere else
            gone = int(rng.integers(30, frames - 60))
            path[gone : gone + 30] = np.nan
            path[gone + 30 :, 0] = SIZE[1] - path[gone + 30 :, 0]
        actors.append(Actor(str(name), photos, side, path))
    return actors


def compose(
    actors: list[Actor], rng: np.random.Generator, cuts: list[int]
) -> Iterator[tuple[Frame, np.ndarray, list[str]]]:
    """Frames with the boxes and names of the visible people."""
    shot = -1
    count = len(actors[0].path)
    places = {0, *cuts}
    for i in range(count):
        if i in places:
            shot += 1
            ground = cv2.resize(rng.integers(40, 180, (9, 16, 3), np.uint8), SIZE[::-1])
            order = rng.permutation(len(actors))
            shown = order if not cuts else order[: int(rng.integers(2, 5))]
        image = np.asarray(ground, np.uint8).copy()
        boxes, names = [], []
        for place in shown:  # the last one stands in front
            actor = actors[place]
            if np.isnan(actor.path[i]).any():
                continue
            photo = actor.photos[(i // 20 + shot) % len(actor.photos)]
            box = paste(image, photo, actor.path[i], actor.side)
            if box is None:
                continue
            boxes, names = uncovered(boxes, names, box)
            boxes.append(box)
            names.append(actor.name)
        frame = Frame(i, i / RATE, image, cut=i in cuts)
        yield frame, np.array(boxes, np.float32).reshape(-1, 4), names


def paste(image: np.ndarray, photo: np.ndarray, centre: np.ndarray, side: int) -> np.ndarray | None:
    """Put a face with a soft round edge on the image; return its box if most of it is inside.

    The crops show the face from brow to chin, so the box is nearly the whole photo.
    """
    large = round(side * 1.3)
    chip = cv2.resize(photo, (large, large), interpolation=cv2.INTER_AREA)
    grid = np.linspace(-1, 1, large)
    edge = np.clip((1.05 - np.hypot(grid[None] / 0.9, grid[:, None])) / 0.12, 0, 1)[..., None]
    left, top = np.round(centre - large / 2).astype(int)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + large, image.shape[1]), min(top + large, image.shape[0])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    area = image[y0:y1, x0:x1]
    area[:] = area + (chip[cut].astype(np.float32) - area) * edge[cut]
    half = np.array([side / 2, 0.62 * side])
    box = np.array([*(centre - half), *(centre + half)])
    inside = np.clip(box, 0, [image.shape[1], image.shape[0]] * 2)
    shown = np.prod(inside[2:] - inside[:2]) / np.prod(box[2:] - box[:2])
    return box if shown > 0.75 else None


def uncovered(boxes: list, names: list, front: np.ndarray) -> tuple[list, list]:
    """The faces of which at least half is not behind the new face."""
    kept = []
    for i, box in enumerate(boxes):
        wide = min(box[2], front[2]) - max(box[0], front[0])
        tall = min(box[3], front[3]) - max(box[1], front[1])
        hidden = max(wide, 0) * max(tall, 0) / np.prod(box[2:] - box[:2])
        if hidden < 0.5:
            kept.append(i)
    return [boxes[i] for i in kept], [names[i] for i in kept]


def plain(sampled: list[FrameFaces]) -> list[list[str]]:
    """Greedy overlap of at least 0.3 with the last box of a track."""
    active: dict[int, tuple[np.ndarray, float]] = {}
    count, assignments = 0, []
    for frame in sampled:
        active = {k: v for k, v in active.items() if frame.time - v[1] <= PATIENCE}
        numbers: list[str] = [""] * len(frame.faces)
        boxes = [face.box for face in frame.faces]
        shared = [
            (float(iou(box[None], active[k][0][None])[0, 0]), i, k)
            for i, box in enumerate(boxes)
            for k in active
        ]
        used: set[int] = set()
        for overlap, i, k in sorted(shared, reverse=True):
            if overlap >= 0.3 and not numbers[i] and k not in used:
                numbers[i] = str(k)
                used.add(k)
        for i, box in enumerate(boxes):
            if not numbers[i]:
                numbers[i], count = str(count), count + 1
            active[int(numbers[i])] = (box, frame.time)
        assignments.append(numbers)
    return assignments


def byte_track(sampled: list[FrameFaces]) -> list[list[str]] | None:
    """ByteTrack of `supervision` at its own settings; None if it is not installed."""
    try:
        import supervision
    except ImportError:
        return None
    tracker = supervision.ByteTrack(
        frame_rate=int(RATE), lost_track_buffer=int(30 * PATIENCE), minimum_consecutive_frames=1
    )
    assignments = []
    for frame in sampled:
        numbers = [""] * len(frame.faces)
        if frame.faces:
            boxes = np.stack([face.box for face in frame.faces])
            scores = np.array([face.score for face in frame.faces])
            found = tracker.update_with_detections(
                supervision.Detections(xyxy=boxes, confidence=scores, class_id=scores.astype(int))
            )
            for box, number in zip(found.xyxy, found.tracker_id, strict=True):
                numbers[int(np.abs(boxes - box).sum(1).argmin())] = str(number)
        assignments.append([n or f"none{frame.number}-{i}" for i, n in enumerate(numbers)])
    return assignments


def answers(frames: list[Frame], pipeline) -> tuple[list[FrameFaces], dict[str, list[list[str]]]]:
    """The assignments of each tracker for the same detections."""
    builder = TrackBuilder()
    calibration = pipeline.calibrated()
    engine = FilmEngine(FilmScanner(pipeline.detector, pipeline.embedder, calibration))
    sampled = []
    for segment in engine.segments(frames):
        builder.take(segment)
        sampled += segment.frames
    builder.finish(builder.seconds + 1 / RATE)
    _, people = identify_tracks(builder.tracks(), builder.together, None, calibration)
    owner = {number: person.person for person in people for number in person.tracks}
    assignments = {
        "plain overlap": plain(sampled),
        "ByteTrack": byte_track(sampled),
        "ours": [[str(face.track) for face in frame.faces] for frame in sampled],
        "ours, named": [
            [owner.get(face.track, f"track {face.track}") for face in frame.faces]
            for frame in sampled
        ],
    }
    return sampled, {name: marks for name, marks in assignments.items() if marks is not None}


def main() -> None:
    """Print a table of all trackers over all films."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("folder", type=Path, help="images named Name_0001.jpg")
    words.add_argument("--films", type=int, default=20)
    words.add_argument("--seed", type=int, default=0)
    chosen = words.parse_args()
    people: dict[str, list[Path]] = {}
    for path in find_images([chosen.folder]):
        people.setdefault(path.stem.rsplit("_", 1)[0], []).append(path)
    people = {name: paths for name, paths in people.items() if len(paths) >= 3}
    pipeline = open_pipeline()
    results: dict[str, list[TrackingScores]] = {}
    shots_found = shots_there = shots_false = 0
    for number in range(chosen.films):
        rng = np.random.default_rng([chosen.seed, number])
        actors = cast(people, rng, int(SECONDS * RATE))
        cuts = sorted(rng.choice(np.arange(20, 180), 4, replace=False)) if number % 2 else []
        composed = list(compose(actors, rng, list(map(int, cuts))))
        seen_cut = ShotBoundaryDetector()
        frames = []
        for frame, _, _ in composed:
            cut = seen_cut(cv2.resize(frame.image, (64, 36)))
            shots_there += frame.cut
            shots_found += cut and frame.cut
            shots_false += cut and not frame.cut
            frames.append(Frame(frame.number, frame.time, frame.image, cut))
        sampled, assignments = answers(frames, pipeline)
        truth = [(boxes, names) for _, boxes, names in composed]
        by_number = {frame.number: frame for frame in sampled}
        for name, marks in assignments.items():
            rows = dict(zip(by_number, marks, strict=True))
            answer = [
                (np.stack([f.box for f in by_number[i].faces]), rows[i])
                if i in by_number and by_number[i].faces
                else (np.zeros((0, 4), np.float32), [])
                for i in range(len(truth))
            ]
            results.setdefault(name, []).append(score_tracking(truth, answer))
    print(f"{chosen.films} films of {SECONDS:g} s, {sum(r.truth for r in results['ours']):,} faces")
    print(f"cuts found {shots_found} of {shots_there}, false {shots_false}")
    print(f"{'':16}{'IDF1':>8}{'  95 % over films':20}{'switches':>9}{'MOTA':>8}")
    report(results, lambda row: row.idf1)


def report(
    results: dict[str, list[TrackingScores]], value: Callable[[TrackingScores], float]
) -> None:
    """Print one line per tracker; intervals from 2,000 resamples of films."""
    rng = np.random.default_rng(1)
    for name, rows in results.items():
        values = np.array([value(row) for row in rows])
        means = rng.choice(values, (2000, len(values))).mean(1)
        low, high = np.percentile(means, [2.5, 97.5])
        switches = sum(row.switches for row in rows)
        accuracy = np.mean([row.accuracy for row in rows])
        interval = f"  ({low:.3f} to {high:.3f})"
        print(f"{name:16}{values.mean():8.3f}{interval:20}{switches:9d}{accuracy:8.3f}")


if __name__ == "__main__":
    main()
