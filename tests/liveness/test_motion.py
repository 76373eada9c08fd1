"""Motion over time, on a textured face before a textured room."""

from dataclasses import replace
from itertools import repeat

import cv2
import numpy as np
import pytest

from mien.liveness import SIGNS, Motion, MotionRecorder, with_motion
from mien.liveness.check import refusal
from mien.liveness.motion import MEASURES, REASONS
from mien.synth import Scene
from mien.synth.render.attacks import held, recapture_film
from mien.types import Liveness

BOX = np.array([120, 110, 200, 190], np.float32)
LIVE = Liveness("live", "toy@12", "bpcer5", 0.4, 0.9)


def texture(seed, side):
    noise = np.random.default_rng(seed).integers(0, 256, (side // 5, side // 5, 3))
    return cv2.resize(noise.astype(np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)


ROOM, FACE = texture(1, 320), texture(2, 80)


def at_a_wall(number):
    """The face moves sideways and swells on one side; the room stays."""
    image, offset = ROOM.copy(), round(6 * np.sin(number))
    bent = cv2.resize(FACE, (80 + round(8 * np.sin(2 * number)), 80))
    image[110:190, 120 + offset : 120 + offset + bent.shape[1]] = bent
    return image


def on_a_sheet(number):
    """Face and surroundings move together."""
    image = ROOM.copy()
    image[110:190, 120:200] = FACE
    turn = np.float32([[1, 0.01 * np.sin(number), 6 * np.sin(number)], [0, 1, 4 * np.cos(number)]])
    return cv2.warpAffine(image, turn, (320, 320), borderMode=cv2.BORDER_REFLECT)


def run(frames, box=BOX, every=0.2):
    recorder = MotionRecorder()
    for number, image in enumerate(frames):
        recorder.see(image, box, number * every)
        recorder.see_colour(image, box, number * every)
    return recorder.result()


def test_a_sheet_that_is_moved_shows_itself():
    found = run(on_a_sheet(k) for k in range(15))
    assert found.signs == ("sheet",)
    assert found.together > 0.8
    assert found.bent < 0.1


def test_a_face_before_a_room_does_not():
    found = run(at_a_wall(k) for k in range(15))
    assert found.signs == ()
    assert found.moved > 0.01
    assert found.together < 0.5


def test_a_face_that_nothing_moves_shows_itself():
    found = run(repeat(on_a_sheet(1), 15))
    assert (found.signs, found.reasons["together"]) == (("still",), "too-still")


def test_a_photograph_in_a_hand_shows_itself(astronaut):
    photo = np.ascontiguousarray(astronaut[:400, 60:460])
    shown = list(recapture_film(repeat(photo), Scene(), "print", 4, held(3.0, 5.0, 4)))
    assert len(shown) == 15
    found = run(shown, np.array([88, 70, 172, 176], np.float32))
    assert found.signs == ("sheet",)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([ROOM], "too-short"),
        ([np.full((320, 320, 3), 90, np.uint8)] * 15, "too-few-points"),
        ([ROOM, ROOM, ROOM[:200], ROOM[:200]] * 4, "too-few-points"),  # the camera changes its size
    ],
)
def test_what_was_not_measured_has_a_reason(frames, reason):
    found = run(frames)
    assert (found.moved, found.reasons["moved"]) == (None, reason)
    assert not {"still", "sheet"} & set(found.signs)
    assert set(found.reasons.values()) <= set(REASONS)
    assert set(MEASURES) <= set(Motion.__slots__)


def test_a_box_beside_the_picture_has_no_colour():
    found = run([ROOM] * 3, np.array([400, 400, 480, 480], np.float32))
    assert found.reasons["pulse"] == "too-few-frames"


def test_a_sign_outweighs_a_score_and_is_no_answer_without_one():
    still = run(repeat(on_a_sheet(1), 15))
    found = with_motion(LIVE, still)
    assert (found.outcome, found.signs) == ("attack", ("still",))
    assert SIGNS["still"] in refusal(found)
    mute = Liveness("no-response", "toy@12", "bpcer5", 0.4, reason="too-small")
    assert with_motion(mute, still).outcome == "no-response"
    assert with_motion(LIVE, run([ROOM])) == LIVE


def test_a_photograph_on_a_screen_that_stands_shows_its_pixels(astronaut):
    photo = np.ascontiguousarray(astronaut[:400, 60:460])
    box = np.array([88, 70, 172, 176], np.float32)
    found = run(recapture_film(repeat(photo), Scene(), "replay", 4, held(1.6, 5.0, 4, 0.0)), box)
    assert found.signs == ("still", "grid")
    assert found.grid > 1.5
    both = with_motion(LIVE, replace(found, moved=0.02))  # a film on it moves
    assert (both.outcome, both.signs) == ("attack", ("grid",))
    assert SIGNS["grid"] in refusal(both)
    plain = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
    assert run(repeat(plain, 8), box).grid < 1.2


def test_a_pattern_needs_a_face_of_72_px_and_four_frames():
    small = run((at_a_wall(k) for k in range(6)), np.array([120, 110, 190, 180], np.float32))
    assert (small.grid, small.reasons["grid"]) == (None, "too-small")
    short = run(at_a_wall(k) for k in range(3))
    assert (short.grid, short.reasons["grid"]) == (None, "too-short")
    assert 0 < run(at_a_wall(k) for k in range(4)).grid < 1.5
