"""Files with several images: only the first is searched, and the answer says so."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mien.cli.main import app
from mien.errors import ImageError
from mien.media import count_images, read_image
from mien.media.formats import format_of


@pytest.fixture
def pages():
    shades = (0, 90, 200)
    return [Image.fromarray(np.full((20, 30, 3), shade, np.uint8)) for shade in shades]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_pages_and_frames_are_counted(tmp_path, pages, suffix):
    path = tmp_path / f"x.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert count_images(path) == 3
    assert count_images(path.read_bytes()) == 3
    pages[0].save(path)
    assert count_images(path) == 1


def test_a_reduced_copy_is_no_page_and_a_jpeg_has_one_image(tmp_path, pages):
    tags = {254: 1}
    reduced = pages[1].copy()
    reduced.encoderinfo = {"tiffinfo": tags}
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=[reduced])
    assert count_images(tmp_path / "x.tif") == 1
    pages[0].save(tmp_path / "x.mpo", save_all=True, append_images=pages[1:])
    data = (tmp_path / "x.mpo").read_bytes()
    assert format_of(data) == "jpeg"
    assert count_images(data) == 1


def test_a_damaged_later_page_leaves_the_first_one_readable(tmp_path, pages):
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    data = (tmp_path / "x.tif").read_bytes()
    cut = data[: len(data) // 2]  # within the second page, whose directory is at its end
    assert read_image(cut).shape == (20, 30, 3)
    assert count_images(cut) == 2


def test_a_damaged_file_is_an_error():
    with pytest.raises(ImageError, match=r"damaged|truncated"):
        count_images(b"II*\0" + bytes([9] * 40))


@pytest.mark.weights
def test_the_answer_says_that_pages_were_not_searched(tmp_path, pages):
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "one.tif")
    done = CliRunner().invoke(app, ["detect", str(tmp_path)])
    one, scan = (json.loads(line) for line in done.stdout.splitlines())
    assert scan["images"] == 3
    assert "images" not in one
    assert "scan.tif has 3 images, of which only the first was searched" in done.stderr
    assert "one.tif" not in done.stderr
