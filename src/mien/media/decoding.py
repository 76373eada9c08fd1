"""Decoding of image files to upright 8-bit RGB.

Pillow reads all headers and determines the format. The plug-ins are called by name, so a file
reaches only the decoders listed here, and Pillow's global limit does not apply.
"""

import re
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

import cv2
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from mien.errors import ImageError, MissingExtraError, extra
from mien.media.arrays import GROUND, to_eight_bits
from mien.media.colours import to_srgb
from mien.media.formats import describe_bytes, format_of, webp_size
from mien.media.limits import LIMITS, Limits
from mien.types import Pixels

T = TypeVar("T")
# In a JPEG scan a byte 255 is followed by 0 or a restart marker; any other byte ends the scan.
# Source: ITU-T T.81, B.1.1.2 and table B.1.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
# Bytes per pixel that Pillow holds, by mode; 4 by default.
BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "PA": 4, "I;16": 2, "I;16B": 2}
SEVERAL = {"gif", "png", "webp", "avif", "heif", "tiff"}  # formats with several images
PAGES = 100  # of a TIFF whose tags are read
STRIP = 256  # rows that are laid on grey at once
_SCAN, _END, _BARE = 0xDA, 0xD9, {0x01, 0xD8}  # bare: markers without a segment


def decode(data: bytes, where: str, limits: Limits) -> Pixels:
    """Decode an image file.

    Args:
        data: the whole file.
        where: names it in errors.
        limits: checked against the header, before decoding.

    Returns:
        (H, W, 3) uint8 RGB, upright.

    Raises:
        ImageError: the file is empty, not an image, too large, truncated or damaged.
    """
    return _guarded(_decoded, data, where, limits)


def orientation(data: bytes, where: str, limits: Limits = LIMITS) -> int:
    """Return the EXIF orientation of an image file, 1 to 8; of a HEIC the one that it states.

    Raises:
        ImageError: as `decode`; only the header is read.
    """
    return _guarded(_turn, data, where, limits)


def packet(data: bytes, where: str, limits: Limits = LIMITS) -> bytes | None:
    """Return the XMP packet of an image file; None if there is none.

    Raises:
        ImageError: as `decode`; only the header is read.
    """
    return _guarded(_packet, data, where, limits)


def count(data: bytes, where: str, limits: Limits = LIMITS) -> int:
    """Return how many images an image file has: pages of a TIFF, frames of an animation.

    Reduced copies of a page are not counted, nor what cameras hide in a JPEG. A damaged page counts
    as the last one.

    Raises:
        ImageError: as `decode`; only headers are read.
    """
    return _guarded(_count, data, where, limits)


def _count(kind: str, data: bytes, where: str, limits: Limits) -> int:
    if kind not in SEVERAL:
        return 1
    image = _checked(kind, data, where, limits)
    full = 0
    try:
        frames = int(getattr(image, "n_frames", 1))
        if kind != "tiff" or frames == 1:
            return frames
        for number in range(min(frames, PAGES)):
            image.seek(number)
            full += not image.tag_v2.get(254, 0) & 1  # type: ignore[attr-defined]
    except Exception:  # decoders raise many types; the first image can be whole all the same
        return max(full, 1) + 1
    return full + max(frames - PAGES, 0)


def _packet(kind: str, data: bytes, where: str, limits: Limits) -> bytes | None:
    info = _checked(kind, data, where, limits).info
    found = info.get("xmp") or info.get("XML:com.adobe.xmp")
    return found.encode() if isinstance(found, str) else found


def _turn(kind: str, data: bytes, where: str, limits: Limits) -> int:
    image = _checked(kind, data, where, limits)
    # HEIC is turned upright by its own transform; its EXIF tag, which its plug-in removes from the
    # image but other programs go by, is kept apart.
    code = image.info.get("original_orientation") or _orientation(image)
    return code if 1 <= code <= 8 else 1


def _checked(kind: str, data: bytes, where: str, limits: Limits) -> Image.Image:
    """Open a header within the limits: the tags of a PNG can lie behind its pixels."""
    image = _open(kind, data, where, limits)
    _check_size(image, kind, where, limits)
    return image


def _guarded(read: Callable[[str, bytes, str, Limits], T], data: bytes, where: str,
             limits: Limits) -> T:  # fmt: skip
    """Return what `read` finds in an image file; all faults become an ImageError."""
    if not data:
        raise ImageError(f"{where} is empty; copy it again from its source.")
    kind = format_of(data)
    if kind is None:
        raise ImageError(
            f"{where} is not a supported image: it seems to be {describe_bytes(data)}; expected "
            "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF, PGM or PPM."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged tags; what matters raises
            return read(kind, data, where, limits)
    except ImageError:
        raise
    except (
        Exception
    ) as error:  # for damaged files, decoders raise many types, from EOFError to zlib.error
        cut = isinstance(error, EOFError) or "truncated" in str(error).lower()
        what = "is truncated: its end is missing" if cut else f"is a damaged {kind.upper()} file"
        raise ImageError(f"{where} {what} ({error}); copy it again from its source.") from error


def _decoded(kind: str, data: bytes, where: str, limits: Limits) -> Pixels:
    if kind == "tiff":
        deep = _float_tiff(data, where, limits)
        if deep is not None:
            return deep
    image = _checked(kind, data, where, limits)
    if kind == "jpeg" and image.mode == "RGB" and _is_whole(data):
        pixels = _decode_jpeg(data, image)
    else:
        image.load()  # rotates TIFF and HEIC upright and removes their tag
        pixels = _to_rgb(image, where)
    return upright(pixels, _orientation(image))


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (1 to 8) of an (H, W, 3) image.

    Source: CIPA DC-008 (Exif 2.32), tag 274; the comments give the sides of row 0 and column 0.
    """
    turns: dict[int, Callable[[], object]] = {
        2: lambda: cv2.flip(pixels, 1),  # top, right
        3: lambda: cv2.rotate(pixels, cv2.ROTATE_180),  # bottom, right
        4: lambda: cv2.flip(pixels, 0),  # bottom, left
        5: lambda: cv2.transpose(pixels),  # left, top
        6: lambda: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),  # right, top
        7: lambda: cv2.flip(cv2.transpose(pixels), -1),  # right, bottom
        8: lambda: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),  # left, bottom
    }
    return np.asarray(turns[orientation](), np.uint8) if orientation in turns else pixels


def _open(kind: str, data: bytes, where: str, limits: Limits) -> Image.Image:
    """Read the header only."""
    if kind == "webp":  # its plug-in allocates the canvas at once, so check the size first
        limits.check_pixels(*webp_size(data), where)
    if kind == "heif":
        try:
            with extra("heic", f"{where}, a HEIC image,"):
                from pillow_heif.as_plugin import HeifImageFile  # 50 ms that few callers need
        except MissingExtraError as error:  # other images of the run can be read all the same
            raise ImageError(f"{error}, or save the image as JPEG.") from error
        return HeifImageFile(BytesIO(data))  # type: ignore[no-untyped-call]
    plugins: dict[str, Callable[[BytesIO], Image.Image]] = {
        "jpeg": JpegImagePlugin.jpeg_factory,
        "png": PngImagePlugin.PngImageFile,
        "webp": WebPImagePlugin.WebPImageFile,
        "avif": AvifImagePlugin.AvifImageFile,
        "tiff": TiffImagePlugin.TiffImageFile,
        "bmp": BmpImagePlugin.BmpImageFile,
        "gif": GifImagePlugin.GifImageFile,
        "pnm": PpmImagePlugin.PpmImageFile,
    }
    return plugins[kind](BytesIO(data))


def _check_size(image: Image.Image, kind: str, where: str, limits: Limits) -> None:
    """Raise an error above our limits, or above those of Pillow's TIFF loader."""
    limits.check_pixels(*image.size, where)
    own = 0 if kind == "jpeg" and image.mode == "RGB" else BYTES.get(image.mode, 4)
    limits.check_memory(*image.size, own + 3, where)
    if kind == "tiff" and image.tag_v2.get(254, 0) & 1:  # type: ignore[attr-defined]
        raise ImageError(
            f"{where} begins with a preview of {image.width} x {image.height} px, as camera raw "
            "files (DNG, NEF, ARW) do, and raw pictures are not read; export it as JPEG or TIFF."
        )
    most = Image.MAX_IMAGE_PIXELS if kind == "tiff" else None
    if most is not None and image.width * image.height > most:
        raise ImageError(
            f"{where} is a TIFF of {image.width:,} x {image.height:,} pixels, more than the "
            f"{most:,} that Pillow opens; save it as PNG, or raise PIL.Image.MAX_IMAGE_PIXELS."
        )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a loaded image that must be undone; 1 if there is none."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged tag block is ignored; the image itself may be intact
        return 1


def _is_whole(data: bytes) -> bool:
    """Return whether the last scan of a JPEG has its end marker (previews do not count)."""
    at, scanned = 2, False
    while found := _MARKER.search(data, at):
        at, code = found.end(), data[found.end() - 1]
        if code == _END:
            return scanned
        if code not in _BARE:  # the length of the segment follows: skip it
            at += int.from_bytes(data[at : at + 2], "big")
        scanned = scanned or code == _SCAN
        if scanned and data.endswith(b"\xff\xd9"):
            return True  # the common case; avoids a search of the scan
    return False


def _decode_jpeg(data: bytes, header: Image.Image) -> Pixels:
    """Decode a JPEG of three channels, with OpenCV.

    Both libraries wrap libjpeg-turbo and return the same pixels (a test checks it), but
    OpenCV fills the array directly: 45 ms instead of 100 ms for 12 megapixels.
    """
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ValueError("the decoder returned no image")
    profile = header.info.get("icc_profile")
    if profile:
        return np.array(to_srgb(Image.fromarray(pixels), profile))
    return np.asarray(pixels, np.uint8)


def _to_rgb(image: Image.Image, where: str) -> Pixels:
    """Convert a decoded image of any mode to (H, W, 3) uint8 sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _deep_grey(image, where)
    if image.has_transparency_data:
        image = _on_ground(image)
    elif image.mode in ("1", "P", "YCbCr", "HSV", "RGBX"):
        image = image.convert("RGB")
    if profile:
        image = to_srgb(image, profile)
    if image.mode not in ("RGB", "L", "CMYK"):
        raise ImageError(
            f"{where} has the colour mode {image.mode}, which is not supported; save it as RGB."
        )
    return np.array(image.convert("RGB"))


def _on_ground(image: Image.Image) -> Image.Image:
    """Lay a transparent picture on mid grey, strip by strip, so that it is not held thrice."""
    laid = Image.new("RGB", image.size)
    for top in range(0, image.height, STRIP):
        part = image.crop((0, top, image.width, min(top + STRIP, image.height))).convert("RGBA")
        ground = Image.new("RGBA", part.size, (GROUND, GROUND, GROUND, 255))
        laid.paste(Image.alpha_composite(ground, part).convert("RGB"), (0, top))
    return laid


def _float_tiff(data: bytes, where: str, limits: Limits) -> Pixels | None:
    """A TIFF of floats in several channels, which Pillow does not open; None if it is another.

    Source: TIFF 6.0, tags 256 and 257 (size), 277 (samples per pixel), 339 (3: floats).
    """
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    file = BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    if tags.get(277, 1) < 3 or 3 not in (tags.get(339) or ()):
        return None
    width, height = int(tags[256]), int(tags[257])
    limits.check_pixels(width, height, where)
    limits.check_memory(width, height, 4 * tags[277] + 3, where)
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError("its floats cannot be read")
    pixels = to_eight_bits(np.asarray(values)[..., 2::-1], where)
    return upright(np.ascontiguousarray(pixels), int(tags.get(274, 1)))


def _deep_grey(image: Image.Image, where: str) -> Pixels:
    """Convert grey images of more than eight bits: white becomes 255."""
    values = np.array(image)
    if image.mode.startswith("I;16"):
        values = values.astype(np.uint16)
        tags = getattr(image, "tag_v2", {})
        bits = int(tags.get(258, (16,))[0])  # BitsPerSample; scanners also write 12
        if bits < 16:
            values = (values.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
        if tags.get(262) == 0:  # PhotometricInterpretation: white is zero
            values = np.uint16(65535) - values
    return np.repeat(to_eight_bits(values, where)[..., None], 3, axis=2)
