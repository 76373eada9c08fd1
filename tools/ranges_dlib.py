"""Measure ranges of the values inside dlib's network on faces, for its 8-bit version.

python tools/ranges_dlib.py FOLDER --pictures 200

FOLDER holds images of people who are in no measurement of the network. The shipped ranges were
taken on 200 images of UTKFace (research terms), drawn with seed 0; the thresholds and all
results of the card are measured on LFW.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

import numpy as np

from mien.align import align
from mien.detect import detect_with_retries
from mien.embed import DlibEmbedder
from mien.media import find_images, read_image
from mien.photo.pipeline import main_face
from mien.runtime import Session
from mien.zoo import find as card
from mien.zoo import load
from mien.zoo.convert.dlib import SIDE, observe

TARGET = Path(__file__).parent.parent / "src/mien/zoo/ranges/dlib-resnet29.json"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--dat", type=Path, required=True, help="dlib's .dat file")
    asked = parser.parse_args()
    paths = find_images([asked.folder])
    random.Random(0).shuffle(paths)
    detector = load("mtcnn")
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "seen.onnx"
        names = observe(asked.dat, graph)
        session = Session(graph, (None, SIDE, SIDE, 3))
        low, high = np.zeros(len(names)), np.zeros(len(names))
        faces = 0
        for path in paths[: asked.pictures]:
            image = read_image(path)
            found = detect_with_retries(detector, image).faces
            if not found:
                continue
            faces += 1
            seen = session(align(image, [main_face(found, image)], DlibEmbedder.crop))
            low = np.minimum(low, [seen[name].min() for name in names])
            high = np.maximum(high, [seen[name].max() for name in names])
    ranges = [[round(float(a), 6), round(float(b), 6)] for a, b in zip(low, high, strict=True)]
    source = {"faces": faces, "command": "python tools/ranges_dlib.py utkface --pictures 200"}
    rows = ",\n  ".join(json.dumps(row) for row in ranges)
    TARGET.write_text(json.dumps(source)[:-1] + f', "ranges": [\n  {rows}\n]}}\n', "utf-8")
    print(f"{len(ranges)} ranges of {faces} faces for {card('dlib-resnet29').name}: {TARGET}")


if __name__ == "__main__":
    main()
