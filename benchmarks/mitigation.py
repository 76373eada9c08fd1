"""Measure what `mien train gender-disparity --set mitigate=...` does to gaps between races.

Each seed trains the network of the card three times on the same half of UTKFace, as the command
does, and answers the other half. Differences are between trainings of the same seed.

Example: python benchmarks/mitigation.py --utkface utkface --out runs/mitigation --seeds 5
"""

import argparse
from pathlib import Path

import numpy as np

import mien.systems.gender_disparity as system
from mien.datasets import LABELS
from mien.evaluate.fairness.grid import parted, read_grid
from mien.evaluate.fairness.labelled_faces import faces_of
from mien.train.commands import train_system
from mien.train.grouped import DRAWS
from mien.train.seed_summary import over_seeds
from mien.zoo import find_system, load

COLUMNS = ("accuracy", "gap of equal opportunity", "worst cell", "gap of accuracy")


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utkface", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="run folders; finished are kept")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--group", default="race", help="race or tone; gaps are between races")
    args = parser.parse_args()
    grid = read_grid(Path(system.__file__).parent / "grid-utkface.toml")
    records = LABELS["utkface"](args.utkface)
    _, test = parted(grid, faces_of(records, grid.datasets, grid.size, None))
    race_of = {record.path.name: record.labels.get("race", "") for record in records}
    race = np.array([race_of[name] for name in test.names])
    found: dict[str, list[list[float]]] = {}
    for seed in range(args.seeds):
        for kind in DRAWS:
            out = args.out / f"{args.group}-{kind}-{seed}"
            if not (out / "card.toml").is_file():
                pairs = [f"mitigate={kind}", f"seed={seed}"]
                pairs += [f"group={args.group}"] if kind != "none" else []
                train_system(find_system("gender-disparity"), pairs, args.utkface, out, None)
            male = [one.values["male"] > 0.5 for one in load(str(out))(test.images)]
            found.setdefault(kind, []).append(gaps(np.array(male) == test.male, race, test.male))
            print(seed, kind, *(f"{v:.3f}" for v in found[kind][-1]), flush=True)
    print("mean (95 % interval) of", ", ".join(COLUMNS))
    plain = np.array(found["none"])
    for kind, rows in found.items():
        print(kind, *(text(column) for column in np.array(rows).T), sep=" | ")
        if kind != "none":
            print("  minus none", *(text(c) for c in (np.array(rows) - plain).T), sep=" | ")


def gaps(right: np.ndarray, race: np.ndarray, male: np.ndarray) -> list[float]:
    """Accuracy, largest gap of a recall between races, least recall, and gap of the accuracy."""
    names = [name for name in np.unique(race) if name]
    recalls = np.array([[right[(race == r) & (male == m)].mean() for r in names] for m in (0, 1)])
    each = [right[race == r].mean() for r in names]
    return [float(right.mean()), float(np.ptp(recalls, 1).max()), float(recalls.min()),
            float(np.ptp(each))]  # fmt: skip


def text(values: np.ndarray) -> str:
    """Mean and interval over seeds."""
    middle, low, high = over_seeds(values.tolist())
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
