"""Degrade an image in known ways, the same in every run.

Only NumPy: each variant is a few lines, so that it is clear what was done.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mien.media import encode_image, thumbnail, turn
from mien.metrics.pictures import LUMA
from mien.types import Floats, Pixels

SMALL_FACE = 40.0  # px: width that the face has left in the small image
DARK = 1 / 8  # of the light: three stops of underexposure
DARKER = 0.12  # of the grey values: 1 % of the light, for a linear display with gamma 2.2
NOISE = 3.0  # grey values, standard deviation, of the sensor in the dark
SOFT = 0.04  # of the width of the face: standard deviation of the blur


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to degrade an image."""

    name: str  # also the name of its file
    story: str  # what was done, in a sentence
    write: Callable[[Pixels, Floats], bytes]  # image and box of the face -> bytes of a JPEG


def tilted(image: Pixels, degrees: float) -> Pixels:
    """Rotate about the middle by any angle, clockwise; the corners get the mean colour."""
    height, width = image.shape[:2]
    angle = np.radians(degrees)
    y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    from_x = np.cos(angle) * x + np.sin(angle) * y + (width - 1) / 2
    from_y = np.cos(angle) * y - np.sin(angle) * x + (height - 1) / 2
    left, top = np.floor(from_x).astype(int), np.floor(from_y).astype(int)
    inside = (left >= 0) & (top >= 0) & (left < width - 1) & (top < height - 1)
    left, top = np.where(inside, left, 0), np.where(inside, top, 0)
    right, down = (from_x - left)[..., None], (from_y - top)[..., None]  # shares, in [0, 1)
    upper = image[top, left] * (1 - right) + image[top, left + 1] * right
    lower = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    mixed = upper * (1 - down) + lower * down
    return _grey_values(np.where(inside[..., None], mixed, image.mean((0, 1))))


def blurred(image: Pixels, sigma: float) -> Pixels:
    """Smooth with a Gaussian of `sigma` px."""
    reach = int(3 * sigma) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    out = image.astype(np.float64)
    for axis in (0, 1):
        room = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        padded = np.pad(out, room, mode="edge")
        shifted = (np.take(padded, range(k, k + out.shape[axis]), axis) for k in range(kernel.size))
        out = sum((w * part for w, part in zip(kernel, shifted, strict=True)), np.zeros(out.shape))
    return _grey_values(out)


def dark(image: Pixels, share: float, gamma: float = 2.2) -> Pixels:
    """Reduce the light and add the noise of a sensor; `share` of the light remains."""
    noise = np.random.default_rng(0).normal(0, NOISE, image.shape)
    return _grey_values(image * share ** (1 / gamma) + noise)


def beside(left: Pixels, right: Pixels) -> Pixels:
    """Two images side by side, at the height of the lower one."""
    low = min(left.shape[0], right.shape[0])
    pair = [thumbnail(each, _longest(each, low / each.shape[0])) for each in (left, right)]
    low = min(each.shape[0] for each in pair)
    return np.concatenate([each[:low] for each in pair], axis=1)


def cut(image: Pixels, box: Floats) -> Pixels:
    """The part of an image inside a box."""
    height, width = image.shape[:2]
    left, top, right, bottom = np.clip(np.rint(box), 0, [width, height] * 2).astype(int)
    return np.ascontiguousarray(image[top:bottom, left:right])


def small(image: Pixels, box: Floats) -> Pixels:
    """The image shrunk until the face is SMALL_FACE px wide."""
    return thumbnail(image, _longest(image, SMALL_FACE / float(box[2] - box[0])))


def grey(image: Pixels) -> Pixels:
    """Grey image. Source: luma of ITU-R BT.601."""
    return _grey_values((image @ LUMA)[..., None].repeat(3, axis=2))


def with_orientation(jpeg: bytes, tag: int) -> bytes:
    """Write the EXIF orientation into the bytes of a JPEG file.

    Source: CIPA DC-008 (Exif 2.32), 4.5.4 and 4.6.4: an APP1 segment that holds a TIFF file of
    one directory with one entry, tag 0x0112, type SHORT.
    """
    entry = (0x0112).to_bytes(2) + (3).to_bytes(2) + (1).to_bytes(4) + tag.to_bytes(2) + bytes(2)
    tiff = b"MM\x00*" + (8).to_bytes(4) + (1).to_bytes(2) + entry + bytes(4)
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + jpeg[2:]


def _longest(image: Pixels, scale: float) -> int:
    return max(1, int(max(image.shape[:2]) * scale + 0.5))


def _grey_values(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _width(box: Floats) -> float:
    return float(box[2] - box[0])


VARIANTS: tuple[Variant, ...] = (
    Variant("as it is", "The same photo, saved again.", lambda i, _: encode_image(i)),
    Variant("tilted left", "Tilted by 25 degrees.", lambda i, _: encode_image(tilted(i, -25))),
    Variant("tilted right", "Tilted by 25 degrees.", lambda i, _: encode_image(tilted(i, 25))),
    Variant(
        "sideways, tagged",
        "Stored lying on its side, with an EXIF tag, as phones do.",
        lambda i, _: with_orientation(encode_image(turn(i, 270)), 6),
    ),
    Variant(
        "sideways, no tag",
        "Lying on its side, without an EXIF tag.",
        lambda i, _: encode_image(turn(i, 90)),
    ),
    Variant("upside down", "On its head, no tag.", lambda i, _: encode_image(turn(i, 180))),
    Variant(
        "dark",
        "An eighth of the light, with the noise of a sensor.",
        lambda i, _: encode_image(dark(i, DARK)),
    ),
    Variant(
        "very dark",
        "Grey values cut to 12 %, with the noise of a sensor.",
        lambda i, _: encode_image(dark(i, DARKER, gamma=1.0)),
    ),
    Variant(
        "blurred",
        "Out of focus, by a twenty-fifth of the width of the face.",
        lambda i, box: encode_image(blurred(i, SOFT * _width(box))),
    ),
    Variant("JPEG quality 10", "Strong compression.", lambda i, _: encode_image(i, quality=10)),
    Variant("small", "The face is 40 px wide.", lambda i, box: encode_image(small(i, box))),
    Variant("tight crop", "The face fills the image.", lambda i, box: encode_image(cut(i, box))),
    Variant("mirrored", "Left and right swapped.", lambda i, _: encode_image(i[:, ::-1].copy())),
    Variant("grey", "Without colour.", lambda i, _: encode_image(grey(i))),
)
