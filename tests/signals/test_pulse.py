import numpy as np
import pytest

from mien.signals import mean_colour, pulse_of

TIMES = np.arange(0, 20, 1 / 30)
# Share of the pulse in red, green, blue. Source: de Haan and van Leest, 2014.
BEAT = np.array([0.33, 0.77, 0.53])


def skin(rate, depth=0.004, noise=0.0, times=TIMES):
    rng = np.random.default_rng(5)
    wave = depth * np.sin(2 * np.pi * rate / 60 * times)
    light = 1 + 0.05 * np.sin(2 * np.pi * 0.1 * times)  # a lamp that changes slowly
    colours = np.array([180.0, 120, 100]) * light[:, None] * (1 + wave[:, None] * BEAT)
    return colours + rng.normal(0, noise, colours.shape)


@pytest.mark.parametrize("rate", [48, 72, 130])
def test_a_planted_pulse_is_found_under_changing_light(rate):
    found = pulse_of(TIMES, skin(rate, noise=0.1))
    assert found.rate == pytest.approx(rate, abs=2)
    assert found.snr > 3


def test_noise_has_a_low_signal_to_noise_ratio():
    assert pulse_of(TIMES, skin(72, depth=0.0, noise=0.2)).snr < 0


def test_uneven_times_are_resampled():
    keep = np.random.default_rng(7).random(len(TIMES)) > 0.2
    assert pulse_of(TIMES[keep], skin(90)[keep]).rate == pytest.approx(90, abs=2)


@pytest.mark.parametrize(
    ("times", "colours"),
    [
        (TIMES[:60], skin(72)[:60]),  # two seconds
        (TIMES[::5], skin(72)[::5]),  # six per second
        (TIMES, np.full((len(TIMES), 3), np.nan)),
        (TIMES, np.zeros((len(TIMES), 3))),
        (TIMES[:1], skin(72)[:1]),
        (np.zeros(0), np.zeros((0, 3))),
        (np.zeros(9), np.ones((9, 3))),  # no time passes
        (TIMES, np.full((len(TIMES), 3), 90.0)),  # nothing changes
    ],
)
def test_without_enough_there_is_no_pulse(times, colours):
    assert pulse_of(times, colours) is None


def test_the_mean_colour_of_a_part_is_that_of_its_pixels():
    image = np.random.default_rng(1).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    part = image[3:21, 5:32]
    assert mean_colour(part) == pytest.approx(part.reshape(-1, 3).mean(0))
