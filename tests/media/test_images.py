import io
import os

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps

from mien.errors import ImageError
from mien.media import Limits, read_image
from mien.media.decoding import upright
from mien.zoo import sample

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 60), (40, 60, 200), (240, 240, 240)


def flag(width=48, height=32):
    """Four quarters of four colours: every turn and mirror of it differs from every other."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = RED, GREEN
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = BLUE, WHITE
    return image


def portrait():
    return Image.open(sample("astronaut.png")).convert("RGB")


def encoded(image, kind, **options):
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, kind, **options)
    return out.getvalue()


def heic(image, exif=None):
    file = pillow_heif.from_pillow(Image.fromarray(image))
    out = io.BytesIO()
    file.save(out, quality=-1, **({"exif": exif} if exif else {}))
    return out.getvalue()


def exif_with(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def far(a, b):
    return np.abs(a.astype(int) - b).mean()


# What comes out of every format


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_lossless_formats_give_the_very_pixels(kind):
    assert np.array_equal(read_image(encoded(flag(), kind)), flag())


@pytest.mark.parametrize(
    "data",
    [
        encoded(flag(), "JPEG", quality=95),
        encoded(flag(), "JPEG", quality=95, progressive=True),
        encoded(flag(), "WEBP", lossless=True),
        encoded(flag(), "WEBP", quality=95),
        encoded(flag(), "AVIF", quality=95),
        heic(flag()),
    ],
    ids=["jpeg", "progressive", "webp-lossless", "webp", "avif", "heic"],
)
def test_lossy_formats_give_nearly_the_pixels(data):
    image = read_image(data)
    assert image.shape == flag().shape
    assert image.dtype == np.uint8
    assert far(image, flag()) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIC"])
def test_every_orientation_is_undone_once(kind, orientation):
    exif = exif_with(orientation)
    if kind == "HEIC":
        data = heic(flag(), exif)
    else:
        lossless = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(flag(), kind, exif=exif, **lossless)
    stored = Image.open(io.BytesIO(encoded(flag(), "PNG", exif=exif)))
    expected = np.array(ImageOps.exif_transpose(stored))
    image = read_image(data)
    assert image.shape == expected.shape
    assert far(image, expected) < 5


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_does_not_exist_leaves_the_picture(orientation):
    assert upright(flag(), orientation) is not None
    assert np.array_equal(upright(flag(), orientation), flag())


def test_damaged_exif_does_not_lose_the_picture():
    data = encoded(flag(), "PNG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert np.array_equal(read_image(data), flag())


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_fast_decoder_gives_pillows_pixels(subsampling, progressive):
    face = np.array(portrait())[:301, :203]
    options = {"quality": 85, "subsampling": subsampling, "progressive": progressive}
    data = encoded(face, "JPEG", **options)
    expected = np.array(Image.open(io.BytesIO(data)))
    assert np.array_equal(read_image(data), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("value", "expected"), [(0, 0), (65535, 255), (32896, 128), (300, 1)])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind, value, expected):
    data = encoded(Image.fromarray(np.full((4, 5), value, np.uint16)), kind)
    assert np.array_equal(read_image(data), np.full((4, 5, 3), expected, np.uint8))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_colour_is_scaled_not_clipped(suffix):
    deep = flag().astype(np.uint16) * 257
    data = cv2.imencode(suffix, np.ascontiguousarray(deep[..., ::-1]))[1].tobytes()
    assert np.abs(read_image(data).astype(int) - flag()).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(kind):
    bits = np.eye(9, dtype=bool)
    data = encoded(Image.fromarray(bits), kind)
    assert np.array_equal(read_image(data), np.repeat(bits[..., None], 3, 2) * np.uint8(255))


def test_grey_becomes_three_equal_channels():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    for kind in ("PNG", "TIFF"):
        image = read_image(encoded(Image.fromarray(grey), kind))
        assert np.array_equal(image, np.repeat(grey[..., None], 3, 2))
    assert read_image(encoded(Image.fromarray(grey), "JPEG")).shape == (3, 4, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_show_mid_grey(mode):
    image = Image.new("RGBA", (4, 2), (255, 255, 255, 255))
    image.paste((0, 0, 0, 0), (0, 0, 2, 2))
    pixels = read_image(encoded(image.convert(mode), "PNG"))
    assert (pixels[:, :2] == 128).all()
    assert (pixels[:, 2:] == 255).all()


def test_a_transparent_colour_shows_mid_grey():
    data = encoded(flag(), "PNG", transparency=RED)
    assert read_image(data)[0, 0].tolist() == [128, 128, 128]
    assert read_image(data)[0, -1].tolist() == list(GREEN)


def test_half_transparent_is_mixed():
    image = Image.new("RGBA", (1, 1), (255, 0, 0, 51))  # a fifth
    assert read_image(encoded(image, "PNG")).tolist() == [[[153, 102, 102]]]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_ink_is_dark_and_paper_is_white(kind):
    # Pillow writes JPEG inverted, as Adobe does.
    for ink, low, high in (((0, 0, 0, 0), 250, 255), ((0, 0, 0, 255), 0, 5)):
        image = read_image(encoded(Image.new("CMYK", (16, 16), ink), kind))
        assert low <= image.min() <= image.max() <= high


def test_a_profile_other_than_srgb_is_converted():
    # In this profile red and green are swapped against sRGB; nothing subtle can hide.
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    r, g = (profile.index(tag, 128) + 4 for tag in (b"rXYZ", b"gXYZ"))
    profile[r : r + 8], profile[g : g + 8] = profile[g : g + 8], profile[r : r + 8]
    for kind in ("PNG", "JPEG", "TIFF"):
        image = read_image(encoded(flag(), kind, icc_profile=bytes(profile)))
        assert far(image[:10, :18], np.array(RED)[[1, 0, 2]]) < 4, kind


def test_an_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(read_image(encoded(flag(), "PNG", icc_profile=profile)), flag())


@pytest.mark.parametrize("profile", [b"no profile at all", b""])
def test_a_broken_profile_is_ignored(profile):
    assert np.array_equal(read_image(encoded(flag(), "PNG", icc_profile=profile)), flag())


def test_of_an_animation_the_first_frame_is_read():
    frames = [Image.fromarray(flag()), Image.new("RGB", (48, 32))]
    for kind in ("GIF", "PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert np.array_equal(read_image(data), flag()), kind


def test_one_pixel_is_a_picture():
    assert read_image(encoded(np.full((1, 1, 3), 7, np.uint8), "PNG")).tolist() == [[[7, 7, 7]]]


def test_the_pixels_may_be_written_to():
    for kind in ("PNG", "JPEG"):
        image = read_image(encoded(flag(), kind))
        image[0, 0] = 0
        assert image.flags.c_contiguous


# Paths


@pytest.mark.parametrize(
    "name", ["a.png", "Zoë 山田 ☺.png", "no suffix", "a'b\"c$(d).jpg", "-x.png"]
)
def test_reads_from_any_path(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(encoded(flag(), "PNG"))
    assert np.array_equal(read_image(path), flag())
    assert np.array_equal(read_image(str(path)), flag())


def test_bytes_may_come_as_buffer():
    data = encoded(flag(), "PNG")
    assert np.array_equal(read_image(bytearray(data)), flag())
    assert np.array_equal(read_image(memoryview(data)), flag())


def test_says_that_a_file_is_missing(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.jpg does not exist; check the path"):
        read_image(tmp_path / "gone.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match=r"link\.jpg is a broken link"):
        read_image(tmp_path / "link.jpg")


def test_says_that_a_path_is_a_folder_or_below_a_file(tmp_path):
    with pytest.raises(ImageError, match="is a folder; list its images with find_images"):
        read_image(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"is below a file|does not exist"):
        read_image(tmp_path / "file" / "a.png")


def test_refuses_a_pipe_that_would_never_end(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="is not a regular file"):
        read_image(tmp_path / "pipe.png")


@pytest.mark.parametrize("path", ["a\0b.png", "x" * 5000 + ".png"])
def test_says_that_a_path_is_impossible(path):
    with pytest.raises(ImageError, match=r"cannot be read|does not exist"):
        read_image(path)


def test_says_that_a_file_may_not_be_read(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read every file, so permissions cannot be tried")
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(flag(), "PNG"))
    path.chmod(0)
    with pytest.raises(ImageError, match="may not be read; check its permissions"):
        read_image(path)


# What is no picture


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2", "an MP4 film"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", "a QuickTime film"),
        (b"\x1aE\xdf\xa3\x01", "a Matroska or WebM film"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "an AVI film"),
        (b"PK\x03\x04\x14", "a ZIP archive or an office document"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        ("Grüße, but no picture".encode(), "a text"),
        (bytes(range(256)), "an unknown file type"),
    ],
)
def test_says_what_a_file_is_that_is_no_picture(tmp_path, data, words):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=words):
        read_image(path)


def whole(kind):
    return heic(np.array(portrait())) if kind == "HEIC" else encoded(portrait(), kind)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_picture_cut_short_is_refused(kind, share):
    data = whole(kind)
    with pytest.raises(ImageError, match=r"truncated|damaged|looks like|no pixels"):
        read_image(data[: int(len(data) * share)])


def test_a_jpeg_cut_short_is_called_truncated():
    data = whole("JPEG")
    with pytest.raises(ImageError, match="is truncated: its end is missing"):
        read_image(data[: len(data) // 2], where="a.jpg")


def test_the_end_of_a_preview_does_not_pass_for_the_end_of_the_picture():
    preview = encoded(flag(), "JPEG")
    data = encoded(portrait(), "JPEG", comment=preview)
    assert data.index(b"\xff\xd9") < len(data) // 2
    assert read_image(data).shape == (512, 512, 3)
    with pytest.raises(ImageError, match="truncated"):
        read_image(data[: len(data) // 2])


@pytest.mark.parametrize("progressive", [False, True])
def test_bytes_after_the_end_of_a_jpeg_do_no_harm(progressive):
    data = encoded(flag(), "JPEG", quality=95, progressive=progressive)
    assert np.array_equal(read_image(data + b"maker's notes" * 9), read_image(data))


@pytest.mark.parametrize("source", [None, 5, ["a.png"], io.BytesIO(b"")])
def test_what_is_neither_path_nor_bytes_nor_array_is_refused(source):
    with pytest.raises(ImageError, match="expected a path, bytes or a NumPy array"):
        read_image(source)


def test_reading_leaves_pillow_as_it_was():
    before = Image.MAX_IMAGE_PIXELS, dict(Image.OPEN)
    read_image(heic(flag()))
    assert (Image.MAX_IMAGE_PIXELS, dict(Image.OPEN)) == before


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"])
def test_damaged_bytes_give_a_picture_or_an_image_error_and_nothing_else(kind):
    data = heic(flag()) if kind == "HEIC" else encoded(flag(), kind)
    rng, complaints = np.random.default_rng(0), []
    for _ in range(60):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), 6):
            broken[place] = rng.integers(0, 256)
        try:
            image = read_image(broken, limits=Limits(max_pixels=10**6))
        except ImageError as error:
            complaints.append(str(error))
        else:
            assert image.ndim == 3
            assert image.dtype == np.uint8
    assert all(words.startswith("The image in bytes ") for words in complaints)


def test_a_film_is_sent_to_where_films_are_asked_about(tmp_path):
    (tmp_path / "party.mp4").write_bytes(b"ftyp")
    with pytest.raises(ImageError, match="is a film"):
        read_image(tmp_path / "party.mp4")
