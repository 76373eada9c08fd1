"""The pixels of a screen are a peak in the spectrum; skin, noise and blocks of codecs are not."""

import numpy as np
import pytest

from mien.signals.grids import SIDE, grid_strength, pattern_power


def seen(add, frames=6):
    """Mean power of noisy squares with something added."""
    rng = np.random.default_rng(0)
    squares = [np.clip(120 + rng.normal(0, 3, (SIDE, SIDE)) + add, 0, 255) for _ in range(frames)]
    return np.mean([pattern_power(one.astype(np.uint8)) for one in squares], 0)


def waves(across, down):
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.sin(2 * np.pi * (across * x + down * y))


def test_the_power_of_a_wave_lies_at_its_frequency():
    power = pattern_power(np.rint(120 + 20 * waves(20 / 96, -0.3)).astype(np.uint8))
    row, column = np.unravel_index(power.argmax(), power.shape)
    assert power.shape == (SIDE, SIDE // 2 + 1)
    assert np.fft.fftfreq(SIDE)[row] == pytest.approx(-0.3, abs=0.5 / SIDE)
    assert column == 20


@pytest.mark.parametrize(("across", "down"), [(0.41, 0.08), (0.2, -0.4), (-0.03, 0.44)])
def test_a_faint_fine_grid_is_a_peak(across, down):
    assert grid_strength(seen(2 * waves(across, down))) > 1.5


def test_noise_shapes_and_blocks_are_none():
    y, x = np.mgrid[:SIDE, :SIDE]
    assert grid_strength(seen(0)) < 1.1
    assert grid_strength(seen(60 * np.hypot(x - 48, y - 48) / 48)) < 1.1
    assert grid_strength(seen(40 * waves(0.05, 0.03))) < 1.1  # coarse: a face has such
    blocks = 4 * ((x % 8 == 0) | (y % 8 == 0))
    assert grid_strength(seen(blocks)) < 1.1
    assert grid_strength(pattern_power(np.full((SIDE, SIDE), 90, np.uint8))) == pytest.approx(0)
