import numpy as np
import pytest

from mien.metrics.rising import rising_fit


def test_by_hand():
    # 3 and 1 fall, so both become their mean; the two values at 5 are averaged first.
    x, y = rising_fit([1, 2, 3, 5, 5], [0, 3, 1, 4, 6])
    assert x.tolist() == [1, 2, 3, 5]
    assert y.tolist() == pytest.approx([0, 2, 2, 5])


def test_it_never_falls_and_keeps_what_rises():
    rng = np.random.default_rng(2)
    values, targets = rng.normal(size=50), rng.normal(size=50)
    assert (np.diff(rising_fit(values, targets)[1]) >= 0).all()
    assert rising_fit([1, 2, 3], [1, 4, 9])[1].tolist() == [1, 4, 9]
