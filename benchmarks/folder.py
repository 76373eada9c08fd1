"""Measure how many photos a second a folder takes with one worker and with one per core.

    python benchmarks/folder.py [--rounds 5] [--photos 24] [--workers 2]

The photos are scenes of 1600 x 1200 with none to three of the demo's faces. Each round runs one
worker, then all, then one again. The output is photos a second and the ratio of all workers to the
mean of the two runs with one: median (smallest-largest). `cores` is the processor time a second:
where it is below the number of workers, other work shared the machine or a lock was held. The
last lines are the share of the processor time in which Python's lock is free, a limit of the ratio,
and the peak of memory.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from peers import spread

from mien.evaluate.demo import portraits
from mien.media import one_thread, read_image, write_image
from mien.photo import Pipeline, each_photo, in_parallel, open_pipeline
from mien.runtime import cpu_quota
from mien.zoo.sample import sample

FREE = ("resize", "imdecode", "copyMakeBorder", "LUT", "calcHist", "warpAffine", "cvtColor")


def write_photos(folder: Path, count: int) -> list[Path]:
    """Write scenes with faces; return their paths."""
    rng = np.random.default_rng(0)
    faces = [read_image(path)[:512, :512] for path in portraits().values()]
    grounds = [read_image(sample(name)) for name in ("coffee.png", "rocket.jpg")]
    paths = []
    for number in range(count):
        scene = np.asarray(cv2.resize(grounds[number % 2], (1600, 1200)), np.uint8)
        for _ in range(number % 4):
            side = int(rng.integers(250, 500))
            left, top = rng.integers(0, (1600 - side, 1200 - side))
            scene[top : top + side, left : left + side] = cv2.resize(
                faces[rng.integers(2)], (side, side), interpolation=cv2.INTER_AREA
            )
        paths.append(folder / f"{number}.jpg")
        write_image(paths[-1], scene)
    return paths


def analyse(pipeline: Pipeline, path: Path) -> int:
    """Return the number of faces of one photo."""
    return len(pipeline(read_image(path)).faces)


def timed(pipeline: Pipeline, photos: list[Path], workers: int) -> tuple[float, float]:
    """Return photos a second, and cores used."""
    wall, busy = time.perf_counter(), time.process_time()
    with one_thread():
        list(in_parallel(partial(analyse, pipeline), photos, workers))
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    return len(photos) / wall, busy / wall


def on_ray(photos: list[Path]) -> float:
    """Return photos a second of a Ray cluster of all cores; the first ones load its models."""
    pipeline = open_pipeline(workers=2, cluster="local")
    start, shown = 0.0, 0
    warm = len(photos) // 3
    for _ in each_photo(photos, pipeline, lambda path: (str(path), None), lambda path, one: one):
        shown += 1
        if shown == warm:
            start = time.perf_counter()
    return (shown - warm) / (time.perf_counter() - start)


def lock_free(photos: list[Path]) -> float:
    """Return the share of the processor time that OpenCV and ONNX Runtime take."""
    spent = 0.0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            nonlocal spent
            start = time.thread_time()
            result = call(*args, **options)
            spent += time.thread_time() - start
            return result

        return run

    from mien.runtime import sessions

    class Counted:
        def __init__(self, *args: Any, **options: Any) -> None:
            self._session = opened(*args, **options)
            self.run = counted(self._session.run)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._session, name)

    opened, before = sessions.ort.InferenceSession, {name: getattr(cv2, name) for name in FREE}
    sessions.ort.InferenceSession = Counted
    try:
        for name, call in before.items():
            setattr(cv2, name, counted(call))
        pipeline = open_pipeline(workers=2)
        start, spent = time.thread_time(), 0.0
        for path in photos:
            analyse(pipeline, path)
        return spent / (time.thread_time() - start)
    finally:
        sessions.ort.InferenceSession = opened
        for name, call in before.items():
            setattr(cv2, name, call)


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--photos", type=int, default=24)
    words.add_argument("--workers", type=int, default=cpu_quota())
    words.add_argument("--ray", action="store_true", help="also a Ray cluster of this machine")
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = write_photos(Path(folder), chosen.photos)
        pipeline = open_pipeline(workers=max(2, chosen.workers))
        timed(pipeline, photos[:4], 1)  # warm-up
        rates: dict[str, list[float]] = {"one": [], "all": [], "ratio": []}
        for _ in range(chosen.rounds):
            first, one_cores = timed(pipeline, photos, 1)
            many, cores = timed(pipeline, photos, chosen.workers)
            second, _ = timed(pipeline, photos, 1)
            one = (first + second) / 2
            for key, value in (("one", one), ("all", many), ("ratio", many / one)):
                rates[key].append(value)
            if chosen.ray:
                rates.setdefault("ray", []).append(on_ray(photos * 2) / one)
            print(
                f"one {one:.2f}/s with {one_cores:.2f} cores, {chosen.workers} workers "
                f"{many:.2f}/s with {cores:.2f} cores, ratio {many / one:.2f}",
                flush=True,
            )
        print(f"photos a second, one worker: {spread(rates['one'])}")
        print(f"photos a second, {chosen.workers} workers: {spread(rates['all'])}")
        print(f"ratio: {spread(rates['ratio'], '.2f')}")
        if chosen.ray:
            print(f"Ray cluster of this machine / one worker: {spread(rates['ray'], '.2f')}")
        print(f"outside of Python's lock: {lock_free(photos[:8]):.0%} of the processor time")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak of memory: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
