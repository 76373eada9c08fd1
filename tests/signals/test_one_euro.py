import math

import numpy as np
import pytest

from mien.signals import OneEuro


def test_the_first_steps_by_hand():
    # 0.5 s apart, 1 Hz: a = 1 / (1 + 1 / (2 pi 0.5)) = 0.758547. Speed: a (1 - 0) / 0.5 = 1.517094;
    # cut-off 1 + 0.5 * 1.517094 = 1.758547 Hz, so a = 0.846735.
    smooth = OneEuro(cutoff=1.0, beta=0.5)
    assert smooth(0.0, 10.0) == 0
    assert smooth(1.0, 10.5) == pytest.approx(0.846735, abs=1e-6)


def test_without_beta_it_is_the_plain_low_pass():
    smooth, share = OneEuro(cutoff=2.0, beta=0.0), 1 / (1 + 1 / (2 * math.pi * 2 * 0.1))
    value = 0.0
    smooth(0.0, 0.0)
    for i in range(1, 10):
        value += share * (1 - value)
        assert smooth(1.0, i / 10) == pytest.approx(value)


@pytest.mark.parametrize("rate", [15, 30, 120])
def test_in_seconds_it_does_the_same_at_any_rate(rate):
    smooth = OneEuro(cutoff=0.5, beta=0.0)
    smooth(0.0, 0.0)
    for i in range(1, rate + 1):
        last = smooth(1.0, i / rate)
    assert last == pytest.approx(1 - math.exp(-2 * math.pi * 0.5), abs=0.02)


def test_noise_at_rest_shrinks_and_a_quick_move_is_followed():
    rng, smooth = np.random.default_rng(0), OneEuro(cutoff=1.0, beta=2.0)
    still = [float(smooth(v, i / 30)) for i, v in enumerate(rng.normal(0, 0.01, 200))]
    assert np.std(still[50:]) < 0.005
    for i in range(200, 206):
        last = smooth(5.0, i / 30)
    assert last == pytest.approx(5.0, abs=0.2)


def test_each_element_is_alone_and_starts_afresh_after_nan():
    smooth, alone = OneEuro(cutoff=1.0, beta=1.0), OneEuro(cutoff=1.0, beta=1.0)
    rows = np.array([[0.0, 5.0], [1.0, np.nan], [1.0, 8.0], [0.5, 8.0]])
    out = np.array([smooth(row, i / 10) for i, row in enumerate(rows)])
    assert np.isnan(out[1, 1])
    assert out[2:, 1].tolist() == [8.0, 8.0]
    assert out[:, 0].tolist() == [alone(v, i / 10) for i, v in enumerate(rows[:, 0])]


@pytest.mark.parametrize("time", [1.0, 0.0, math.nan, math.inf])
def test_times_must_rise(time):
    smooth = OneEuro(cutoff=1.0, beta=0.0)
    smooth(0.0, 1.0)
    with pytest.raises(ValueError, match="sort the values by time"):
        smooth(0.0, time)


def test_another_shape_is_refused():
    smooth = OneEuro(cutoff=1.0, beta=0.0)
    smooth([1.0, 2.0], 0.0)
    with pytest.raises(ValueError, match=r"\(3,\) differs from the previous shape \(2,\)"):
        smooth([1.0, 2.0, 3.0], 1.0)


@pytest.mark.parametrize(("cutoff", "beta"), [(0, 0), (-1, 0), (math.nan, 0), (1, -1)])
def test_numbers_that_smooth_nothing_are_refused(cutoff, beta):
    with pytest.raises(ValueError, match="not valid"):
        OneEuro(cutoff=cutoff, beta=beta)
