"""How much the apparent age changes under edits that do not change the person's age."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.detect import detect_with_retries
from mien.errors import MienError
from mien.landmarks import fit_largest
from mien.media import stretched
from mien.synth import HeadModel, Pose, open_head
from mien.synth.motion.photo_puppet import Puppet
from mien.synth.render.degrade import coded, linear, spoil
from mien.systems.age_fahr.head import POINTS, SIDE
from mien.types import Doubles, Floats, Pixels
from mien.zoo import DETECTOR, load

TURN = 6.0  # degrees
LARGE = 224  # px, on which points are found
TURNED, SMILING = "turned by 6 degrees", "a smile"
MOVES: Mapping[str, tuple[Mapping[str, float], Pose]] = {
    TURNED: ({}, Pose(yaw=TURN)),
    SMILING: ({"AU6": 0.4, "AU12": 0.6}, Pose()),
}


def one_sided(chip: Pixels) -> Pixels:
    """Half the light on the left, one and a half times on the right."""
    slope = np.linspace(0.5, 1.5, chip.shape[1], dtype=np.float32)[None, :, None]
    return _coded(linear(chip) * slope)


def warm(chip: Pixels) -> Pixels:
    """Red up and blue down by 15 %."""
    return _coded(linear(chip) * np.array([1.15, 1.0, 0.85], np.float32))


def made_up(chip: Pixels) -> Pixels:
    """Redder lips and darker lids, by colour alone."""
    light = linear(chip)
    five = np.array(POINTS) * chip.shape[0]
    mouth, apart = (five[3] + five[4]) / 2, float(five[1, 0] - five[0, 0])
    lips = _spot(chip, mouth, 0.42 * apart, 0.16 * apart)
    light = light * (1 + lips * (np.array([1.1, 0.6, 0.65], np.float32) - 1))
    for eye in five[:2]:
        lid = _spot(chip, eye - [0, 0.08 * apart], 0.3 * apart, 0.13 * apart)
        light = light * (1 - 0.45 * lid)
    return _coded(light)


EDITS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "light from one side": one_sided,
    "warmer colours": warm,
    "make-up": made_up,
    "out of focus": lambda chip: spoil(chip, "defocus", 0.3, 0).image,
    "JPEG": lambda chip: spoil(chip, "jpeg", 0.4, 0).image,
    "half the size": lambda chip: stretched(stretched(chip, SIDE // 2), SIDE),
}


def moved(chips: Pixels) -> tuple[dict[str, Pixels], Doubles]:
    """Chips as puppets: each of MOVES, and the rows (K,) whose points are found."""
    head, detector, mesh = open_head("builtin"), load(DETECTOR), load("attention-mesh")
    found: dict[str, list[Pixels]] = {name: [] for name in MOVES}
    rows = []
    for row, chip in enumerate(chips):
        puppet = _puppet(chip, head, detector, mesh)
        if puppet is not None:
            rows.append(row)
            for name, (weights, turn) in MOVES.items():
                found[name].append(puppet(weights, turn).image)
    return {name: np.stack(each) for name, each in found.items()}, np.array(rows, np.float64)


def _puppet(chip: Pixels, head: HeadModel, detector: Detector, mesh: Landmarker) -> Puppet | None:
    large = stretched(chip, LARGE)
    try:
        faces = detect_with_retries(detector, large, "never").faces
        points = fit_largest(mesh, large, faces, "a chip") if faces else None
        return None if points is None else Puppet(head, chip, points * (SIDE / LARGE))
    except MienError:  # a face that no mesh or head fits
        return None


def edited(ask: Callable[[Pixels], Doubles], chips: Pixels) -> dict[str, tuple[Doubles, Doubles]]:
    """Answers in years before and after each edit, (N,) each; for moves only of found faces."""
    before = ask(chips)
    found = {name: (before, ask(np.stack([edit(chip) for chip in chips])))
             for name, edit in EDITS.items()}  # fmt: skip
    images, rows = moved(chips)
    kept = before[rows.astype(int)]
    return found | {name: (kept, ask(each)) for name, each in images.items()}


def share(values: Sequence[Doubles], number: int, parts: int) -> list[Doubles]:
    """One of several disjoint parts of arrays of one length."""
    return [value[number::parts] for value in values]


def _spot(chip: Pixels, centre: Doubles, wide: float, tall: float) -> Floats:
    """(S, S, 1) a soft ellipse, 1 in its middle."""
    y, x = np.mgrid[: chip.shape[0], : chip.shape[1]] + 0.5
    away = ((x - centre[0]) / wide) ** 2 + ((y - centre[1]) / tall) ** 2
    return np.asarray(np.exp(-2 * away**2)[..., None], np.float32)


def _coded(light: Floats) -> Pixels:
    return np.asarray(np.rint(coded(light)), np.uint8)
