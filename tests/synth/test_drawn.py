"""The drawn face: identity, expression and gaze show where the truth says, and nowhere else."""

import numpy as np
import pytest

from mien.errors import MienError
from mien.synth.drawn import (
    EXPRESSIONS,
    DrawnPerson,
    Moves,
    draw_face,
    drawn_moves,
    drawn_person,
)

SIDE = 64


def pupils(face):
    """Columns and rows of the dark pixels within the white of each eye, mean, (2, 2) px."""
    out = []
    for x, y in face.five[:2].round().astype(int):
        part = face.image[y - 6 : y + 6, x - 8 : x + 8].sum(2)
        rows, columns = np.nonzero(part < 0.6)
        out.append((columns.mean() + x - 8, rows.mean() + y - 6))
    return np.array(out)


def test_a_seed_gives_one_person_who_differs_from_others():
    one, same, other = drawn_person(3), drawn_person(3), drawn_person(4)
    assert one == same != other
    shown = [draw_face(who, drawn_moves("neutral"), SIDE).image for who in (one, same, other)]
    assert (shown[0] == shown[1]).all()
    assert np.abs(shown[0] - shown[2]).mean() > 0.02


def test_an_expression_moves_what_it_names_and_grows_with_its_strength():
    rest, half, full = (
        draw_face(DrawnPerson(), drawn_moves("happy", s), SIDE) for s in (0, 0.5, 1)
    )
    assert rest.five[3, 1] > half.five[3, 1] > full.five[3, 1]  # the corners rise
    assert drawn_moves("happy") == pytest.approx(EXPRESSIONS["happy"])
    assert drawn_moves("happy", 0) == EXPRESSIONS["neutral"]
    assert (rest.image[: SIDE // 4] == full.image[: SIDE // 4]).all()  # the hair does not


def test_the_corners_of_the_mouth_are_where_lips_end():
    face = draw_face(DrawnPerson(lips=(0.0, 0.0, 1.0)), drawn_moves("happy"), SIDE)
    blue = face.image[..., 2] - face.image[..., 0] > 0.5
    rows, columns = np.nonzero(blue)
    for end, corner in ((columns.argmin(), 3), (columns.argmax(), 4)):
        assert (columns[end], rows[end]) == pytest.approx(face.five[corner], abs=3)


def test_pupils_follow_the_gaze_to_image_right_and_up():
    person = DrawnPerson(eye=0.25)
    wide = Moves(eye_open=0.2)
    ahead, turned = (draw_face(person, wide, 96, gaze) for gaze in ((0, 0), (30, 20)))
    moved = pupils(turned) - pupils(ahead)
    assert (moved[:, 0] > 1).all()
    assert (moved[:, 1] < -0.5).all()
    assert (ahead.five == turned.five).all()


def test_a_pasted_face_covers_its_box_and_nothing_else():
    picture = np.full((100, 120, 3), 0.25, np.float32)
    face = draw_face(drawn_person(1), drawn_moves("sad"), SIDE)
    face.paste(picture, 40, 20)
    changed = np.nonzero((picture != 0.25).any(2))
    left, top, right, bottom = face.box + np.array([40, 20, 40, 20])
    assert changed[1].min() == pytest.approx(left, abs=1)
    assert changed[1].max() + 1 == pytest.approx(right, abs=1)
    assert changed[0].min() == pytest.approx(top, abs=1)
    assert changed[0].max() + 1 == pytest.approx(bottom, abs=1)


@pytest.mark.parametrize("corner", [(-1, 0), (57, 0), (0, 37)])
def test_a_face_that_leaves_the_picture_is_refused(corner):
    face = draw_face(DrawnPerson(), Moves(), SIDE)
    with pytest.raises(MienError, match="leaves the picture of 120 x 100 px"):
        face.paste(np.zeros((100, 120, 3), np.float32), *corner)


def test_bad_requests_are_refused_in_a_sentence():
    with pytest.raises(MienError, match="Unknown expression 'bored'; one of neutral, angry"):
        drawn_moves("bored")
    for strength in (-1, np.nan, np.inf):
        with pytest.raises(MienError, match="strength"):
            drawn_moves("sad", strength)
    with pytest.raises(MienError, match="at least 8 px, not 4"):
        draw_face(DrawnPerson(), Moves(), 4)
    with pytest.raises(MienError, match="finite"):
        draw_face(DrawnPerson(), Moves(), SIDE, (np.nan, 0))
