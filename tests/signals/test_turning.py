"""A head of known relief turns, while one place of its face moves for a few frames."""

import numpy as np
import pytest

from mien.errors import MienError
from mien.signals.turning import without_turns

SIDE, COUNT = 32, 60
Y, X = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE - 0.5
FACE = (X / 0.4) ** 2 + (Y / 0.45) ** 2 < 1
LONG = 0.3 * np.exp(-((X / 0.1) ** 2) - ((Y / 0.15) ** 2)) - 2.5 * X**2 - 0.4 * Y**2  # a long nose
BUMP = np.exp(-((X + 0.2) ** 2 + (Y - 0.25) ** 2) / 0.08**2)
DURING = slice(30, 34)


def film(turn=3.0, size=1.0):
    """(T, H, W, 2) px: turns, shifts, a roll, noise, and a movement of one place."""
    rng = np.random.default_rng(0)
    yaw, pitch, right, down, roll = rng.normal(0, 1, (5, COUNT, 1, 1))
    flow = np.stack(
        [right - roll * Y + turn * yaw * LONG, down + roll * X + turn * pitch * LONG], 3
    )
    flow[DURING, ..., 1] -= size * BUMP
    return (flow + rng.normal(0, 0.02, flow.shape)).astype(np.float32)


def errors(found):
    left = np.linalg.norm(found.flow, axis=-1)
    still = np.r_[:30, 34:COUNT]
    return np.percentile(left[still][:, FACE], 95), left[DURING].max(axis=(1, 2))


def test_a_turn_is_subtracted_and_a_movement_of_the_face_stays():
    still, moved = errors(without_turns(film(), FACE))
    assert still < 0.1
    assert (moved > 0.8).all()
    average, _ = errors(without_turns(film(), FACE, learn=False))
    assert average > 2.5 * still


def test_the_relief_is_that_of_the_head_up_to_a_plane():
    planes = np.stack([np.ones(FACE.sum()), X[FACE], Y[FACE]], 1)

    def bent(relief):
        return relief[FACE] - planes @ np.linalg.lstsq(planes, relief[FACE], rcond=None)[0]

    found = without_turns(film(), FACE)
    assert np.corrcoef(bent(found.relief), bent(LONG))[0, 1] > 0.98
    assert found.turn.mean() == pytest.approx(3 * np.sqrt(np.pi / 2) * bent(LONG).std(), rel=0.25)


def test_a_movement_of_a_resting_head_is_no_turn():
    found = without_turns(film(turn=0.0), FACE)
    assert not found.turn.any()
    still, moved = errors(found)
    assert still < 0.1
    assert (moved > 0.8).all()


def test_no_flow_gives_no_flow_and_shapes_must_fit():
    assert without_turns(np.zeros((0, SIDE, SIDE, 2), np.float32), FACE).flow.shape[0] == 0
    with pytest.raises(MienError, match="does not fit a face"):
        without_turns(np.zeros((3, 9, 9, 2), np.float32), FACE)
    few = np.arange(SIDE * SIDE).reshape(FACE.shape) < 3
    with pytest.raises(MienError, match="with 3 places"):
        without_turns(film(), few)
