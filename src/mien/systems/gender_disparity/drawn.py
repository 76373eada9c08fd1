"""Drawn stand-ins for faces, with cues whose link to a label is planted: seven data sets.

Nothing here is a person: a label "M" is a wide jaw and thick brows, by definition of this file.
Hair, colour and light are linked to the label as each data set says.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.types import Doubles, Pixels

SIDE = 32  # px


@dataclass(frozen=True, slots=True)
class Link:
    """Shares of each label with a mutable cue."""

    long_f: float = 0.9  # long hair
    long_m: float = 0.1
    paint_f: float = 0.8  # strong lips and lids
    paint_m: float = 0.2
    dark: float = 0.0  # share of images with a third of the light
    men: float = 0.5  # share with the label M


LINKS: dict[str, Link] = {
    "as trained": Link(),
    "women short, unpainted": Link(long_f=0.1, paint_f=0.0),
    "men long, painted": Link(long_m=0.85, paint_m=0.8),
    "links equal": Link(long_f=0.5, long_m=0.5, paint_f=0.5, paint_m=0.5),
    "dark": Link(dark=0.7),
    "mostly women": Link(men=0.3),
    "mostly men": Link(men=0.7),
}
BALANCED = ("as trained", "women short, unpainted", "men long, painted", "links equal", "dark")


# Images (N, S, S, 3), whether each has the label M (N,), data set (N,), person (N,).
Columns = tuple[Pixels, NDArray[np.bool_], NDArray[np.str_], NDArray[np.str_]]


def drawn(links: dict[str, Link], count: int, seed: int) -> Columns:
    """`count` images of each data set, each of a person of its own."""
    parts = [
        _set(name, link, count, np.random.default_rng([seed, k]))
        for k, (name, link) in enumerate(links.items())
    ]
    images, male, names = (np.concatenate([p[k] for p in parts]) for k in range(3))
    return images, male, names, np.array([f"{seed}-{k}" for k in range(len(images))])


def _set(
    name: str, link: Link, count: int, random: np.random.Generator
) -> tuple[Pixels, NDArray[np.bool_], NDArray[np.str_]]:
    male = np.arange(count) < round(count * link.men)
    chance = random.random((3, count))
    long = chance[0] < np.where(male, link.long_m, link.long_f)
    paint = chance[1] < np.where(male, link.paint_m, link.paint_f)
    dark = chance[2] < link.dark
    return _draw(male, long, paint, dark, random), male, np.full(count, name)


Flags = NDArray[np.bool_]


def _draw(
    male: Flags, long: Flags, paint: Flags, dark: Flags, random: np.random.Generator
) -> Pixels:
    """(N, 32, 32, 3) images: a head, brows, eyes, lips, hair, a background."""
    n = male.size
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) * 2 - 1  # -1 to 1

    def each(values: Flags | Doubles) -> Doubles:
        return np.asarray(values, np.float64)[:, None, None]

    shift = random.normal(0, 0.05, (2, n))
    px, py = x[None] - each(shift[0]), y[None] - each(shift[1])
    jaw = 0.50 + 0.06 * male + random.normal(0, 0.035, n)  # the structural cue, with overlap
    width = np.where(py > 0, each(jaw), 0.56)
    head = (px / width) ** 2 + (py / 0.78) ** 2 < 1
    tone = random.uniform(0.35, 0.85, n)
    skin = np.stack([tone, tone * 0.78, tone * 0.64], 1)
    shade = random.uniform(0.02, 0.3, n)
    image = np.ones((n, SIDE, SIDE, 3)) * random.uniform(0.2, 0.9, (n, 1, 1, 3))
    reach = np.where(long, random.uniform(0.5, 0.8, n), random.uniform(-0.4, -0.1, n))
    mane = ((px / 0.72) ** 2 + ((py + 0.1) / 0.9) ** 2 < 1) & (py < each(reach))
    image = np.where(mane[..., None], each(shade)[..., None] * [1.0, 0.8, 0.6], image)
    image = np.where((head & (py > -0.5))[..., None], skin[:, None, None, :], image)
    thick = 0.05 + 0.03 * male + random.normal(0, 0.012, n)
    brow = (np.abs(py + 0.28) < each(thick)) & (np.abs(np.abs(px) - 0.24) < 0.14)
    image = np.where(brow[..., None], 0.35 * image, image)
    lid = ((np.abs(px) - 0.24) / 0.11) ** 2 + ((py + 0.12) / 0.07) ** 2 < 1
    image = np.where(lid[..., None], each(np.where(paint, 0.15, 0.45))[..., None] * image, image)
    mouth = (px / 0.2) ** 2 + ((py - 0.42) / 0.08) ** 2 < 1
    lips = np.where(paint[:, None], [0.75, 0.1, 0.15], skin * [0.9, 0.7, 0.7])
    image = np.where(mouth[..., None], lips[:, None, None, :], image)
    light = np.where(dark, 0.33, 1.0) * random.uniform(0.8, 1.1, n)
    image = image * each(light)[..., None] + random.normal(0, 0.05, image.shape)
    return np.clip(image * 255, 0, 255).astype(np.uint8)
