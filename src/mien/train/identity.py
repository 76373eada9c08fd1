"""Whether a maker helps or harms identification: true accept rates of its faces."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.contracts import Embedder
from mien.datasets import LABELS, Labelled
from mien.media.skin import utkface_face
from mien.metrics import threshold_at_fmr
from mien.train.chips import read_chips
from mien.types import Crop, Doubles, Floats, Pixels


def actors(data: Path, crop: Crop, out: Path, each: int = 8) -> tuple[Pixels, NDArray[np.str_]]:
    """Portraits of the Taiwanese actors as aligned chips, some per actor.

    Args:
        data: the unpacked set.
        crop: of the chips.
        out: run folder, which keeps the chips.
        each: portraits per actor at most, evenly spaced.

    Returns:
        (N, S, S, 3) chips, and (N,) whom they show.
    """
    some = list(_some(LABELS["taiwan"](data), each))
    chips = read_chips(some, crop, out)
    return chips.images, np.array([some[row].person for row in chips.row])


def _some(records: Sequence[Labelled], each: int) -> Iterator[Labelled]:
    by: dict[str, list[Labelled]] = {}
    for record in records:
        by.setdefault(record.person, []).append(record)
    for own in by.values():
        yield from own[:: max(1, len(own) // each)][:each]


def embedded(embedder: Embedder, chips: Pixels) -> Floats:
    """(N, D) unit vectors of faces (N, S, S, 3) that are cut as UTKFace cuts; none is searched."""
    return embedder(recut(chips, embedder.crop))


def recut(chips: Pixels, crop: Crop) -> Pixels:
    """Faces (N, S, S, 3) that are cut as UTKFace cuts, as chips of another crop."""
    face = utkface_face(chips.shape[1])
    return np.concatenate([align(chip, [face], crop) for chip in chips])


def accepted(probes: Floats, gallery: Floats, people: NDArray[np.str_], far: float) -> Doubles:
    """Share of each probe's mated comparisons above the threshold at a FAR over all probes.

    Args:
        probes: (N, D) unit vectors of changed faces.
        gallery: (N, D) of the same faces, unchanged; a probe is not compared with its own.
        people: (N,) whom they show.
        far: false accept rate.

    Returns:
        (N,) from 0 to 1.
    """
    cosine = probes @ gallery.T
    same = people[:, None] == people[None]
    other = ~same
    np.fill_diagonal(same, False)
    threshold = threshold_at_fmr(cosine[other], far)
    return np.array([(row[own] > threshold).mean() for row, own in zip(cosine, same, strict=True)])
