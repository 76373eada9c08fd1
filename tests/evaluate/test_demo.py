import io

import numpy as np
import pytest
from PIL import Image

from mien.errors import MienError
from mien.evaluate import demo, variants
from mien.media import encode_image, read_image

BOX = np.array([10, 8, 50, 48], np.float32)


def picture():
    image = np.zeros((60, 80, 3), np.uint8)
    image[:30, :40] = (250, 20, 20)  # red, upper left
    image[30:, 40:] = (20, 20, 250)  # blue, lower right
    return image


def test_the_portraits_are_fetched_from_the_packages_that_carry_them():
    assert list(demo.portraits()) == ["Grace Hopper", "Eileen Collins"]
    assert read_image(demo.portraits()["Grace Hopper"]).shape == (600, 512, 3)
    assert read_image(demo.portraits()["Eileen Collins"]).shape == (512, 512, 3)


def test_the_tag_is_one_that_others_read_and_stands_a_lying_picture_up():
    lying = encode_image(np.rot90(picture()).copy(), quality=95)  # 90 degrees anticlockwise
    tagged = variants.with_orientation(lying, 6)
    assert Image.open(io.BytesIO(tagged)).getexif()[0x0112] == 6
    upright = read_image(tagged)
    assert upright.shape == (60, 80, 3)
    assert np.abs(upright.astype(int) - picture()).mean() < 4


def test_tilting_by_a_quarter_is_a_quarter_turn():
    square = picture()[:, :60].copy()
    assert np.abs(variants.tilted(square, 90).astype(int) - np.rot90(square, -1)).mean() < 6


def test_a_blur_keeps_the_mean_and_takes_the_edges():
    soft = variants.blurred(picture(), 3.0)
    assert soft.mean() == pytest.approx(picture().mean(), abs=1)
    assert np.abs(np.diff(soft.astype(int), axis=1)).max() < 60


def test_an_eighth_of_the_light_is_an_eighth():
    grey = np.full((64, 64, 3), 200, np.uint8)
    seen = variants.dark(grey, 1 / 8).mean() / 200
    assert seen**2.2 == pytest.approx(1 / 8, rel=0.02)


def test_small_crop_and_pair_have_the_sizes_they_say():
    assert variants.small(np.zeros((300, 400, 3), np.uint8), BOX * 2).shape == (150, 200, 3)
    assert variants.cut(picture(), BOX).shape == (40, 40, 3)
    assert variants.beside(picture(), np.zeros((120, 60, 3), np.uint8)).shape == (60, 110, 3)


def test_variants_are_the_same_in_every_run():
    for variant in variants.VARIANTS:
        assert variant.write(picture(), BOX) == variant.write(picture(), BOX)


@pytest.mark.parametrize(
    ("expected", "got", "right"),
    [
        (("Ada",), ("Ada",), True),
        (("Ada", "Bob"), ("Bob", "Ada"), True),
        (("Ada",), ("Bob",), False),
        (("Ada",), (), False),
        (("Ada",), ("Ada", "unknown"), False),
        (("unknown",), ("Ada",), False),
        ((), (), True),
    ],
)
def test_an_answer_is_right_if_every_face_is(expected, got, right):
    assert demo.judged(expected, got) is right


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(MienError, match="no demo wrote"):
        demo.claim(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["diary.txt"]


def test_a_folder_that_is_new_empty_or_ours_is_taken(tmp_path):
    demo.claim(tmp_path / "new" / "demo")
    demo.claim(tmp_path / "new" / "demo")
    demo.claim(tmp_path / "new" / "demo" / "people")


def test_a_file_in_place_of_the_folder_is_a_sentence(tmp_path):
    (tmp_path / "demo").write_text("")
    with pytest.raises(MienError, match="is a file"):
        demo.claim(tmp_path / "demo")
