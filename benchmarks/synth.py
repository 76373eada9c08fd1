"""Benchmark the face synthesiser: speed as ratios, transfer of AU12 between heads, contact sheets.

python benchmarks/synth.py speed            # on an idle core
python benchmarks/synth.py transfer         # needs the heads builtin and ict
python benchmarks/synth.py sheets docs/pictures
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.media import write_image
from mien.synth import Actor, Camera, Pose, Scene, make_person, open_head, random_light, render
from mien.synth.head.geometry_checks import mouth_camera, seconds_a_frame
from mien.synth.motion.controls import ACTIONS
from mien.synth.render.camera import project
from mien.synth.render.raster import rasterise


def speed() -> None:
    """Time frames of both heads, and the rasteriser with numba against that without."""
    for name in ("builtin", "ict"):
        try:
            head = open_head(name)
        except Exception as error:
            print(f"{name}: {error}")
            continue
        actor = Actor(head, make_person(3, head))
        whole = [seconds_a_frame(actor, Camera(256, 256)) * 1000 for _ in range(3)]
        part = actor.mouth_only()
        mouth = [seconds_a_frame(part, mouth_camera(), truth=False) * 1000 for _ in range(3)]
        print(f"{name}: 256 x 256 with truth {spread(whole)} ms, mouth 64 x 64 {spread(mouth)} ms")
        points = project(actor.rest.astype(np.float64), Camera(512, 512))
        fast = [clock(points, actor.triangles, False) for _ in range(5)]
        slow = [clock(points, actor.triangles, True) for _ in range(3)]
        ratios = [s / f for s in slow for f in fast]
        print(f"{name}: NumPy over numba, {len(actor.triangles):,} triangles: {spread(ratios)}")


def clock(points, triangles, numpy_only):
    """Seconds for one image of 512 x 512."""
    begin = time.perf_counter()
    rasterise(points, triangles, (512, 512), numpy_only=numpy_only)
    return time.perf_counter() - begin


def spread(values) -> str:
    """Median, and the ends."""
    return f"{np.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def transfer() -> None:
    """AU12 trained on each head and tested on each, with disjoint people."""
    from mien.evaluate.rendered.transfer import smiles
    from mien.evaluate.rendered.transfer import transfer as move
    from mien.zoo import load

    detector, landmarker = load("mtcnn"), load("face-mesh")
    learn, ask = {}, {}
    for name in ("builtin", "ict"):
        head = open_head(name)
        learn[name] = (name, *smiles(head, detector, landmarker, 60, first=20_000))
        ask[name] = (name, *smiles(head, detector, landmarker, 30, first=30_000))
    print("learnt on  asked on  correlation  error  shuffled labels  pictures")
    for taught in learn:
        for asked in ask:
            row = move(learn[taught], ask[asked])
            print(
                f"{taught:10} {asked:9} {row.correlation:11.3f} {row.error:6.3f} "
                f"{row.shuffled:16.3f} {row.pictures:9d}"
            )


def sheets(folder: Path) -> None:
    """64 people and all action units, of each head."""
    for name in ("builtin", "ict"):
        head = open_head(name)
        people = [one(head, number) for number in range(64)]
        save(folder / f"synth-people-{name}.jpg", people, 8)
        person = make_person(11, head, tone=4.0)
        appearance = replace(person.appearance, hair_style="short", beard="none", glasses="none")
        actor = Actor(head, replace(person, appearance=appearance))
        units = [u for u in ACTIONS if u != "AU43"]
        moves = [face(actor, {unit: 1.0}) for unit in units]
        save(folder / f"synth-units-{name}.jpg", [face(actor, {}), *moves], 8)


def one(head, number: int, side: int = 144):
    """A random person in a random scene."""
    rng = np.random.default_rng([number, 5])
    actor = Actor(head, make_person(number + 300, head, tone=1 + 9 * (number * 19 % 64) / 63))
    scene = Scene(
        {"AU12": float(np.clip(rng.normal(0.1, 0.3), 0, 1))},
        Pose(float(rng.uniform(-20, 20)), float(rng.uniform(-6, 6)), float(rng.uniform(-4, 4))),
        Camera(side, side, distance=580, centre=(0, -14)),
        random_light(rng),
        number,
        noise=0.6,
    )
    return render(actor, scene, truth=False).rgb


def face(actor, weights, side: int = 168):
    """One person with given weights."""
    camera = Camera(side, side, distance=480, centre=(0, -26))
    return render(actor, Scene(weights, camera=camera, background=8), truth=False).rgb


def save(path: Path, pictures, columns: int) -> None:
    """Write a sheet of images."""
    blank = np.full_like(pictures[0], 255)
    pictures = pictures + [blank] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    write_image(path, np.vstack(rows), 76)
    print(path, path.stat().st_size // 1000, "kB")


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "speed"
    if what == "sheets":
        sheets(Path(sys.argv[2]))
    else:
        {"speed": speed, "transfer": transfer}[what]()
