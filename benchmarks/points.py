"""How far the 68 points of the mesh are from the truth of rendered heads, and five from MTCNN's.

NME is the mean distance of the points divided by the distance of the outer corners of the eyes, as
in 300-W (Sagonas et al., ICCVW 2013). On photos there is no truth: the five points of the mesh are
held against those of the detector, divided by the distance between the eyes.

Example: python benchmarks/points.py ict.npz builtin.npz --photos lfw_gray/images
"""

import argparse
from pathlib import Path

import numpy as np

from mien.geometry import eye_distance
from mien.landmarks import SUBSET_68, five_points, locate
from mien.media import find_images, read_image
from mien.types import Doubles
from mien.zoo import load

GROUPS = {"jaw": slice(0, 17), "brows": slice(17, 27), "nose": slice(27, 36),
          "eyes": slice(36, 48), "mouth": slice(48, 68)}  # fmt: skip
COUNT = 200  # photos


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drawn", type=Path, nargs="*", help="files of tools/draw_units.py")
    parser.add_argument("--photos", type=Path)
    args = parser.parse_args()
    for path in args.drawn:
        rendered(path)
    if args.photos:
        photos(args.photos)


def rendered(path: Path) -> None:
    """NME of rendered heads, whole and by part, with and without each person's own mean offset."""
    data = np.load(path)
    seen, true = data["points"][:, SUBSET_68, :2].astype(np.float64), data["lm68"]
    wide = np.linalg.norm(true[:, 45] - true[:, 36], axis=1)[:, None, None]
    off = (seen - true) / wide
    people = data["person"]
    mean = np.stack([off[people == p].mean(axis=0) for p in np.unique(people)])
    own = off - mean[np.searchsorted(np.unique(people), people)]
    parts = ", ".join(f"{part} {nme(off[:, which]):.3f}" for part, which in GROUPS.items())
    print(f"rendered, head {data['head']}, {len(off)} pictures of {len(mean)} people: NME "
          f"{nme(off):.3f}, about the person's own mean {nme(own):.3f}; {parts}")  # fmt: skip


def nme(off: Doubles) -> float:
    """Mean length of (N, P, 2) offsets."""
    return float(np.linalg.norm(off, axis=2).mean())


def photos(folder: Path) -> None:
    """The five points of the mesh against MTCNN's."""
    detector, mesh, apart = load("mtcnn"), load("face-mesh-iris"), []
    paths = find_images([folder])
    for path in paths[:: max(1, len(paths) // COUNT)]:
        image = read_image(path)
        faces = detector(image)[:1]
        if faces and faces[0].points is not None:
            [points], _ = locate(mesh, image, faces)
            off = np.linalg.norm(five_points(points) - faces[0].points, axis=1)
            apart.append(off / eye_distance(faces[0].points))
    each = ", ".join(f"{v:.3f}" for v in np.median(apart, axis=0))
    print(f"photos, {len(apart)}: median {np.median(apart):.3f} of the eye distance from the "
          f"detector's points (eyes, nose, mouth's corners: {each})")  # fmt: skip


if __name__ == "__main__":
    main()
