"""What lies behind a person: a wall, a room or leaves out of focus."""

from functools import lru_cache

import cv2
import numpy as np

from mien.synth.render.light import Light
from mien.types import Doubles, Floats

GREY = 0.42  # albedo of skin that a camera exposes without correction


def backdrop(seed: int, size: tuple[int, int], light: Light, albedo: float) -> Floats:
    """A blurred background: a wall, a room or leaves out of focus; (H, W, 3) linear.

    Place and exposure of a portrait are chosen for the face, so the background of dark faces
    is darker: behind real faces of light and of dark skin it has 0.6 and 0.7 times their light.

    Args:
        seed: of the content.
        size: height and width, px.
        light: on the scene.
        albedo: of the face in front of it, luminance.
    """
    soft = _soft(seed, light) * np.float32(albedo / GREY)
    return np.asarray(cv2.resize(soft, size[::-1], interpolation=cv2.INTER_LINEAR))


SIDE = 128  # px of the picture that is enlarged: all of it is out of focus


@lru_cache(maxsize=8)  # all images of a film share it
def _soft(seed: int, light: Light) -> Floats:
    rng = np.random.default_rng([seed, 61])
    # The background of 600 real faces has 0.6 times their light (quartiles 0.2 and 1.4).
    base = np.clip(np.exp(rng.normal(-1.3, 1.3)), 0.01, 3.0) * np.exp(rng.normal(0, 0.12, 3))
    slope = rng.normal(0, 0.3, 2)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE)), -1)
    sheet = (base * np.exp(grid @ slope)[..., None]).astype(np.float32)
    (_room, _room, _leaves, _wall)[int(rng.integers(4))](sheet, grid, base, rng)
    level = ((np.array(light.sky) + np.array(light.ground)) / 1.2).astype(np.float32)
    return np.clip(_out_of_focus(sheet * level, float(rng.uniform(2.0, 5.0))), 0, 5)


def _tint(base: Floats, rng: np.random.Generator, spread: float = 0.6) -> Floats:
    return np.asarray(
        np.clip(base * np.exp(rng.normal(0, spread) + rng.normal(0, 0.2, 3)), 0.01, 4)
    )


def _wall(sheet: Floats, grid: Doubles, base: Floats, rng: np.random.Generator) -> None:
    """A plain wall with stains of light."""
    for _ in range(int(rng.integers(0, 4))):
        x, y, wide = rng.uniform(-1.2, 1.2), rng.uniform(-1.2, 1.2), rng.uniform(0.3, 0.9)
        glow = np.exp(-((np.hypot(grid[..., 0] - x, grid[..., 1] - y) / wide) ** 2))
        sheet *= (1 + rng.uniform(-0.3, 0.5) * glow[..., None]).astype(np.float32)


def _room(sheet: Floats, grid: Doubles, base: Floats, rng: np.random.Generator) -> None:
    """Two walls that meet, and what stands or hangs there: a window, frames, shelves, a lamp."""
    x, y = grid[..., 0], grid[..., 1]
    corner = rng.uniform(-1.3, 1.3)
    sheet[x > corner] *= np.float32(np.exp(rng.normal(0, 0.25)))
    floor = y > rng.uniform(0.75, 1.3)
    sheet[floor] = _tint(base, rng, 0.4) * 0.6
    if rng.random() < 0.5:  # a window or a doorway
        left, wide, top = rng.uniform(-1.1, 0.7), rng.uniform(0.3, 0.7), rng.uniform(-1.3, -0.5)
        inside = (x > left) & (x < left + wide) & (y > top) & (y < top + rng.uniform(0.9, 2.0))
        sheet[inside] = _tint(base, rng) * (2.2 if rng.random() < 0.6 else 0.4)
        bar = inside & (np.abs((x - left) % (wide / 2) - wide / 2) < 0.025)
        sheet[bar] = _tint(base, rng, 0.3)
    for _ in range(int(rng.integers(0, 5))):  # pictures, books, furniture
        left, top = rng.uniform(-1.1, 1.0), rng.uniform(-0.9, 0.9)
        wide, tall = rng.uniform(0.08, 0.5), rng.uniform(0.08, 0.5)
        box = (x > left) & (x < left + wide) & (y > top) & (y < top + tall)
        sheet[box] = _tint(base, rng)
        if rng.random() < 0.4:  # a row of books
            stripes = np.floor((x - left) / 0.04).astype(int)
            shades = np.exp(rng.normal(0, 0.4, (64, 3))).astype(np.float32)
            sheet[box] *= shades[np.abs(stripes[box]) % 64]
    if rng.random() < 0.3:
        glow = np.exp(-((np.hypot(x - rng.uniform(-1, 1), y - rng.uniform(-1, 0)) / 0.12) ** 2))
        sheet += (glow[..., None] * np.array([3.0, 2.5, 1.7]) * base.mean()).astype(np.float32)


def _leaves(sheet: Floats, grid: Doubles, base: Floats, rng: np.random.Generator) -> None:
    """Leaves and gaps of sky between them, as discs of many sizes."""
    green = base * np.array([0.8, 1.1, 0.6])
    for _ in range(int(rng.integers(60, 160))):
        x, y, r = rng.uniform(-1.2, 1.2), rng.uniform(-1.2, 1.2), rng.exponential(0.06) + 0.02
        near = np.hypot(grid[..., 0] - x, grid[..., 1] - y) < r
        sky = rng.random() < 0.2
        sheet[near] = _tint(base * 1.8 if sky else green, rng, 0.5)


def _out_of_focus(sheet: Floats, radius: float) -> Floats:
    """Blurred by a round aperture. Source: the circle of confusion of a thin lens is a disc."""
    half = int(np.ceil(radius))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    kernel = (disc / disc.sum()).astype(np.float32)
    seen = cv2.filter2D(sheet, -1, kernel, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.GaussianBlur(seen, (0, 0), 0.8), np.float32)
