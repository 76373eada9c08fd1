from dataclasses import replace

import numpy as np
import pytest

from mien.media import draw_faces
from mien.media.fonts import text_mask
from mien.types import Decision, Face

POINTS = np.float32([[30, 35], [50, 35], [40, 48], [32, 58], [48, 58]])
FACE = Face(np.float32([20, 20, 60, 72]), 0.99, POINTS)


def decided(outcome, person=None, face=FACE):
    return replace(face, decision=Decision(outcome, person, 0.7, 0.9, 0.5, "by hand"))


def grey(height=100, width=140):
    return np.full((height, width, 3), 128, np.uint8)


def changed(before, after):
    """Left, top, right, bottom of what differs."""
    y, x = np.nonzero((before != after).any(axis=2))
    return x.min(), y.min(), x.max() + 1, y.max() + 1


def test_the_picture_itself_is_left_alone():
    image = grey()
    drawn = draw_faces(image, [decided("match", "Ada")])
    assert (image == 128).all()
    assert (drawn.shape, drawn.dtype) == (image.shape, np.uint8)
    assert not np.array_equal(drawn, image)


def test_no_faces_give_the_same_picture():
    assert np.array_equal(draw_faces(grey(), []), grey())


def test_the_box_is_drawn_where_it_is_and_the_face_stays_visible():
    drawn = draw_faces(grey(), [replace(FACE, points=None)])
    left, top, right, bottom = changed(grey(), drawn)
    assert abs(np.array([left, top, right, bottom]) - [20, 20, 60, 72]).max() <= 4
    assert (drawn[25:67, 25:55] == 128).all()


def test_points_are_drawn_where_they_are():
    plain = draw_faces(grey(), [replace(FACE, points=None)])
    dots = (draw_faces(grey(), [FACE]) != plain).any(axis=2)
    for x, y in POINTS.astype(int):
        assert dots[y - 1 : y + 2, x - 1 : x + 2].any()
        dots[y - 3 : y + 4, x - 3 : x + 4] = False
    assert not dots.any()


def test_each_outcome_has_its_colour():
    def colour(face):
        return draw_faces(grey(400, 560), [face], [""])[46, 20].astype(int)

    expected = {"match": (0, 158, 115), "review": (230, 159, 0), "unknown": (170, 170, 170)}
    for outcome, rgb in expected.items():
        assert np.abs(colour(decided(outcome)) - rgb).max() < 40, outcome
    assert np.abs(colour(FACE) - (86, 180, 233)).max() < 40


def test_the_label_says_what_the_decision_says():
    def drawn(face, labels=None):
        return draw_faces(grey(), [face], labels)

    assert np.array_equal(drawn(decided("match", "Ada")), drawn(decided("match"), ["Ada"]))
    assert np.array_equal(drawn(decided("review", "Ada")), drawn(decided("review"), ["Ada?"]))
    assert np.array_equal(drawn(decided("unknown")), drawn(decided("unknown"), ["unknown"]))
    assert np.array_equal(drawn(FACE), drawn(FACE, [""]))


@pytest.mark.parametrize("corner", [(0, 0), (100, 0), (0, 48), (100, 48), (-30, -30), (125, 90)])
@pytest.mark.parametrize("label", ["Ada", "a name that is far too long for such a small picture"])
def test_labels_stay_inside_the_picture(corner, label):
    face = Face(FACE.box - 20 + np.float32([*corner, *corner]), 0.9)
    plain = draw_faces(grey(), [face], [""])
    left, top, right, bottom = changed(plain, draw_faces(grey(), [face], [label]))
    mask = text_mask(label[:3], 11)
    assert right - left > mask.shape[1]  # the whole plate is there, not a part cut by the edge
    assert bottom - top >= mask.shape[0]


@pytest.mark.parametrize("side", [1, 2, 5, 16, 3000])
def test_any_size_of_picture_can_be_drawn_on(side):
    face = Face(np.float32([0.2, 0.2, 0.8, 0.8]) * side, 0.9)
    assert draw_faces(grey(side, side), [face], ["Ada"]).shape == (side, side, 3)


def test_letters_grow_with_the_picture():
    def height(side):
        face = Face(np.float32([0.4, 0.4, 0.6, 0.6]) * side, 0.9)
        plain = draw_faces(grey(side, side), [face], [""])
        _, top, _, bottom = changed(plain, draw_faces(grey(side, side), [face], ["Ada"]))
        return bottom - top

    assert height(4000) > 3.5 * height(1000)
    assert height(200) >= 12  # and never shrink below what can be read


def test_labels_of_neighbours_do_not_cover_each_other():
    near = Face(FACE.box + np.float32([8, 0, 8, 0]), 0.9)
    both = draw_faces(grey(200, 400), [FACE, near], ["Somebody", "Another one"])
    dark = (both < 60).all(axis=2).sum()
    alone = sum(
        (draw_faces(grey(200, 400), [FACE, near], texts) < 60).all(axis=2).sum()
        for texts in (["Somebody", ""], ["", "Another one"])
    )
    boxes = (draw_faces(grey(200, 400), [FACE, near], ["", ""]) < 60).all(axis=2).sum()
    assert dark == pytest.approx(alone - boxes, rel=0.1)


@pytest.mark.parametrize("name", ["Zoë Łukasiewicz", "Дмитрий", "Ελένη", "محمد", "שרה", "Nguyễn"])
def test_names_in_many_scripts_have_letters_and_not_boxes(name):
    letters = {bytes(text_mask(letter, 30)) for letter in set(name) - {" "}}
    assert bytes(text_mask("\uffff", 30)) not in letters
    assert len(letters) >= len(set(name)) - 2


def test_chinese_japanese_and_korean_names_are_written_with_the_font_of_opencv_5():
    import cv2

    if not hasattr(cv2, "FontFace"):
        pytest.skip("this OpenCV is older than 5 and has no such font")
    letters = {bytes(text_mask(letter, 30)) for letter in "山田太郎김민수"}
    assert len(letters) == 7
    assert all(sum(mask) > 255 * 20 for mask in letters)


def test_as_many_labels_as_faces_are_wanted():
    with pytest.raises(ValueError, match="shorter"):
        draw_faces(grey(), [FACE, FACE], ["one"])
