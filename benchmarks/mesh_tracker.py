"""Measure tracked meshes: stability on a still film, and distance from those of single images.

Shares of the eye distance. Jitter is the mean displacement of a point from frame to frame, for a
photo repeated for two seconds: unchanged, and with noise of 2 grey levels (standard deviation)
drawn for each frame, as from a good camera. For comparison, the same with each frame on its own.

Example: python benchmarks/mesh_tracker.py --photo portrait.jpg --film film.mp4
"""

import argparse
from pathlib import Path

import numpy as np

from mien.landmarks import MeshTracker, fit_meshes, five_points
from mien.media import open_film, read_image
from mien.types import Floats, Pixels
from mien.zoo import load

FRAMES, RATE = 50, 25.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, required=True, nargs="+", help="with one face each")
    parser.add_argument("--film", type=Path, required=True, nargs="+", help="with one face each")
    args = parser.parse_args()
    for path in args.photo:
        image, rng = read_image(path), np.random.default_rng(0)
        for noise in (0.0, 2.0):
            frames = [noisy(image, noise, rng) for _ in range(FRAMES)]
            ours, alone = meshes(frames)
            print(f"{path.name}, noise {noise:g}: jitter {jitter(ours):.5f} followed, ", end="")
            print(f"{jitter(alone):.5f} each frame alone")
    for path in args.film:
        with open_film(path) as film:
            ours, alone = meshes([frame.image for frame in film.frames()])
        apart = np.linalg.norm(ours - alone, axis=-1).mean(axis=1) / eyes(alone)
        middle, most = np.median(apart), apart.max()
        print(f"{path.name}: {len(ours)} frames, apart by {middle:.4f} (most {most:.4f})")


def noisy(image: Pixels, noise: float, rng: np.random.Generator) -> Pixels:
    """The image with noise of `noise` grey levels."""
    return np.clip(image + rng.normal(0, noise, image.shape), 0, 255).round().astype(np.uint8)


def meshes(frames: list[Pixels]) -> tuple[Floats, Floats]:
    """(T, L, 2) of the first face, tracked and each frame on its own; frames without: left out."""
    detector, mesh = load("mtcnn"), load("attention-mesh")
    following = MeshTracker(detector, mesh)
    pairs = []
    for number, image in enumerate(frames):
        seen = [one.points for one in following(image, number / RATE) if one.points is not None]
        faces = detector(image)[:1]
        if seen and faces:
            pairs.append((seen[0][:, :2], fit_meshes(mesh, image, faces)[0][0, :, :2]))
    print(f"  {len(pairs)} of {len(frames)} frames with a face in both")
    ours, alone = zip(*pairs, strict=True)
    return np.stack(ours), np.stack(alone)


def eyes(points: Floats) -> Floats:
    """(T,) distance of the eyes."""
    both = five_points(points)[:, :2]
    distance: Floats = np.linalg.norm(both[:, 1] - both[:, 0], axis=-1)
    return distance


def jitter(points: Floats) -> float:
    """Mean displacement of a point from frame to frame, in eye distances."""
    moved = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=1)
    return float((moved / eyes(points)[1:]).mean())


if __name__ == "__main__":
    main()
