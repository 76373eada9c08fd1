import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import divergence, entropy, jensen_shannon, softmax


def test_by_hand():
    y, p = [[0.5, 0.5, 0.0]], [[0.25, 0.5, 0.25]]
    assert divergence(y, p)[0] == pytest.approx(0.5 * np.log(2))
    middle = [0.375, 0.5, 0.125]
    left = 0.5 * np.log(0.5 / 0.375)
    right = 0.25 * np.log(0.25 / 0.375) + 0.25 * np.log(0.25 / 0.125)
    assert jensen_shannon(y, p)[0] == pytest.approx((left + right) / 2)
    assert middle[1] == 0.5  # that class adds nothing
    assert entropy([[0.5, 0.5], [1.0, 0.0]]).tolist() == pytest.approx([1, 0])


def test_the_same_is_no_distance_and_nothing_in_common_is_the_largest():
    rows = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    assert divergence(rows, rows) == pytest.approx(np.zeros(20), abs=1e-12)
    assert jensen_shannon(rows, rows) == pytest.approx(np.zeros(20), abs=1e-12)
    assert jensen_shannon([[1, 0]], [[0, 1]])[0] == pytest.approx(np.log(2))
    assert divergence([[1, 0]], [[0, 1]])[0] == pytest.approx(np.log(1e6))


def test_jensen_shannon_agrees_with_scipy():
    from scipy.spatial.distance import jensenshannon

    random = np.random.default_rng(1)
    one, two = random.dirichlet(np.ones(4), 30), random.dirichlet(np.ones(4), 30)
    want = [jensenshannon(a, b) ** 2 for a, b in zip(one, two, strict=True)]
    assert jensen_shannon(one, two) == pytest.approx(want)


def test_what_is_no_distribution_is_refused():
    with pytest.raises(MienError, match="sum to 1"):
        divergence([[0.5, 0.4]], [[0.5, 0.5]])
    with pytest.raises(MienError, match="sum to 1"):
        entropy([[1.5, -0.5]])
    with pytest.raises(TooFewTrialsError, match="two arrays of shape"):
        divergence([[0.5, 0.5]], [[1.0]])


def test_softmax_by_hand_and_of_numbers_that_overflow():
    assert softmax(np.log([[1.0, 3.0]])) == pytest.approx(np.array([[0.25, 0.75]]))
    assert softmax(np.array([[1000.0, 1000.0]], np.float32)).tolist() == [[0.5, 0.5]]
    assert softmax(np.zeros((2, 3, 4), np.float32)).sum(-1) == pytest.approx(np.ones((2, 3)))
