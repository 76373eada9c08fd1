"""Photographs and films on a sheet that a hand moves."""

from itertools import repeat

import numpy as np
import pytest

from mien.synth import Scene
from mien.synth.render.attacks import STILL, held, recapture, recapture_film

PHOTO = np.random.default_rng(8).integers(0, 256, (90, 90, 3)).astype(np.uint8)


@pytest.mark.parametrize("attack", ["print", "replay"])
def test_a_sheet_that_nobody_moves_is_the_picture_of_it_with_new_noise(attack):
    one, two = recapture_film(repeat(PHOTO), Scene(), attack, 5, repeat(STILL, 2))
    still = recapture(PHOTO, Scene(), attack, 5).astype(int)
    assert abs(one - still).mean() < 3
    assert (one != two).any()


def test_a_hand_starts_where_the_sheet_was_and_moves_it():
    sways = list(held(2.0, 25.0, 3))
    assert (len(sways), sways[0]) == (50, STILL)
    assert np.std([one.turn for one in sways]) > 0.5
    assert [one.turn for one in held(2.0, 25.0, 3, strength=0.0)] == [0.0] * 50
    films = [list(recapture_film(repeat(PHOTO), Scene(), "print", 5, sways)) for _ in range(2)]
    assert all((a == b).all() for a, b in zip(*films, strict=True))
    assert abs(films[0][0].astype(int) - films[0][-1]).mean() > 5


def test_a_replay_shows_frame_after_frame():
    frames = [PHOTO, PHOTO[::-1].copy()]
    shown = list(recapture_film(frames, Scene(), "replay", 5, repeat(STILL)))
    assert len(shown) == 2
    assert abs(shown[0].astype(int) - shown[1]).mean() > 5
