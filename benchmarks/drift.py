"""Measure the drift alarm of galleries on real faces: without drift, and with worse images.

Half of the people of LFW are in the gallery with one image each. Windows of images of all other
people, drawn anew each time, give the alarms without drift. The same images, reduced and enlarged
again, give those with drift. A window of one person is not independent: so each has 200 people.

Example: python benchmarks/drift.py lfw_gray/images --windows 300
"""

import argparse
import re
import tempfile
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from mien.decision.drift import ALARM, WINDOW
from mien.gallery import GuardedGallery, Template, open_gallery
from mien.gallery.watching import SIGNALS
from mien.media import read_image
from mien.metrics import clopper_pearson
from mien.photo import open_pipeline
from mien.photo.search import GallerySearch
from mien.service.gallery_calibration import bind_calibration
from mien.types import Face


def embedded(pipeline, paths, scale: float = 1.0) -> list[Face]:
    """The faces of the images in which one is found."""
    found = []
    for path in paths:
        image = read_image(path)
        if scale != 1:
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            image = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        faces = pipeline(image).faces
        if faces:
            found.append(max(faces, key=lambda face: face.score))
    return found


def alarms(gallery: GuardedGallery, search: GallerySearch, live: list[Face], windows: int) -> str:
    """Share of windows with an alarm of each signal, with its interval."""
    random = np.random.default_rng(0)
    before = {signal: gallery.drift(signal) for signal in SIGNALS}
    for _ in range(windows):
        part = [live[i] for i in random.choice(len(live), WINDOW, replace=False)]
        search(np.stack([face.embedding for face in part]), part)
    shown = []
    for signal in SIGNALS:
        after = gallery.drift(signal)
        count, of = after.alarms - before[signal].alarms, after.windows - before[signal].windows
        low, high = clopper_pearson(count, of)
        shown.append(f"{signal} {count} of {of}, {count / of:.4f} ({low:.4f} to {high:.4f})")
    return "; ".join(shown)


def main() -> None:
    """Print the share of alarms of each kind of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--windows", type=int, default=300)
    given = parser.parse_args()
    images = defaultdict(list)
    for path in sorted(given.images.iterdir()):
        images[re.sub(r"_\d+$", "", path.stem)].append(path)
    names = sorted(images)
    np.random.default_rng(0).shuffle(names)
    names = names[: given.people]
    half = len(names) // 2
    pipeline = open_pipeline()
    first = {name: images[name][0] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        contract = pipeline.embedder.contract
        with open_gallery(Path(folder) / "g.mien", contract, create=True) as gallery:
            known = embedded(pipeline, [first[name] for name in names[:half]])
            gallery.add(
                [
                    Template(f"p{i}", f.embedding, contract, quality=f.quality.components)
                    for i, f in enumerate(known)
                ]
            )
            calibration = pipeline.calibrated()
            bind_calibration(gallery, calibration)
            search = GallerySearch(gallery, calibration)
            others = [first[name] for name in names[half:]]
            print(f"{len(known)} people, {WINDOW} searches a window, stated {ALARM}")
            for label, scale in (("as calibrated", 1.0), ("half", 0.5), ("a quarter", 0.25)):
                live = embedded(pipeline, others, scale)
                windows = given.windows if scale == 1 else 20
                print(f"{label}: {alarms(gallery, search, live, windows)}", flush=True)


if __name__ == "__main__":
    main()
