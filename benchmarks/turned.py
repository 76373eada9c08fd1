"""Measure how often detectors find real faces that are turned: the criterion for rendered ones.

python benchmarks/turned.py UTKFACE_FOLDER LFW_GRAY_FOLDER/images

The crops were selected by detectors of their authors (dlib's for UTKFace, that of Viola and Jones
for LFW), so faces that these miss are not among them. Yaw is that of our mesh, run on the middle of
each crop without a detector; on rendered faces that are seen at 45 degrees it is 38 (ICT's head)
and 40 (built-in); the median of the real ones here is 39. Crops are extended by the colours of
their edges until the face is as large in the image as in `mien synth check`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mien.cli.synth import finders
from mien.evaluate.rendered import fits
from mien.geometry import region
from mien.geometry.poses import Camera
from mien.landmarks.head_pose import head_pose
from mien.landmarks.mesh_fit import mesh_region, run_landmarker
from mien.media import read_image
from mien.metrics import wilson
from mien.zoo import load

BANDS = ((0, 20), (35, 60))  # degrees of yaw by the mesh
SHARE = 0.47  # of the height of the image: the median of meshes in the check (0.37 to 0.63)
EACH = 100  # faces of a folder and band at most


def turned_faces(folder: Path) -> Iterator[tuple[Path, float, np.ndarray]]:
    """Each crop, its yaw and the (468, 2) points of its mesh, px."""
    landmarker = load("face-mesh")
    side = landmarker.crop.size
    for path in sorted(folder.glob("*.jpg")):
        image = read_image(path)
        height, width = image.shape[:2]
        middle = region(np.float32([width / 2, height / 2]), 1.1 * width, 0.0, side)
        points, _ = run_landmarker(landmarker, image, [middle])
        points, presence = run_landmarker(landmarker, image, [mesh_region(points[0], side)])
        if presence.min() > 0.5:
            yield path, head_pose(points[0], Camera.of(height, width)).yaw, points[0][:, :2]


def framed(image, points):
    """The crop, 200 px wide, in an image in which the face takes SHARE, and its points there."""
    small = cv2.resize(image, (200, 200), interpolation=cv2.INTER_AREA)
    points = points * (200 / image.shape[0])
    pad = max(0, int((np.ptp(points[:, 1]) / SHARE - 200) / 2))
    return cv2.copyMakeBorder(small, *[pad] * 4, cv2.BORDER_REPLICATE), points + pad


def main(folders: list[Path]) -> None:
    """Print one row per band and detector."""
    asked, found = finders(), {}
    for folder in folders:
        faces = list(turned_faces(folder))
        for band in BANDS:
            chosen = [f for f in faces if band[0] <= abs(f[1]) < band[1]]
            order = np.random.default_rng(2).permutation(len(chosen))[:EACH]
            for path, _, points in (chosen[i] for i in order):
                picture, there = framed(read_image(path), points)
                for name, find in asked.items():
                    hit = any(fits(box, there) for box in find(picture))
                    for where in (folder.parent.name + "/" + folder.name, "all"):
                        found.setdefault((band, name, where), []).append(hit)
    for (band, name, where), hits in sorted(found.items()):
        low, high = wilson(sum(hits), len(hits))
        print(f"{band} {name:15} {where:20} {sum(hits)} of {len(hits)} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]])
