"""What is written into a file about itself can be read again; the mark can be seen."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from mien.errors import ImageError
from mien.media import (
    encode_image,
    mark,
    read_change,
    read_image,
    read_note,
    source_packet,
    write_bytes,
)
from mien.media.notes import exif_note

NOTE = json.dumps({"change": "synthetic", "name": 'a "quoted" name', "letter": "Zoë"})
GREY = np.full((60, 80, 3), 128, np.uint8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif", "tif"])
def test_a_note_in_a_picture_is_read_again_and_leaves_the_pixels_alone(tmp_path, suffix):
    kind = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
    path = tmp_path / f"a.{suffix}"
    write_bytes(path, encode_image(GREY, kind, note=NOTE))
    assert read_note(path) == NOTE
    assert np.abs(read_image(path).astype(int) - GREY).max() <= 2
    write_bytes(path, encode_image(GREY, kind))
    assert read_note(path) is None


def test_a_format_that_holds_no_note_refuses_one(tmp_path):
    with pytest.raises(ImageError, match="BMP files cannot store a note"):
        encode_image(GREY, "bmp", note=NOTE)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="cannot be read for its note"):
        read_note(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(2, 2), (12, 300), (60, 80), (600, 400)])
def test_the_mark_is_on_a_copy_in_the_lower_left_corner(size):
    image = np.full((*size, 3), 128, np.uint8)
    marked = mark(image, "synthetic")
    assert marked.shape == image.shape
    assert (image == 128).all()
    changed = np.argwhere((marked != 128).any(-1))
    assert len(changed)
    if min(size) >= 60:
        assert changed[:, 0].min() > size[0] * 0.6
        assert marked.max() > 240  # white letters


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif", "tif"])
def test_what_a_picture_is_declared_to_be_is_read_from_note_and_packet(tmp_path, suffix):
    kind = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
    path = tmp_path / f"a.{suffix}"
    noted = encode_image(GREY, kind, note=NOTE)
    declared = encode_image(GREY, kind, xmp=source_packet("restored"))
    both = encode_image(GREY, kind, note=NOTE, xmp=source_packet("synthetic"))
    assert [read_change(one) for one in (noted, declared, both)] == [
        "synthetic", "restored", "synthetic",
    ]  # fmt: skip
    write_bytes(path, both)
    assert read_change(path) == "synthetic"
    assert read_note(path) == NOTE
    assert read_change(encode_image(GREY, kind)) is None


@pytest.mark.parametrize("note", ["no JSON", "[1]", '{"change": 3}', '{"change": ["edited"]}'])
def test_a_note_that_states_no_change_declares_nothing(note):
    assert read_change(encode_image(GREY, "png", note=note)) is None


def test_what_only_opencv_decodes_declares_what_its_bytes_say(tmp_path):
    path = tmp_path / "three-floats.tiff"
    cv2.imwrite(str(path), np.full((20, 30, 3), 0.5, np.float32))
    assert read_image(path).shape == (20, 30, 3)
    assert read_change(path) is None
    path.write_bytes(path.read_bytes() + source_packet("restored"))
    assert read_change(path) == read_change(path.read_bytes()) == "restored"


@pytest.mark.filterwarnings("error")
def test_damaged_tags_declare_nothing_and_raise_no_warning(tmp_path):
    path, damaged = tmp_path / "damaged.jpg", exif_note(NOTE)[:-3]
    Image.fromarray(GREY).save(path, exif=damaged)
    assert read_change(path) in {None, "synthetic"}
    with pytest.warns(UserWarning, match="Truncated|Corrupt"), Image.open(path) as image:
        image.getexif()


def test_a_file_that_cannot_be_opened_has_no_origin(tmp_path):
    with pytest.raises(ImageError, match="cannot be read for its origin"):
        read_change(encode_image(GREY, "png")[:20])
    with pytest.raises(ImageError, match="cannot be read"):
        read_change(tmp_path / "none.png")
