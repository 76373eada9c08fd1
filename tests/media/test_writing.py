import errno
import io
import os

import numpy as np
import pytest
from PIL import Image

from mien.errors import ImageError
from mien.media import encode_image, read_image, write_image


def ramp(height=40, width=60):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, 255 - x * 4], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF", ".bmp"])
def test_lossless_formats_keep_every_pixel(tmp_path, suffix):
    path = tmp_path / f"Zoë 山{suffix}"
    write_image(path, ramp())
    assert np.array_equal(read_image(path), ramp())


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp", ".avif"])
def test_lossy_formats_keep_nearly_every_pixel(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, ramp())
    assert np.abs(read_image(path).astype(int) - ramp()).mean() < 3


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_lower_quality_means_fewer_bytes_and_larger_errors(format):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    fine, coarse = (encode_image(noise, format, quality) for quality in (95, 20))
    assert len(coarse) < len(fine) / 2
    errors = [np.abs(read_image(data).astype(int) - noise).mean() for data in (fine, coarse)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize(("format", "name"), [("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_bytes_are_of_the_format_asked_for(format, name):
    assert Image.open(io.BytesIO(encode_image(ramp(), format))).format == name


def test_a_picture_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, ramp())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ImageError, match="the disk is full; free some space"):
        write_image(path, ramp()[::-1])
    assert np.array_equal(read_image(path), ramp())
    assert os.listdir(tmp_path) == ["a.png"]  # nothing half-written stays behind


def test_new_files_can_be_read_by_those_whom_the_user_lets(tmp_path):
    write_image(tmp_path / "a.png", ramp())
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.xyz", r"is not supported: expected one of \.jpg"),
        ("a", "is not supported"),
        ("gone/a.png", "folder .*gone' does not exist; create it"),
        ("file/a.png", "folder .*file' does not exist; create it"),
        ("folder.png", "is a folder; give a file name"),
        ("a" * 300 + ".png", "cannot be written"),
        ("a\0.png", "cannot be written"),
    ],
)
def test_says_why_it_cannot_write(tmp_path, name, words):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=words):
        write_image(str(tmp_path) + "/" + name, ramp())
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


def test_says_that_a_folder_may_not_be_written(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere, so permissions cannot be tried")
    tmp_path.chmod(0o500)
    with pytest.raises(ImageError, match="may not be written; check its permissions"):
        write_image(tmp_path / "a.png", ramp())


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 4), np.uint8), r"shape \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), "is not an image"),
        (np.zeros((4, 4, 3)), "type float64 is not an image"),
        (np.zeros((0, 4, 3), np.uint8), "is not an image"),
        ("a.png", "str is not an image array; open it with read_image"),
        (np.zeros((1, 70_000, 3), np.uint8), "70000 x 1 px cannot be written as JPEG"),
    ],
)
def test_refuses_what_is_no_picture(image, words):
    with pytest.raises(ImageError, match=words):
        encode_image(image)


def test_refuses_unknown_formats_and_qualities():
    with pytest.raises(ImageError, match="Format 'gif' is not supported"):
        encode_image(ramp(), "gif")
    with pytest.raises(ImageError, match="Quality 101 is not valid"):
        encode_image(ramp(), quality=101)
