"""docs/conventions.md, line by line."""

import io

import numpy as np
import pytest
from PIL import Image

from mien.detect import REASONS
from mien.geometry import POINTS, places, pose_from_points
from mien.media import draw_faces, read_image, turn, turn_back
from mien.types import Crop, Face


def test_a_picture_is_red_green_blue_and_upright():
    picture = Image.new("RGB", (4, 2), (250, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    data = io.BytesIO()
    picture.save(data, "PNG", exif=exif)
    image = read_image(data.getvalue())
    assert image.shape == (4, 2, 3)
    assert image.dtype == np.uint8
    assert (image == [250, 0, 0]).all()


def test_a_box_is_left_top_right_bottom_with_the_origin_top_left():
    image = np.zeros((200, 300, 3), np.uint8)
    face = Face(np.float32([200, 20, 280, 100]), 1.0)
    marked = np.argwhere((draw_faces(image, [face], [""]) != 0).any(axis=2))
    rows, columns = marked[:, 0], marked[:, 1]
    assert rows.min() == pytest.approx(20, abs=4)
    assert columns.min() == pytest.approx(200, abs=4)
    assert rows.max() == pytest.approx(100, abs=4)
    assert columns.max() == pytest.approx(280, abs=4)


def test_left_and_right_are_as_seen_in_the_picture():
    assert POINTS == ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
    template = places(Crop(size=112))
    assert template[0, 0] < template[1, 0]
    assert template[3, 0] < template[4, 0]
    assert template[:2, 1].max() < template[2, 1] < template[3:, 1].min()


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_face_found_in_a_turned_picture_is_told_where_it_is_in_the_picture(degrees):
    image = np.zeros((40, 60, 3), np.uint8)
    image[5:10, 20:30] = 255
    rows, columns = np.nonzero(turn(image, degrees)[..., 0])
    box = np.float32([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    [back] = turn_back([Face(box, 1.0)], degrees, image.shape)
    assert back.box.tolist() == [20, 5, 30, 10]


def test_angles_yaw_to_image_right_pitch_up_roll_clockwise():
    face = places(Crop(size=112))
    right = face + np.float32([[0, 0], [0, 0], [8, 0], [0, 0], [0, 0]])
    up = face + np.float32([[0, 0], [0, 0], [0, -8], [0, 0], [0, 0]])
    clockwise = face.copy()
    clockwise[[1, 4], 1] += 10  # the right side of the face sinks
    assert pose_from_points(right)[0] > 5
    assert pose_from_points(up)[1] > 5
    assert pose_from_points(clockwise)[2] > 5


@pytest.mark.weights
def test_a_vector_is_float32_of_length_1_and_names_its_embedder(astronaut):
    import mien

    face = mien.open_pipeline().main_face(astronaut)
    assert face.embedding.dtype == np.float32
    assert np.linalg.norm(face.embedding) == pytest.approx(1, abs=1e-5)
    assert face.embedder.split("/")[0] == "dlib-resnet29-int8"


def test_what_was_not_computed_is_none():
    face = Face(np.zeros(4, np.float32), 0.5)
    absent = (face.points, face.time, face.quality, face.embedding, face.decision, face.track)
    assert absent == (None,) * 6


def test_reasons_for_no_face_are_a_closed_list():
    assert set(REASONS) == {"too-small", "blurred", "dark", "cut", "sideways", "none"}


def test_a_similarity_that_equals_a_threshold_is_below_it():
    from mien.metrics import fmr

    assert fmr([0.2, 0.4], 0.4) == 0
