"""Spotting in photographs that move: real skin, known movements, small turns of the head."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.detect import detect_with_retries
from mien.errors import MienError, TrainingError
from mien.landmarks import fit_largest
from mien.media import find_images, read_image
from mien.synth import open_head
from mien.synth.data.portraits import cut_square
from mien.synth.motion.photo_puppet import Puppet
from mien.systems.micro_mol import turning_heads as turning
from mien.zoo import DETECTOR, load

PEOPLE = 6  # photographs, one for each seed: intervals are over people
SETS = ("utkface", "taiwan")  # in turns
FIRST = 500  # number of the first script, so that its movements are no rendered person's
NOISE = 1.5  # grey values: a warped photograph has none of its own that changes


Photographs = tuple[tuple[Path, ...], ...]  # of each of SETS


def photographs(data: Path) -> Photographs:
    """Find the photographs.

    Raises:
        TrainingError: a set is missing.
    """
    found = tuple(tuple(sorted(find_images([data / name]))) if (data / name).is_dir() else ()
                  for name in SETS)  # fmt: skip
    if not all(found):
        raise TrainingError(f"{data} needs photographs in {' and '.join(SETS)}.")
    return found


def puppet_of(some: Photographs, seed: int) -> Puppet:
    """The puppet of a seed: the first photograph in a random order whose face can be moved.

    Raises:
        TrainingError: none of 30 can.
    """
    paths = some[seed % len(SETS)]
    detector, mesh, head = load(DETECTOR), load("attention-mesh"), open_head("builtin")
    for k in np.random.default_rng([20, seed]).permutation(len(paths))[:30]:
        image = read_image(paths[k])
        faces = detect_with_retries(detector, image, "never").faces
        if not faces:
            continue
        try:
            points = fit_largest(mesh, image, faces, str(paths[k]))
            return Puppet(head, *cut_square(image, points, turning.SIDE))
        except MienError:
            continue
    raise TrainingError(f"None of 30 photographs of {SETS[seed % len(SETS)]} can be moved.")


def films(some: Photographs, seed: int) -> dict[str, NDArray[Any]]:
    """As turning_heads.films, of one photograph."""
    return turning.filmed([(FIRST + seed, puppet_of(some, seed))], NOISE)
