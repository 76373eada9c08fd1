"""Pictures in and out: upright 8-bit RGB, limits before decoding, drawing, writing."""

from mien.media.drawing import draw_faces
from mien.media.finding import find_images
from mien.media.images import read_image
from mien.media.limits import LIMITS, Limits
from mien.media.turning import thumbnail, turn, turn_back
from mien.media.writing import encode_image, write_bytes, write_image

__all__ = [
    "LIMITS",
    "Limits",
    "draw_faces",
    "encode_image",
    "find_images",
    "read_image",
    "thumbnail",
    "turn",
    "turn_back",
    "write_bytes",
    "write_image",
]
