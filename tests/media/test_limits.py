import io
import struct
import zlib
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from mien.errors import ImageError
from mien.media import Limits, read_image
from mien.media.pixels import Converter


def flag():
    """Four quarters of four colours, 32 x 48."""
    quarters = np.array([[(200, 30, 30), (30, 160, 60)], [(40, 60, 200), (240, 240, 240)]])
    return np.repeat(np.repeat(quarters.astype(np.uint8), 16, axis=0), 24, axis=1)


def encoded(image, kind):
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind)
    return out.getvalue()


def png_header(width, height):
    """A PNG that promises width x height pixels and holds none."""
    chunks = b"\x89PNG\r\n\x1a\n"
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for name, body in ((b"IHDR", ihdr), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):
        chunks += struct.pack(">I", len(body)) + name + body
        chunks += struct.pack(">I", zlib.crc32(name + body))
    return chunks


@pytest.mark.parametrize("side", [60_000, 2**31 - 1])
def test_a_huge_header_is_refused_before_decoding(side):
    with pytest.raises(ImageError, match=rf"{side:,} x {side:,} pixels, more than the 200,000,000"):
        read_image(png_header(side, side))


def test_a_huge_webp_canvas_is_refused_before_its_decoder_reserves_it():
    size = (2**16 - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size + size
    data = b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
    with pytest.raises(ImageError, match="65,536 x 65,536 pixels"):
        read_image(data)


def test_limits_are_the_callers():
    data = encoded(flag(), "PNG")
    assert read_image(data, limits=Limits(max_pixels=48 * 32)).shape == (32, 48, 3)
    with pytest.raises(ImageError, match="48 x 32 pixels, more than the 1,535 permitted"):
        read_image(data, limits=Limits(max_pixels=48 * 32 - 1))
    with pytest.raises(ImageError, match="more than the 1,535 permitted"):
        read_image(flag(), limits=Limits(max_pixels=48 * 32 - 1))
    with pytest.raises(ImageError, match=f"has {len(data)} bytes, more than the 10 permitted"):
        read_image(data, limits=Limits(max_bytes=10))


def test_a_large_file_is_refused_without_being_read(tmp_path):
    path = tmp_path / "sparse.png"
    with open(path, "wb") as file:
        file.truncate(10**12)  # a terabyte on paper, nothing on disk
    with pytest.raises(ImageError, match="1,000,000,000,000 bytes"):
        read_image(path)


def test_pillows_own_limit_neither_warns_nor_refuses(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("PNG", "GIF", "BMP"):
        assert np.array_equal(read_image(encoded(flag(), kind)), flag())
    with pytest.raises(ImageError, match="TIFF of 48 x 32 pixels, more than the 100 that Pillow"):
        read_image(encoded(flag(), "TIFF"))


@pytest.mark.parametrize(("aspect", "size"), [((2000, 1), (64, 64)), (None, (4000, 4000))])
def test_a_frame_that_grows_after_the_header_was_checked_is_refused(aspect, size):
    """Square pixels, or a change of the size within the film, make it larger."""
    frame = av.VideoFrame(*size, "yuv420p")
    converter = Converter(aspect and Fraction(*aspect), Limits(max_memory=2**20), "Film x")
    with pytest.raises(ImageError, match="MiB of memory to decode, more than the 1 MiB"):
        converter.upright(frame)


def test_pictures_and_films_are_bounded_by_512_mib_if_nothing_else_is_chosen():
    assert Limits().max_memory == 512 * 2**20
