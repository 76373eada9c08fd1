"""Measure the 68 points of the mesh against rendered heads, and five against those of MTCNN.

NME is the mean distance of the points divided by the distance of the outer corners of the eyes, as
in 300-W (Sagonas et al., ICCVW 2013). On photos there is no truth: the five points of the mesh are
compared with those of the detector, divided by the distance between the eyes. With --dlib also
with dlib's predictors of five points (corners of the eyes, below the nose) and of 68 points on
its own HOG boxes, as NME; and these two with each other, for the points that both have.
The mesh points for the 68 were selected on UTKFace with that predictor, so LFW is the test.

Example: python benchmarks/points.py ict.npz builtin.npz --photos lfw_gray/images --dlib
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from peers import predictor_files

from mien.geometry import eye_distance
from mien.landmarks import SUBSET_68, fit_meshes, five_points
from mien.media import find_images, read_image
from mien.types import Doubles, Pixels
from mien.zoo import load

GROUPS = {"jaw": slice(0, 17), "brows": slice(17, 27), "nose": slice(27, 36),
          "eyes": slice(36, 48), "mouth": slice(48, 68)}  # fmt: skip
COUNT = 200  # photos
FIVE = (45, 42, 36, 39, 33)  # of the 68: dlib's five
PARTS = ("right eye outer", "right eye inner", "left eye outer", "left eye inner", "nose")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drawn", type=Path, nargs="*", help="files of tools/draw_units.py")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=COUNT, help="number of photos")
    parser.add_argument("--dlib", action="store_true", help="compare photos with dlib's predictors")
    args = parser.parse_args()
    for path in args.drawn:
        rendered(path)
    if args.photos:
        photos(args.photos, args.count)
        if args.dlib:
            predicted(args.photos, args.count)


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


def photos(folder: Path, count: int) -> None:
    """The five points of the mesh against MTCNN's."""
    detector, mesh, apart = load("mtcnn"), load("attention-mesh"), []
    for image in chosen(folder, count):
        faces = detector(image)[:1]
        if faces and faces[0].points is not None:
            [points], _ = fit_meshes(mesh, image, faces)
            off = np.linalg.norm(five_points(points) - faces[0].points, axis=1)
            apart.append(off / eye_distance(faces[0].points))
    each = ", ".join(f"{v:.3f}" for v in np.median(apart, axis=0))
    print(f"photos, {len(apart)}: median {np.median(apart):.3f} of the eye distance from the "
          f"detector's points (eyes, nose, mouth's corners: {each})")  # fmt: skip


def chosen(folder: Path, count: int) -> Iterator[Pixels]:
    """`count` images, evenly spaced in a folder."""
    paths = find_images([folder])
    for path in paths[:: max(1, len(paths) // count)]:
        yield read_image(path)


def predicted(folder: Path, count: int) -> None:
    """The mesh against dlib's predictors, and these against each other."""
    import dlib

    boxes, models = dlib.get_frontal_face_detector(), predictor_files()
    five, many = (dlib.shape_predictor(str(path)) for path in models)
    detector, mesh = load("mtcnn"), load("attention-mesh")
    off: dict[str, list[Doubles]] = {}
    missed = 0
    for image in chosen(folder, count):
        faces, found = detector(image)[:1], boxes(image, 1)[:1]
        if not faces or not found:
            missed += 1
            continue
        ours = fit_meshes(mesh, image, faces)[0][0][list(SUBSET_68), :2].astype(np.float64)
        a, b = (
            np.array([(p.x, p.y) for p in model(image, found[0]).parts()], np.float64)
            for model in (five, many)
        )
        wide = np.linalg.norm(a[0] - a[2])
        pairs = {"mesh, its five points": (ours[list(FIVE)], a), "mesh, its 68 points": (ours, b),
                 "dlib's 68, its five points": (b[list(FIVE)], a)}  # fmt: skip
        for name, (one, other) in pairs.items():
            off.setdefault(name, []).append(np.linalg.norm(one - other, axis=1) / wide)
    print(f"{folder}: {missed} without a face; NME against dlib's, mean, median, 0.95 quantile")
    for name, rows in off.items():
        each = np.array(rows).mean(axis=1)
        quantiles = ", ".join(f"{v:.3f}" for v in (each.mean(), *np.quantile(each, [0.5, 0.95])))
        points = np.median(rows, axis=0)
        if len(points) == 68:
            parts = {part: points[which].mean() for part, which in GROUPS.items()}
        else:
            parts = dict(zip(PARTS, points, strict=True))
        each_part = ", ".join(f"{part} {value:.3f}" for part, value in parts.items())
        print(f"  {name}, {len(each)} photos: {quantiles}; {each_part}")


if __name__ == "__main__":
    main()
