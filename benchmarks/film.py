"""Measure the speed of films, stage by stage, and compared with the photo route on every frame.

    python benchmarks/film.py CLIP [CLIP ...] --rounds 5

Three configurations alternate in each round: the default `mien identify FILM` (ten sampled frames a
second), the same on every frame, and the pipeline for photos called on every frame, as in a loop.
The output is film frames processed per second, and the ratio within a round: median, smallest and
largest.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from mien.film import identify_film
from mien.gallery import Template, open_gallery
from mien.media import open_film
from mien.photo import Pipeline, open_pipeline
from mien.track import ShotBoundaryDetector


class Timed:
    """A model whose call times are summed."""

    def __init__(self, model) -> None:
        self.model, self.seconds = model, 0.0

    def __call__(self, *what):
        begun = time.perf_counter()
        answer = self.model(*what)
        self.seconds += time.perf_counter() - begun
        return answer

    def __getattr__(self, name):
        return getattr(self.model, name)


def by_photo(clip: Path, pipeline: Pipeline) -> int:
    """Run the photo pipeline on every frame."""
    count = 0
    with open_film(clip) as film:
        for frame in film.frames():
            pipeline(frame.image)
            count += 1
    return count


def stages(clip: Path, pipeline: Pipeline, frames: int) -> None:
    """Print the share of each stage in one run."""
    spent = {}
    for name, glance in (("decode", None), ("decode and cuts", ShotBoundaryDetector())):
        begun = time.perf_counter()
        with open_film(clip) as film:
            for _ in film.frames(every=0.1, glance=glance):
                pass
        spent[name] = time.perf_counter() - begun
    detector, embedder = Timed(pipeline.detector), Timed(pipeline.embedder)
    timed = Pipeline(detector=detector, embedder=embedder, gallery=pipeline.gallery)
    begun = time.perf_counter()
    identify_film(clip, timed)
    whole = time.perf_counter() - begun
    rows = {
        "decode": spent["decode"],
        "cuts": spent["decode and cuts"] - spent["decode"],
        "detect": detector.seconds,
        "embed": embedder.seconds,
    }
    rows["quality, track, name"] = whole - sum(rows.values())
    stages_text = ", ".join(f"{name} {max(value, 0) / whole:.0%}" for name, value in rows.items())
    print(f"  where the time goes: {stages_text}")


def main() -> None:
    """Print frames per second and ratios for each clip."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("clips", type=Path, nargs="+")
    words.add_argument("--rounds", type=int, default=5)
    chosen = words.parse_args()
    pipeline = open_pipeline()
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(100, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    contract = pipeline.embedder.contract
    with (
        tempfile.TemporaryDirectory() as folder,
        open_gallery(Path(folder) / "g.mien", contract, create=True) as gallery,
    ):
        gallery.add([Template(f"p{i}", v, contract) for i, v in enumerate(vectors)])
        pipeline.use(gallery)
        for clip in chosen.clips:
            with open_film(clip) as film:
                first = next(film.frames())
            frames = by_photo(clip, pipeline)
            print(f"{clip.name}: {first.image.shape[1]} x {first.image.shape[0]}, {frames} frames")
            ways = {
                "mien identify, 10 frames/s": lambda c=clip: identify_film(c, pipeline),
                "every frame": lambda c=clip: identify_film(c, pipeline, every=0),
                "photo route, every frame": lambda c=clip: by_photo(c, pipeline),
            }
            times: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(chosen.rounds):
                for name, way in ways.items():
                    begun = time.perf_counter()
                    way()
                    times[name].append(time.perf_counter() - begun)
            peer = np.array(times["photo route, every frame"])
            for name, took in times.items():
                ratio = peer / np.array(took)
                print(
                    f"  {name:26} {frames / np.median(took):6.1f} frames/s, "
                    f"{np.median(ratio):5.2f} times the photo route "
                    f"({ratio.min():.2f} to {ratio.max():.2f})"
                )
            stages(clip, pipeline, frames)


if __name__ == "__main__":
    main()
