"""Compare the face mesh with MediaPipe's own: distance of the points, and time.

The peer is mediapipe 0.10.21 in a separate environment, since it requires NumPy 1:

    python3 -m venv peer && peer/bin/pip install mediapipe==0.10.21

Both track one face in one image, as in a film: a chip from the last mesh, no detection; each
the mesh of 468 points, and the attention mesh of 478. Two distances of the points, as shares of
the eye distance: from the same square, and each on its own (other detector, other squares). Both
alternate; the ratio is peer time / our time, so above 1 we are faster. Times are processor
times, all threads together, on which other work on the machine has little effect.

Example: python benchmarks/mesh.py --peer peer/bin/python photo.jpg
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from peers import spread

from mien.contracts import Landmarker
from mien.landmarks import fit_meshes, five_points, mesh_region, run_landmarker
from mien.media import one_thread, read_image
from mien.types import Face
from mien.zoo import load

FRAMES = 30  # of one turn
MESHES = ("face-mesh", "attention-mesh")
PEER = """
import sys, time, json
import numpy as np
from mediapipe.python.solutions.face_mesh import FaceMesh
image = np.load(sys.argv[1])
meshes = {"face-mesh": FaceMesh(), "attention-mesh": FaceMesh(refine_landmarks=True)}
scale = np.array([image.shape[1], image.shape[0], image.shape[1]])
for line in sys.stdin:
    which, count = line.split()
    mesh, start = meshes[which], time.process_time()
    for _ in range(int(count)):
        found = mesh.process(image).multi_face_landmarks
    ms = (time.process_time() - start) * 1000
    points = [[p.x, p.y, p.z] for p in found[0].landmark] if found else []
    print(json.dumps([ms, (np.array(points) * scale).tolist() if points else []]), flush=True)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="+", help="with one face each")
    parser.add_argument("--peer", required=True, help="python with mediapipe 0.10.21")
    parser.add_argument("--turns", type=int, default=10)
    args = parser.parse_args()
    with one_thread():  # as in `mien analyze`
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Compare on each image in turn."""
    detector, ours = load("mtcnn"), {name: load(name) for name in MESHES}
    print("picture, mesh: distance from the same square, on its own; ", end="")
    print("processor ms a frame: ours, peer, ratio")
    for path in args.pictures:
        image = read_image(path)
        faces = detector(image)[:1]
        if not faces:
            print(f"{path.name}: no face")
            continue
        with tempfile.NamedTemporaryFile(suffix=".npy", delete=False) as raw:
            np.save(raw, image)
        peer = subprocess.Popen(
            [args.peer, "-c", PEER, raw.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        apart, times = {}, {(name, side): [] for name in MESHES for side in ("ours", "peer")}
        for name in MESHES:
            first, second = (_peer(peer, name, 1)[1] for _ in range(2))
            apart[name] = _apart(ours[name], image, faces, first, second)
        for _ in range(args.turns):
            for name in MESHES:
                times[name, "ours"].append(_follow(ours[name], image, faces))
                times[name, "peer"].append(_peer(peer, name, FRAMES)[0] / FRAMES)
        assert peer.stdin is not None
        peer.stdin.close()
        peer.wait()
        Path(raw.name).unlink()
        for name in MESHES:
            mine, theirs = times[name, "ours"], times[name, "peer"]
            ratios = "  ".join(spread(t, ".2f") for t in (mine, theirs, np.divide(theirs, mine)))
            print(
                f"{path.name}, {name}: {apart[name][0]:.4f} {apart[name][1]:.4f}  {ratios}",
                flush=True,
            )


def _peer(peer: "subprocess.Popen[str]", which: str, frames: int) -> tuple[float, np.ndarray]:
    assert peer.stdin is not None
    assert peer.stdout is not None
    peer.stdin.write(f"{which} {frames}\n")
    peer.stdin.flush()
    ms, points = json.loads(peer.stdout.readline())
    return float(ms), np.array(points)


def _follow(model: Landmarker, image: np.ndarray, faces: list[Face]) -> float:
    """Processor ms a frame."""
    points, _ = fit_meshes(model, image, faces)
    start = time.process_time()
    for _ in range(FRAMES):
        points, _ = run_landmarker(model, image, [mesh_region(points[0], 192)])
    return (time.process_time() - start) * 1000 / FRAMES


def _apart(
    model: Landmarker,
    image: np.ndarray,
    faces: list[Face],
    first: np.ndarray,
    second: np.ndarray,
) -> tuple[float, float]:
    """Mean distance from the peer's second mesh, in eye distances; NaN if it found no face.

    The peer's second mesh comes from the square of its first.
    """
    if not len(second):
        return float("nan"), float("nan")
    [same], _ = run_landmarker(model, image, [mesh_region(first.astype(np.float32), 192)])
    [own], _ = fit_meshes(model, image, faces)
    eyes = five_points(own)[:2]
    unit = np.linalg.norm(eyes[1] - eyes[0])
    off = [np.linalg.norm((mesh - second)[:, :2], axis=1).mean() / unit for mesh in (same, own)]
    return float(off[0]), float(off[1])


if __name__ == "__main__":
    main()
