"""Audit of a set of synthetic people: are they consistent, diverse, and nobody who exists?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Detector, Embedder, silent
from mien.datasets import LABELS
from mien.datasets.people import people_in
from mien.detect import detect_with_retries
from mien.errors import ImageError, MienError, TooFewTrialsError
from mien.media import read_image
from mien.metrics import Clusters, Estimate, equal_error_rate, kernel_distance
from mien.metrics.factors import between_groups
from mien.metrics.findings import Cell, Fact, Findings, Table, graded
from mien.metrics.pictures import LUMA
from mien.types import Doubles, Face, Floats, OnStep, Pixels

PERCENTILE = 5.0  # of genuine comparisons of real people: a synthetic face below it is nobody
MENTIONED = 5  # pairs of people that are named
LIMITS = (0.001, 0.01, 0.05)  # share of synthetic images above it: low, medium, high
STYLES = ("yaw (nose beside the eyes)", "roll, degrees", "mouth width", "light from the side",
          "exposure")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Images with a face."""

    vectors: Floats  # (N, D)
    people: NDArray[np.str_]  # (N,)
    styles: Doubles  # (N, 5) of STYLES
    lost: int  # images without a face


def audit_people(
    made: Path,
    real: Path,
    embedder: Embedder,
    detector: Detector,
    *,
    layout: str = "",
    most: int = 0,
    on_step: OnStep = silent,
) -> Findings:
    """Compare a set of synthetic people with real ones.

    Args:
        made: folder of synthetic images, one folder per person.
        real: real people, in the same form or in a layout of mien.datasets that names people. If
            the synthetic people were learnt from real ones, those.
        embedder: of the comparisons; better not the one by which the set was filtered.
        detector: finds the faces.
        layout: of the real set; "": one folder per person.
        most: use at most so many images of each set, evenly spaced; 0: all.
        on_step: called after each image.

    Raises:
        TooFewTrialsError: a set has fewer than three people, or fewer than two images of each.
        MienError: the layout names no people.
    """
    parts = []
    for name, images in (("synthetic", _listed(made, "", most)),
                         ("real", _listed(real, layout, most))):  # fmt: skip
        found = _embed(images, embedder, detector, name, on_step)
        if len(_repeated(found.people)) < 3:
            raise TooFewTrialsError(
                f"{len(_repeated(found.people))} people of the {name} set have two images with a "
                "face; three are needed."
            )
        parts.append(found)
    return _findings(made, real, embedder, detector, parts[0], parts[1])


def _listed(folder: Path, layout: str, most: int) -> list[tuple[Path, str]]:
    if not layout:
        found = [(one.path, one.person) for one in people_in(folder)]
    elif layout in LABELS:
        found = [(one.path, one.person) for one in LABELS[layout](folder) if one.person]
    else:
        raise MienError(f"Layout '{layout}' is unknown: expected one of {', '.join(LABELS)}.")
    if not found:
        raise MienError(f"The layout '{layout}' names no people; give a set that does.")
    if most and most < len(found):
        found = [found[k] for k in np.linspace(0, len(found) - 1, most).astype(int)]
    return found


def _embed(
    images: Sequence[tuple[Path, str]],
    embedder: Embedder,
    detector: Detector,
    name: str,
    on_step: OnStep,
) -> Embedded:
    chips, people, styles = [], [], []
    for number, (path, person) in enumerate(images, 1):
        try:
            image = read_image(path)
            face = detect_with_retries(detector, image, "when-needed").largest
        except ImageError:
            face = None
        if face is not None:
            chips.append(np.asarray(align(image, [face], embedder.crop)[0], np.uint8))
            people.append(person)
            styles.append(style_of(image, face))
        on_step(f"{name} images", number, len(images))
    vectors = embedder(np.stack(chips)) if chips else np.zeros((0, 1), np.float32)
    return Embedded(
        np.asarray(vectors, np.float32), np.array(people, str),
        np.array(styles).reshape(-1, len(STYLES)), len(images) - len(chips),
    )  # fmt: skip


def style_of(image: Pixels, face: Face) -> list[float]:
    """Five measures of pose, mouth and light of one face, by its five points; see STYLES."""
    if face.points is None:
        raise MienError("The detector gives no points, so styles cannot be measured; take another.")
    left, right, nose, mouth_left, mouth_right = face.points.astype(np.float64)
    across = right - left
    apart = float(np.linalg.norm(across))
    middle = (left + right) / 2
    sideways = float((nose - middle) @ across) / apart**2
    x0, y0, x1, y1 = np.clip(face.box, 0, [*image.shape[1::-1]] * 2).astype(int)
    grey = image[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)] @ LUMA + 1
    half = grey.shape[1] // 2
    side = float(np.log(grey[:, half:].mean() / max(grey[:, : max(half, 1)].mean(), 1e-6)))
    width = float(np.linalg.norm(mouth_right - mouth_left)) / apart
    return [sideways, float(np.degrees(np.arctan2(across[1], across[0]))), width, side,
            float(np.log(grey.mean()))]  # fmt: skip


def _findings(
    made: Path,
    real: Path,
    embedder: Embedder,
    detector: Detector,
    one: Embedded,
    two: Embedded,
) -> Findings:
    same_real, _ = cosines(two)
    bar = float(np.percentile(same_real, PERCENTILE))
    nearest = (one.vectors @ two.vectors.T).max(1).astype(np.float64)
    leaks = Clusters(one.people).share(nearest > bar)
    copied = (1 - np.median(nearest)) / max(1 - float(np.median(same_real)), 1e-9)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, len(part.people), len(set(part.people.tolist())), *consistency(part))
        for name, part in (("synthetic", one), ("real", two))
    )
    styles: tuple[tuple[Cell, ...], ...] = tuple(
        (name, float(one.styles[:, k].std()), between_groups(one.styles[:, k], one.people),
         float(two.styles[:, k].std()), between_groups(two.styles[:, k], two.people))
        for k, name in enumerate(STYLES)
    )  # fmt: skip
    lost = one.lost / (one.lost + len(one.people))
    warnings = [f"{one.lost} synthetic images show no face."] if one.lost else []
    for name, part in (("synthetic", one), ("real", two)):
        warnings += [f"{a} and {b} of the {name} set may be one person." for a, b in doubles(part)]
    return Findings(
        "Synthetic people: consistency, diversity, leakage",
        f"{len(one.people)} images of {len(set(one.people.tolist()))} synthetic people in "
        f"{made.name} against {len(two.people)} images of {len(set(two.people.tolist()))} real "
        f"people in {real.name}.",
        (
            Fact("images that match a real person", leaks, "rate",
                 f"above the {PERCENTILE:g}th percentile of genuine comparisons, {bar:.3f}"),
            Fact("largest similarity to a real person", Estimate(float(nearest.max())), "number",
                 "cosine"),
            Fact("distance to the nearest real image", Estimate(float(copied)), "number",
                 "over the distance of two real images of one person; below 0.5: copied"),
            Fact("kernel distance", Estimate(kernel_distance(one.vectors, two.vectors)), "number",
                 f"of the embeddings of {embedder.name}; 0: one distribution"),
            Fact("images without a face", Estimate(lost), "rate", "of the synthetic ones"),
        ),
        (
            Table("Consistency of people",
                  (("Set", "text"), ("Images", "count"), ("People", "count"),
                   ("Mean genuine cosine", "number"), ("Equal error rate", "rate"),
                   ("Separation d'", "number")), rows),
            Table("Styles: spread, and the share of the variance between people",
                  (("Style", "text"), ("Synthetic: deviation", "number"),
                   ("between people", "rate"), ("Real: deviation", "number"),
                   ("between people ", "rate")), styles,
                  "Widths are in eye distances, light and exposure in logarithms."),
        ),
        warnings=tuple(warnings),
        notes=("Figures of rendered people say nothing about accuracy on people.",),
        basis=(("Embedder", f"{embedder.name}@{embedder.digest}"),
               ("Detector", f"{detector.name}@{detector.digest}")),
        risk=graded(leaks, LIMITS, "The share of synthetic images that match a real person"),
    )  # fmt: skip


def cosines(part: Embedded) -> tuple[Doubles, Doubles]:
    """Genuine and impostor cosines of all pairs of a set."""
    all_pairs = (part.vectors @ part.vectors.T).astype(np.float64)
    same = part.people[:, None] == part.people[None]
    upper = np.triu(np.ones_like(same), 1).astype(bool)
    return all_pairs[same & upper], all_pairs[~same & upper]


def consistency(part: Embedded) -> tuple[float, float, float]:
    """Mean genuine cosine, equal error rate, and d' of genuine against impostor pairs."""
    same, other = cosines(part)
    apart = (same.mean() - other.mean()) / np.sqrt((same.var() + other.var()) / 2)
    return float(same.mean()), float(equal_error_rate(same, other)), float(apart)


def doubles(part: Embedded) -> list[tuple[str, str]]:
    """Pairs of people whose means are more similar than half of the genuine comparisons."""
    names = np.unique(part.people)
    means = np.stack([part.vectors[part.people == name].mean(0) for name in names])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    usual = float(np.median(cosines(part)[0]))
    first, second = np.nonzero(np.triu(means @ means.T > usual, 1))
    return [(str(names[a]), str(names[b])) for a, b in zip(first, second, strict=True)][:MENTIONED]


def _repeated(people: NDArray[np.str_]) -> list[str]:
    names, counts = np.unique(people, return_counts=True)
    return [str(name) for name in names[counts >= 2]]
