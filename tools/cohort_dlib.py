"""Make the cohort of dlib's network: rows that stand for strangers of every group.

python tools/cohort_dlib.py FOLDER --vectors utk.npz

FOLDER holds the images of UTKFace (AGE_SEX_GROUP_DATE.jpg.chip.jpg, research terms). Half of them,
by the digest of their name, are used; the other half measures the result. No row is the template
of a person: local Gaussians are fitted to some ten similar faces each, and sampled.
"""

import argparse
import hashlib
from pathlib import Path

import cv2
import numpy as np
from scipy.cluster.vq import kmeans2

from mien.align import align
from mien.detect import detect_with_retries
from mien.embed.dlib import ZOOM
from mien.evaluate.variants import dark, grey
from mien.media import find_images, read_image
from mien.photo.pipeline import main_face
from mien.types import Floats, Pixels, Points
from mien.zoo import load

CONTRACTS = ("dlib-resnet29", "dlib-resnet29-int8")
TARGET = Path(__file__).parent.parent / "src/mien/decision/cohorts/dlib-resnet29.npz"
ADULT, CHILD = 18, 13  # years: from, below
GROUPS = 4  # labels of origin that UTKFace has names for; its fifth is "other"
PEOPLE, FEWEST = 10, 5  # faces of one local Gaussian: about, and at least
NEAREST = 220  # rows that make up a neighbourhood
# In neighbourhoods more crowded than nearly all of LFW the cohort shows too few strangers. Chosen
# on twelve of the 25 Taiwanese actors.
CROWDED, CAUTION = 0.925, 0.35
# Pictures that rows are made of, rows from each, and whether men and women are apart. Numbers
# follow the root of the number of people in a group: more rows where the data are richer, yet no
# group is lost.
MADE_OF: dict[str, tuple[tuple[str, ...], int, bool]] = {
    "adult": (("plain", "grey"), 3000, True),
    "child": (("plain", "grey"), 1200, False),
    "masked": (("masked", "masked-grey"), 300, False),
    "dark-glasses": (("dark-glasses", "dark-glasses-grey"), 200, False),
}
CLOTH = ((235, 235, 235), (120, 170, 210), (30, 30, 35), (60, 80, 140), (200, 160, 170))


def kept(path: Path) -> bool:
    """Whether a picture is in the half that the cohort is made of."""
    return hashlib.sha256(path.name.encode()).digest()[0] % 2 == 0


def masked(image: Pixels, points: Floats, random: np.random.Generator) -> Pixels:
    """Paint a mask over nose, mouth and chin.

    Args:
        image: (H, W, 3).
        points: (5, 2) px, eyes, nose, corners of the mouth.
        random: chooses cloth and cut.
    """
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    across = points[1] - points[0]
    down = mouth - eyes
    top = random.uniform(0.35, 0.6)
    shape = [
        eyes + top * down - 0.85 * across,
        eyes + (top - 0.1) * down,
        eyes + top * down + 0.85 * across,
        eyes + 1.25 * down + 0.8 * across,
        eyes + 1.75 * down + 0.3 * across,
        eyes + 1.75 * down - 0.3 * across,
        eyes + 1.25 * down - 0.8 * across,
    ]
    return _painted(image, np.array(shape), CLOTH[random.integers(len(CLOTH))], random)


def behind_glasses(image: Pixels, points: Floats, random: np.random.Generator) -> Pixels:
    """Paint dark glasses; arguments as for `masked`."""
    across, out = points[1] - points[0], image
    down = np.array([-across[1], across[0]])
    for eye in points[:2]:
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)[:, None]
        shape = eye + 0.36 * np.cos(angle) * across + (0.24 * np.sin(angle) + 0.03) * down
        out = _painted(out, shape, (20, 20, 22), random)
    return out


def _painted(
    image: Pixels, shape: Points | Floats, colour: tuple[int, int, int], random: np.random.Generator
) -> Pixels:
    inside = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(shape).astype(np.int32)], 255)
    share = cv2.GaussianBlur(inside, (0, 0), 1.2)[..., None] / 255
    shade = image.mean(2, keepdims=True) / max(1.0, float(image.mean()))
    cloth = np.array(colour) * np.clip(0.7 + 0.3 * shade, 0.4, 1.3) * random.uniform(0.6, 1.1)
    return np.clip(image * (1 - share) + cloth * share, 0, 255).astype(np.uint8)


def variants(image: Pixels, points: Floats, random: np.random.Generator) -> dict[str, Pixels]:
    """The pictures of one face that are embedded."""
    covered, glasses = masked(image, points, random), behind_glasses(image, points, random)
    return {
        "plain": image,
        "grey": grey(image),
        "masked": covered,
        "masked-grey": grey(covered),
        "dark-glasses": glasses,
        "dark-glasses-grey": grey(glasses),
        "dark": dark(image, 0.12, gamma=1.0),
    }


def embedded(paths: list[Path], vectors: Path) -> dict[str, np.ndarray]:
    """Vectors of each variant; NaN where no face was found. Kept in a file."""
    if vectors.exists():
        with np.load(vectors) as table:
            return dict(table)
    detector, embedder = load("mtcnn", threads=1), load("dlib-resnet29-int8")
    table: dict[str, list[Floats]] = {}
    nothing = np.full(128, np.nan, np.float32)
    for number, path in enumerate(paths):
        random = np.random.default_rng(number)
        image = read_image(path)
        found = detect_with_retries(detector, image).faces
        first = main_face(found, image) if found else None
        shown = variants(image, first.points, random) if first else {}
        for name in ("plain", "grey", "masked", "masked-grey", "dark-glasses",
                     "dark-glasses-grey", "dark"):  # fmt: skip
            vector = nothing
            if name in shown and (number % 2 == 0 or name in ("plain", "grey")):
                faces = detect_with_retries(detector, shown[name]).faces
                if faces:
                    chips = align(shown[name], [main_face(faces, shown[name])], embedder.crop)
                    vector = embedder(chips)[0]
            table.setdefault(name, []).append(vector)
        if number % 500 == 0:
            print(f"{number} of {len(paths)}", flush=True)
    found_table = {name: np.stack(rows) for name, rows in table.items()}
    found_table["files"] = np.array([path.name for path in paths])
    np.savez(vectors, **found_table)
    return found_table


def sampled(vectors: Floats, rows: int, random: np.random.Generator) -> Floats:
    """Draw (rows, D) unit vectors from local Gaussians, each fitted to about PEOPLE rows."""
    count = max(1, len(vectors) // PEOPLE)
    _, near = kmeans2(vectors.astype(np.float64), count, minit="++", seed=random)
    drawn = []
    for number in range(count):
        some = vectors[near == number]
        if len(some) < FEWEST:  # too few to hide in
            continue
        share = max(1, round(rows * len(some) / len(vectors)))
        weights = random.standard_normal((share, len(some))) / np.sqrt(len(some) - 1)
        middle = some.mean(0)
        drawn.append(middle + weights @ (some - middle))
    found = np.concatenate(drawn)
    unit: Floats = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def cohort(table: dict[str, np.ndarray], seed: int = 0) -> Floats:
    """The rows, from the half that is kept."""
    random = np.random.default_rng(seed)
    age, sex, group = np.array([labels(name) for name in table["files"].tolist()]).T
    mine = np.array([kept(Path(name)) for name in table["files"].tolist()])
    rows = []
    for kind, (pictures, total, apart) in MADE_OF.items():
        right = (age >= 0) & (age < CHILD) if kind == "child" else age >= ADULT
        sets = [
            right & mine & (group == g) & ((sex == s) | (not apart))
            for g in range(GROUPS)
            for s in range(2 if apart else 1)
        ]
        roots = np.sqrt([each.sum() for each in sets])
        for name in pictures:
            for each, root in zip(sets, roots, strict=True):
                vectors = table[name][each]
                vectors = vectors[~np.isnan(vectors[:, 0])]
                rows.append(sampled(vectors, round(total * root / roots.sum()), random))
    return np.concatenate(rows)


def labels(name: str) -> tuple[int, int, int]:
    """Age, sex and group of a file of UTKFace; -1 where its name lacks one."""
    parts = name.split("_")
    return (int(parts[0]), int(parts[1]), int(parts[2])) if len(parts) == 4 else (-1, -1, -1)


def contracts() -> list[str]:
    """Contracts that the rows fit: also those of the crop before version 0.3."""
    now = [load(name).contract for name in CONTRACTS]
    return now + [contract.replace(f"/zoom-{ZOOM:g}", "") for contract in now]


def main() -> None:
    """Embed, sample and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vectors", type=Path, required=True, help="cache of the embeddings")
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    table = embedded(sorted(find_images([asked.folder])), asked.vectors)
    rows = cohort(table, asked.seed)
    people = sum(kept(Path(name)) for name in table["files"].tolist())
    np.savez_compressed(
        asked.out,
        vectors=rows.astype(np.float16),
        nearest=NEAREST,
        crowded=CROWDED,
        caution=CAUTION,
        embedders=np.array(contracts()),
        data=f"{people:,} pictures of UTKFace (research terms); sampled from local Gaussians of "
        f"some {PEOPLE} faces each, so that no row is the template of a person.",
    )
    print(f"{len(rows):,} rows of {people:,} pictures: {asked.out}")


if __name__ == "__main__":
    main()
