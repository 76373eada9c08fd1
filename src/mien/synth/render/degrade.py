"""Degrade an image as weather, light, lenses and codecs do, with known parameters.

Every function takes the image and a generator or plain numbers, and returns a `Spoiled`; the clean
image is not changed.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from mien.errors import MienError
from mien.media import encode_image, read_image
from mien.types import Floats, Pixels

Kind = Literal[
    "fog", "rain", "snow", "dark", "motion", "defocus", "noise", "jpeg", "small", "hidden"
]
KINDS: tuple[Kind, ...] = (
    "fog", "rain", "snow", "dark", "motion", "defocus", "noise", "jpeg", "small", "hidden",
)  # fmt: skip
FAR = 6000.0  # mm: assumed distance of the background


@dataclass(frozen=True, slots=True, eq=False)
class Spoiled:
    """A degraded image."""

    image: Pixels
    kind: str
    parameters: dict[str, float]


def spoil(
    image: Pixels, kind: Kind, severity: float, seed: int, depth: Floats | None = None
) -> Spoiled:
    """Degrade an image.

    Args:
        image: (H, W, 3).
        kind: kind of degradation; see KINDS.
        severity: 0 (none) to 1 (face hardly visible).
        seed: of everything irregular.
        depth: (H, W) mm, NaN in the background; fog, rain and snow need it.

    Raises:
        MienError: an unknown kind, a severity outside [0, 1], or missing depth.
    """
    if kind not in KINDS:
        raise MienError(f"There is no degradation '{kind}'; there are {', '.join(KINDS)}.")
    if not 0 <= severity <= 1:
        raise MienError(f"The severity of {kind} must be in 0 to 1, got {severity}.")
    rng = np.random.default_rng([seed, KINDS.index(kind), 101])
    if kind in ("fog", "rain", "snow"):
        if depth is None or depth.shape != image.shape[:2]:
            raise MienError(
                f"Degradation '{kind}' needs the depth of the image; render with truth."
            )
        far = np.where(np.isnan(depth), FAR, depth).astype(np.float32)
        done, parameters = {"fog": _fog, "rain": _rain, "snow": _snow}[kind](
            linear(image), far, severity, rng
        )
        return Spoiled(_coded(done), kind, parameters)
    if kind == "jpeg":
        quality = round(95 - 90 * severity)
        return Spoiled(read_image(encode_image(image, "jpeg", quality)), kind, {"quality": quality})
    worker = {
        "dark": _dark, "motion": _motion, "defocus": _defocus, "noise": _noise, "small": _small,
        "hidden": _hidden,
    }[kind]  # fmt: skip
    done, parameters = worker(linear(image), severity, rng)
    return Spoiled(_coded(done), kind, parameters)


def linear(image: Pixels) -> Floats:
    """Linear light of sRGB, 0 to 1. Source: IEC 61966-2-1."""
    x = image.astype(np.float32) / 255
    light: Floats = np.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
    return light.astype(np.float32)


def coded(light: Floats) -> Floats:
    """SRGB values of linear light, 0 to 255, not rounded."""
    x = np.clip(light, 0, 1)
    return np.asarray(np.where(x > 0.0031308, 1.055 * x ** (1 / 2.4) - 0.055, 12.92 * x) * 255)


def _coded(light: Floats) -> Pixels:
    return np.asarray(np.rint(coded(light)), np.uint8)


Done = tuple[Floats, dict[str, float]]


def _fog(light: Floats, depth: Floats, severity: float, rng: np.random.Generator) -> Done:
    """I = J e^(-bz) + A (1 - e^(-bz)). Source: Koschmieder, 1924."""
    beta = severity * 2.2 / 1000  # per mm
    air = float(rng.uniform(0.55, 0.85))
    through = np.exp(-beta * depth)[..., None]
    return light * through + air * (1 - through), {"beta_per_m": beta * 1000, "air": air}


def _rain(light: Floats, depth: Floats, severity: float, rng: np.random.Generator) -> Done:
    height, width = depth.shape
    count, angle = int(900 * severity * height * width / 256**2), float(rng.normal(0, 12))
    sheet = np.zeros((height, width), np.float32)
    for _ in range(count):
        x, y, z = rng.uniform(-20, width + 20), rng.uniform(-20, height), rng.uniform(150, 3000)
        long = 14000 / z * height / 256
        end = (x + long * np.sin(np.radians(angle)), y + long * np.cos(np.radians(angle)))
        at = depth[int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))]
        if z < at:
            bright = float(0.10 + 60 / z)
            cv2.line(sheet, (int(x), int(y)), (int(end[0]), int(end[1])), bright, 1, cv2.LINE_AA)
    sheet = np.asarray(cv2.GaussianBlur(sheet, (0, 0), 0.6), np.float32)[..., None]
    veil = 0.12 * severity
    out = light * (1 - veil) + veil * 0.6
    return out * (1 - 0.5 * sheet) + 0.8 * sheet, {"streaks": count, "angle": angle}


def _snow(light: Floats, depth: Floats, severity: float, rng: np.random.Generator) -> Done:
    height, width = depth.shape
    count, cover = (
        int(500 * severity * height * width / 256**2),
        np.zeros((height, width), np.float32),
    )
    for _ in range(count):
        x, y, z = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(120, 3000)
        if z < depth[int(y) % height, int(x) % width]:
            radius = max(1, round(900 / z * height / 256))
            cv2.circle(
                cover, (int(x), int(y)), radius, float(rng.uniform(0.5, 0.95)), -1, cv2.LINE_AA
            )
    cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.9), np.float32)[..., None]
    return light * (1 - cover) + 0.9 * cover, {"flakes": count}


def _dark(light: Floats, severity: float, rng: np.random.Generator) -> Done:
    """Low light: Poisson noise at the remaining light, then a gain that restores part of it."""
    share = float(np.exp(-4.2 * severity))
    photons = 900 * share
    seen = rng.poisson(np.clip(light, 0, None) * photons) + rng.normal(0, 1.5, light.shape)
    gain = float(share**-0.45)
    return np.asarray(seen / photons * share * gain, np.float32), {"light": share, "gain": gain}


def _motion(light: Floats, severity: float, rng: np.random.Generator) -> Done:
    length, angle = 1 + 22 * severity * light.shape[0] / 256, float(rng.uniform(0, np.pi))
    side = int(length) | 1
    kernel = np.zeros((side, side), np.float32)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (side - 1) / 2
    ends = [tuple(np.rint((side - 1) / 2 + s * reach).astype(int).tolist()) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
    kernel /= kernel.sum()
    out = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float32), {"px": length, "angle": float(np.degrees(angle))}


def _defocus(light: Floats, severity: float, rng: np.random.Generator) -> Done:
    radius = 0.5 + 8 * severity * light.shape[0] / 256
    side = 2 * int(np.ceil(radius)) + 1
    y, x = np.mgrid[:side, :side] - side // 2
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    out = cv2.filter2D(light, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float32), {"radius_px": radius}


def _noise(light: Floats, severity: float, rng: np.random.Generator) -> Done:
    sigma = 0.12 * severity
    grain = rng.normal(size=light.shape) * sigma * np.sqrt(0.15 + light)
    return np.asarray(light + grain, np.float32), {"sigma": sigma}


def _small(light: Floats, severity: float, rng: np.random.Generator) -> Done:
    height, width = light.shape[:2]
    share = float(1 - 0.93 * severity)
    few = (max(4, round(width * share)), max(4, round(height * share)))
    small = cv2.resize(light, few, interpolation=cv2.INTER_AREA)
    back = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(back, np.float32), {"share": share}


def _hidden(light: Floats, severity: float, rng: np.random.Generator) -> Done:
    """Something plain in front: a bar, a sheet or a blot."""
    height, width = light.shape[:2]
    out = light.copy()
    side = (0.15 + 0.45 * severity) * min(height, width)
    x, y = rng.uniform(0.25, 0.75) * width, rng.uniform(0.3, 0.75) * height
    tall = side * float(rng.uniform(0.5, 1.5))
    box = cv2.boxPoints(((float(x), float(y)), (float(side), tall), float(rng.uniform(0, 180))))
    mask = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(mask, np.rint(box).astype(np.int32), 1.0, cv2.LINE_AA)
    colour = rng.uniform(0.02, 0.6, 3).astype(np.float32)
    out += mask[..., None] * (colour - out)
    return out, {"x": float(x), "y": float(y), "width": float(side), "height": tall}
