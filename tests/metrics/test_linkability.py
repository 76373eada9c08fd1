import numpy as np
import pytest

from mien.metrics.linkability import linkability


def test_separate_scores_are_fully_linkable_and_equal_ones_are_not():
    random = np.random.default_rng(0)
    one, two = random.normal(0, 1, 20_000), random.normal(0, 1, 20_000)
    assert linkability(one + 100, two) == 1
    assert linkability(one, two) < 0.02
    assert linkability(np.ones(1000), np.ones(1000)) == 0


def test_two_bins_by_hand():
    # p = (1/4, 3/4), q = (3/4, 1/4): LR 3 in the upper bin, D = 2 * 3/4 - 1 = 1/2; 3/4 * 1/2.
    mated = np.repeat([0.0, 1.0], [250, 750])
    assert linkability(mated, 1 - mated, bins=2) == pytest.approx(0.375)


def test_the_noise_of_equal_distributions_is_as_stated():
    random = np.random.default_rng(1)
    found = [linkability(random.normal(size=5000), random.normal(size=200_000)) for _ in range(20)]
    assert np.mean(found) == pytest.approx(0.2 * np.sqrt(50 / 5000), rel=0.5)


def test_few_scores_are_refused():
    with pytest.raises(ValueError, match="too few"):
        linkability(np.ones(999), np.ones(1000))
