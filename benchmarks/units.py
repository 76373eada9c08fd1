"""Compare action units of posed faces: real photos in folders named by emotion.

Units are relative to the mean neutral face, since these data sets have no baseline of each person.
An emotion's name is the requested or perceived expression, not a feeling.

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

AROUND = 0.3  # of an image, added around it: the crops are tight
TURNED = 25.0  # degrees of yaw beyond which an image is left out


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
            found = measured(mesh, path, args.side)
            if abs(found["yaw"]) <= TURNED:
                rows.append(found)
                labels.append(folder.name)
    columns = {name: np.array([row[name] for row in rows]) for name in UNITS}
    units, label = action_units(columns, Baseline.average()), np.array(labels)
    names = sorted(set(labels))
    print(f"{args.folder.name}, mean intensity (AUC against all others); {len(rows)} pictures")
    for name in AU_NAMES:
        intensities = units[f"{name}_r"]
        each = []
        for n in names:
            area = auc(intensities[label == n], intensities[label != n])
            each.append(f"{n} {intensities[label == n].mean():.1f} ({area:.2f})")
        print(f"{name}: {', '.join(each)}")


def measured(mesh, path: Path, side: int) -> dict[str, float]:
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
