"""Conversion of colour profiles to sRGB."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

# Colour space of a profile -> image modes that it can describe.
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an image of mode RGB, L or CMYK from its ICC profile to sRGB.

    The image is unchanged if the profile is sRGB under any name, cannot be opened, or describes
    a different colour space than that of the image: viewers ignore such profiles, too.
    """
    transform = _transform(profile, image.mode)
    return image if transform is None else ImageCms.applyTransform(image, transform) or image


@lru_cache(maxsize=8)  # images of one camera share a profile
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES.get(mode):
            return None
        target = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC  # keeps colours that both spaces contain
        transform = ImageCms.buildTransform(source, target, mode, "RGB", intent)
    except (ImageCms.PyCMSError, OSError, TypeError):
        return None
    return None if mode == "RGB" and _does_nothing(transform) else transform


def _does_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether the transform changes the colours of a 9 x 9 x 9 cube by at most 2 of 255."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    moved = ImageCms.applyTransform(Image.fromarray(cube), transform)
    return int(np.abs(np.array(moved).astype(int) - cube).max()) <= 2
