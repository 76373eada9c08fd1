"""Draw people with known action units, and store the points that the mesh found.

Each person is drawn with a neutral face and then with random units: some alone, some together, some
on one side, some as emotions or sounds; turned by up to 25 degrees, most by less than 10, in images
of several sizes with noise. `tools/fit_units.py` reads the output.

Example: python tools/draw_units.py --people 24 --out builtin.npz
"""

import argparse
from pathlib import Path

import numpy as np

from mien.geometry import Camera
from mien.landmarks import fit_meshes
from mien.synth import Actor, Pose, Scene, emotion, make_person, open_head, render
from mien.synth import Camera as Lens
from mien.synth.head.ict import import_ict
from mien.synth.motion.controls import EMOTIONS, VISEMES, gaze_weights
from mien.zoo import load

REST, ACTING = 10, 54  # images of each person
ALONE = ("1", "2", "4", "5", "6", "7", "9", "10", "12", "14", "15", "17", "20", "23", "25", "26")
OTHERS = ("16", "18", "22", "24", "27", "28", "33", "45")  # also drawn, to avoid confusion
ONE_SIDED = ("1", "2", "10", "12", "14", "15", "20", "45")
SIZES = (144, 192, 256)
GAP = ((61, 67), (62, 66), (63, 65))  # upper and lower inner lip of the 68 points


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--first", type=int, default=100, help="seed of the first person")
    parser.add_argument("--ict", type=Path, help="ict_facekit.npz; without it the built-in head")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    head = import_ict(args.ict, modes=40) if args.ict else open_head("builtin")
    detector, mesh = load("mtcnn"), load("attention-mesh")
    rows: dict[str, list[object]] = {}
    missed = 0
    for seed in range(args.first, args.first + args.people):
        actor = Actor(head, make_person(seed, head))
        for scene in scenes(np.random.default_rng([seed, 5])):
            frame = render(actor, scene, truth=False)
            found = detector(frame.rgb)[:1]
            if not found:
                missed += 1
                continue
            [points], presence = fit_meshes(mesh, frame.rgb, found)
            lips = [np.linalg.norm(frame.lm68_3d[a] - frame.lm68_3d[b]) for a, b in GAP]
            camera = Camera(scene.camera.focal_px, *(np.array(scene.camera.size[::-1]) / 2))
            row = {
                "person": seed, "rest": scene.seed < REST,
                "points": points, "presence": presence[0, 0], "gap": np.mean(lips),
                "shapes": [frame.shapes.get(name, 0.0) for name in sorted(head.expression)],
                "pose": [frame.pose.yaw, frame.pose.pitch, frame.pose.roll],
                "camera": [camera.focal, camera.x, camera.y], "lm68": frame.lm68,
            }  # fmt: skip
            for name, value in row.items():
                rows.setdefault(name, []).append(value)
    kept = {name: np.asarray(values) for name, values in rows.items()}
    names = np.array(sorted(head.expression))
    np.savez_compressed(args.out, head=np.array(head.name), names=names, **kept)
    print(f"{head.name}: {len(kept['person'])} pictures, {missed} without a face")


def scenes(rng: np.random.Generator) -> list[Scene]:
    """The images of one person; the first ones have a neutral face."""
    drawn = []
    for number in range(REST + ACTING):
        reach = 0.5 if number < REST else 1.0
        size = int(rng.choice(SIZES))
        drawn.append(
            Scene(
                gaze_weights(*rng.normal(0, (6, 3))) | ({} if number < REST else acts(rng)),
                Pose(*(rng.triangular(-1, 0, 1, 3) * (25, 18, 18) * reach)),
                Lens(size, size),
                noise=float(rng.uniform(0, 5)),
                seed=number,
                cast=False,
            )
        )
    return drawn


def acts(rng: np.random.Generator) -> dict[str, float]:
    """The weights of one image: one to three units, an emotion, or a sound."""
    kind = rng.random()
    if kind < 0.1:
        name = str(rng.choice([name for name in EMOTIONS if name != "neutral"]))
        return emotion(name, float(rng.uniform(0.2, 1)))
    if kind < 0.2:
        return {f"viseme:{rng.choice(list(VISEMES))}": float(rng.uniform(0.4, 1))}
    count = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
    weights: dict[str, float] = {}
    for unit in rng.choice(ALONE + OTHERS, count, replace=False):
        lopsided = unit in ONE_SIDED and rng.random() < 0.2
        side = str(rng.choice(["_L", "_R"])) if lopsided else ""
        weights[f"AU{unit}{side}"] = float(rng.uniform(0.1, 1))
    return weights


if __name__ == "__main__":
    main()
