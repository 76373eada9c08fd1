"""Text as a coverage mask, in all scripts of the available fonts.

DejaVu Sans covers Latin, Greek, Cyrillic, Hebrew and Arabic (shaped, right to left). Its file
is in typefaces/, with its licence. Chinese, Japanese and Korean need the font inside OpenCV 5;
earlier versions draw boxes for their letters.
"""

from functools import lru_cache
from importlib.resources import files as resources

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mien.errors import ImageError
from mien.types import Pixels


def text_mask(text: str, size: float) -> Pixels:
    """Draw one line of text.

    Args:
        text: one line; line breaks and control characters become spaces.
        size: height of the font, px.

    Returns:
        (h, w) coverage, 0 to 255. The height depends on the size alone, so that lines are aligned;
        the width is that of the ink.
    """
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    if hasattr(cv2, "FontFace") and not all(_knows(letter) for letter in text):
        mask = _by_opencv(text, size)
    else:
        mask = _by_pillow(text, size)
    inked = np.flatnonzero(mask.any(axis=0))
    return mask[:, inked[0] : inked[-1] + 1] if inked.size else mask[:, :1]


def _by_pillow(text: str, size: float) -> Pixels:
    font = _font(size)
    ascent, descent = font.getmetrics()
    left, _, right, _ = font.getbbox(text, anchor="ls")
    canvas = Image.new("L", (int(right - left) + 4, ascent + descent))
    ImageDraw.Draw(canvas).text((2 - left, ascent), text, 255, font=font, anchor="ls")
    return np.array(canvas)


def _by_opencv(text: str, size: float) -> Pixels:
    ascent, descent = _font(size).getmetrics()
    canvas = np.zeros((ascent + descent, int(size * (len(text) + 2)), 3), np.uint8)
    # Its size exceeds the height of capitals; 0.9 gives the height of DejaVu's.
    cv2.putText(canvas, text, (2, ascent), (255, 255, 255), _universal(), round(size * 0.9))
    return np.ascontiguousarray(canvas[..., 0])


@lru_cache(maxsize=1)
def _universal() -> "cv2.FontFace":
    return cv2.FontFace("uni")


@lru_cache(maxsize=32)
def _font(size: float) -> ImageFont.FreeTypeFont:
    path = resources("mien") / "media" / "typefaces" / "DejaVuSans.ttf"
    try:
        return ImageFont.truetype(str(path), size)
    except OSError as error:
        raise ImageError(f"The font {path} for labels is missing; install mien again.") from error


@lru_cache(maxsize=4096)
def _knows(letter: str) -> bool:
    """Return whether DejaVu Sans has the letter: all missing letters give the same box."""
    font = _font(16)
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))
