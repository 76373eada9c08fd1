"""Whether points of the sphere are faces: decode them, and show the faces to the matcher.

Only people who do not exist are impersonated, and the decoder learns from such people only.
Pictures stay in memory.
"""

from dataclasses import dataclass

import numpy as np

from mien.align import align
from mien.contracts import Embedder, silent
from mien.errors import OptionError
from mien.metrics import Clusters
from mien.metrics.findings import Cell, Table
from mien.systems.subspheres.geometry import fit, random_cap, unit
from mien.systems.subspheres.measure import Found
from mien.systems.subspheres.people import RENDERED, frames_of
from mien.types import Doubles, Face, OnStep, Pixels

FIRST = 100_000  # number of the first person to learn from; those who are enrolled have lower ones
LEAST = 100  # pictures
KINDS = ("the enrolled vector itself", "nearest point with the attribute", "random vector")
BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Hits of one kind of decoded face."""

    people: list[str]
    first: list[bool]  # matches the enrolled picture
    second: list[bool]  # matches another picture of that person
    kept: list[bool]  # matches the enrolled picture and is read as the attribute
    cosine: list[float]  # to the enrolled picture


def decoded_faces(
    model: Embedder, found: Found, dimensions: int, pictures: int, seed: int,
    on_step: OnStep = silent,
) -> dict[str, Decoded]:  # fmt: skip
    """Learn a decoder from rendered people, and show what it makes of points of the sphere.

    Args:
        model: the matcher.
        found: what the geometry gave.
        dimensions: of the subspheres.
        pictures: rendered ones to learn from.
        seed: of the decoder and of random vectors.
        on_step: called after each picture and each step of the training.

    Returns:
        For each of KINDS.

    Raises:
        OptionError: too few pictures.
    """
    if pictures < LEAST:
        raise OptionError(f"decoded is {pictures}; a decoder learns from {LEAST} pictures or more.")
    from mien.systems.subspheres.model import decode, learn  # torch is needed for this only

    chips = rendered_chips(model, pictures, on_step)
    net = learn(embedded(model, chips), chips, seed, on_step=on_step)
    rows = [k for k, name in enumerate(found.enrolled.names) if name.startswith(RENDERED)]
    first, second = found.enrolled.first[rows], found.enrolled.second[rows]
    names = [found.enrolled.names[row] for row in rows]
    result = {kind: Decoded([], [], [], [], []) for kind in KINDS}
    rng = np.random.default_rng([seed, 23])
    for value in found.values:
        differ = ~value.probe(first)
        cap = random_cap(value.faces, dimensions, rng)
        lost = unit(rng.normal(size=first.shape))
        points = (first, fit(value.faces, dimensions).closest(first), cap.closest(lost))
        for kind, point in zip(KINDS, points, strict=True):
            shown = embedded(model, decode(net, point, model.crop.size))
            _count(result[kind], names, differ, shown, (first, second), value.probe(shown), found)
    return result


def _count(
    into: Decoded, names: list[str], differ: np.ndarray, shown: Doubles,
    enrolled: tuple[Doubles, Doubles], read: np.ndarray, found: Found,
) -> None:  # fmt: skip
    one, two = (np.sum(shown * side, 1) for side in enrolled)
    for row in np.flatnonzero(differ):
        hit = bool(one[row] > found.threshold)
        into.people.append(names[row])
        into.first.append(hit)
        into.second.append(bool(two[row] > found.threshold))
        into.kept.append(hit and bool(read[row]))
        into.cosine.append(float(one[row]))


def rendered_chips(model: Embedder, count: int, on_step: OnStep = silent) -> Pixels:
    """(count, S, S, 3) chips of people who do not exist, two of each."""
    chips: list[Pixels] = []
    while len(chips) < count:
        for image, points in frames_of(FIRST + len(chips) // 2):
            face = Face(np.zeros(4, np.float32), 1.0, points)
            chips.append(align(image, [face], model.crop)[0])
        on_step("rendered pictures", min(len(chips), count), count)
    return np.stack(chips[:count])


def embedded(model: Embedder, chips: Pixels) -> Doubles:
    """(N, D) unit vectors of chips."""
    parts = [np.asarray(model(chips[k : k + BATCH])) for k in range(0, len(chips), BATCH)]
    return unit(np.concatenate(parts).astype(np.float64))


def decoded_table(found: dict[str, Decoded]) -> Table:
    """One row for each of KINDS."""
    rows: list[tuple[Cell, ...]] = []
    for kind, one in found.items():
        people = Clusters(np.unique(one.people, return_inverse=True)[1])
        shares = [people.share(np.array(hits)) for hits in (one.first, one.second, one.kept)]
        rows.append((kind, len(one.people), *shares, float(np.mean(one.cosine))))
    return Table(
        "Decoded faces",
        (("Decoded", "text"), ("Trials", "count"), ("Matches", "rate"), ("Second picture", "rate"),
         ("Keeps it", "rate"), ("Cosine", "number")),
        tuple(rows),
        "Faces of 48 px from a decoder that learnt from rendered people, shown to the matcher. "
        "A low rate says little: a better decoder may exist.",
    )  # fmt: skip
