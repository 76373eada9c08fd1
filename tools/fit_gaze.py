"""Fit the position of the iris in an eye: REST and REACH in src/mien/landmarks/measures.py.

People in the images are assumed to gaze at the camera, so the eye of a turned head is rotated back
by the same angle. The place of the iris between the eye's corners, as a share of the eye's width,
is then a linear function of the sine of the eye's angle; both eyes mirror each other. Lines are
robust (Theil and Sen), since some people gaze elsewhere. The fit is reported as a correlation
and as the remaining angle.

Example: python tools/fit_gaze.py utkface/
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import theilslopes

from mien.geometry import Camera
from mien.landmarks import fit_meshes, head_pose, measure_head, names
from mien.landmarks.measures import SIDES
from mien.media import find_images, read_image
from mien.types import Doubles, Floats
from mien.zoo import load


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="+", help="of one face each")
    parser.add_argument("--count", type=int, default=3000)
    args = parser.parse_args()
    paths = find_images(args.pictures)
    random.Random(1).shuffle(paths)
    detector, mesh, angles, places = load("mtcnn"), load("attention-mesh"), [], []
    for path in paths[: args.count]:
        image = read_image(path)
        faces = detector(image)
        if len(faces) != 1:
            continue
        [points], [presence] = fit_meshes(mesh, image, faces)
        if presence[0] < 0.9:
            continue
        for sines, place in eyes(points, Camera.of(*image.shape[:2])):
            angles.append(sines)
            places.append(place)
    x, y = np.array(angles), np.array(places)
    print(f"{len(x)} eyes")
    for axis, name in enumerate(("right", "down")):
        slope, rest, low, high = theilslopes(y[:, axis], x[:, axis])
        left = np.degrees(np.arcsin(np.clip((y[:, axis] - rest) / slope, -1, 1)))
        off = np.median(np.abs(left - np.degrees(np.arcsin(x[:, axis]))))
        kept = np.corrcoef(x[:, axis], y[:, axis])[0, 1]
        print(f"{name}: rest {rest:.3f}, reach {slope:.3f} ({low:.3f} to {high:.3f}), "
              f"correlation {kept:.2f}, median error {off:.1f} degrees")  # fmt: skip


def eyes(points: Floats, camera: Camera) -> Iterator[tuple[Doubles, Doubles]]:
    """For each open eye the sines of its angles to image right and down, and the iris's place."""
    pose = head_pose(points, camera)
    shown = measure_head(pose)
    to_camera = pose.rotation.T @ (-pose.position / np.linalg.norm(pose.position))
    for side, corners, iris, mirror in zip(
        SIDES, names.EYE_CORNERS, (names.LEFT_IRIS, names.RIGHT_IRIS), (1, -1), strict=True
    ):
        if np.isnan(shown[f"gaze_yaw_{side}"]):
            continue  # closed
        ends = pose.points[list(corners)]
        width = np.linalg.norm(ends[1] - ends[0])
        place = (pose.points[iris] - ends.mean(axis=0))[:2] / width
        yield to_camera[:2] * [mirror, 1], place * [mirror, 1]


if __name__ == "__main__":
    main()
