"""Which action units are higher on which posed faces: real photos in folders named by emotion.

Units are told against average people at rest, since these data sets have no rest of each person. An
emotion's name is what people were asked to show or were taken to show, not what they felt.

Example: python benchmarks/units.py ck48/ --side 240
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from mien.behaviour import AU_NAMES, Baseline, action_units
from mien.geometry import Camera
from mien.landmarks import UNITS, fit_meshes, measure
from mien.media import read_image
from mien.types import Doubles, Face
from mien.zoo import load

AROUND = 0.3  # of a picture that is put around it: the crops are tight
TURNED = 25.0  # degrees of yaw beyond which a picture is left out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="one folder for each emotion")
    parser.add_argument("--side", type=int, default=240, help="px to which crops are enlarged")
    parser.add_argument("--most", type=int, default=300, help="pictures of each emotion")
    args = parser.parse_args()
    mesh, rows, labels = load("attention-mesh"), [], []
    for folder in sorted(path for path in args.folder.iterdir() if path.is_dir()):
        for path in sorted(folder.iterdir())[: args.most]:
            found = looked(mesh, path, args.side)
            if abs(found["yaw"]) <= TURNED:
                rows.append(found)
                labels.append(folder.name)
    columns = {name: np.array([row[name] for row in rows]) for name in UNITS}
    units, label = action_units(columns, Baseline.average()), np.array(labels)
    names = sorted(set(labels))
    print(f"{args.folder.name}, mean intensity (AUC against all others); {len(rows)} pictures")
    for name in AU_NAMES:
        told = units[f"{name}_r"]
        each = [f"{n} {told[label == n].mean():.1f} ({auc(told[label == n], told[label != n]):.2f})"
                for n in names]  # fmt: skip
        print(f"{name}: {', '.join(each)}")


def looked(mesh, path: Path, side: int) -> dict[str, float]:
    """Measures of a tight square crop."""
    image = cv2.resize(read_image(path), (side, side), interpolation=cv2.INTER_CUBIC)
    edge = int(AROUND * side)
    image = cv2.copyMakeBorder(image, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    box = np.float32(
        [edge + 0.05 * side, edge + 0.05 * side, edge + 0.95 * side, edge + 0.95 * side]
    )
    [points], _ = fit_meshes(mesh, image, [Face(box, 1.0)], passes=3)
    return measure(points, Camera.of(*image.shape[:2]))


def auc(high: Doubles, low: Doubles) -> float:
    """Area under the ROC curve; a tie counts as half."""
    order = np.sort(low)
    below = np.searchsorted(order, high, "left") + np.searchsorted(order, high, "right")
    return float(below.mean() / 2 / len(low))


if __name__ == "__main__":
    main()
