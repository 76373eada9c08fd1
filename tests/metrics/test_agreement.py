import math

import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.metrics import (
    balanced_accuracy,
    concordance,
    confusion,
    icc,
    kappa,
    macro_f1,
    ranked_precision,
    weighted_roc_area,
    weighted_scores,
)


def test_classes_by_hand():
    table = confusion(["a", "a", "a", "b"], ["a", "a", "b", "b"], ("a", "b", "c"))
    assert table.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert balanced_accuracy(table) == pytest.approx((2 / 3 + 1) / 2)
    # Agreement 3/4; chance 3/4 * 2/4 + 1/4 * 2/4 = 1/2.
    assert kappa(table) == pytest.approx(0.5)
    assert math.isnan(kappa(confusion(["a"], ["a"], ("a", "b"))))


def test_averages_weighted_by_frequency_by_hand():
    table = confusion(["a", "a", "a", "b"], ["a", "a", "b", "b"], ("a", "b", "c"))
    precision, recall, f1 = weighted_scores(table)
    assert precision == pytest.approx((3 * 1 + 1 * 0.5) / 4)
    assert recall == pytest.approx(3 / 4)
    assert f1 == pytest.approx((3 * 0.8 + 1 * 2 / 3) / 4)


def test_area_of_classes_against_the_others_by_hand():
    # Class 0 is ordered in 3 of 4 pairs, class 1 in 1.5 of 2 per its two others: ties count half.
    scores = [[0.9, 0.1], [0.3, 0.7], [0.5, 0.5], [0.2, 0.8]]
    assert weighted_roc_area([0, 0, 1, 1], scores) == pytest.approx(0.75)
    with pytest.raises(TooFewTrialsError, match="1 of 2 classes occur"):
        weighted_roc_area([0, 0, 0, 0], scores)


def test_shrout_and_fleiss_own_example():
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert icc(ratings) == pytest.approx(0.29, abs=0.005)  # their table 4, ICC(2,1)


def test_concordance_by_hand():
    # Means 2 and 3, variances 2/3, covariance 2/3: 4/3 over 4/3 + 1.
    assert concordance([1, 2, 3], [2, 3, 4]) == pytest.approx(4 / 7)
    assert concordance([1, 2, 3], [1, 2, 3]) == 1.0
    assert math.isnan(concordance([1, 1], [1, 1]))


def test_random_cases_against_the_definitions():
    random = np.random.default_rng(0)
    labels = ("x", "y", "z")
    for _ in range(200):
        truth, said = random.integers(0, 3, (2, 25))
        names = np.array(labels)
        table = confusion(names[truth], names[said], labels)
        assert all(
            table[i, j] == sum((truth == i) & (said == j)) for i in range(3) for j in range(3)
        )
        recalls = [np.mean(said[truth == k] == k) for k in set(truth.tolist())]
        assert balanced_accuracy(table) == pytest.approx(np.mean(recalls))
        x, y = truth + random.normal(size=25), said + random.normal(size=25)
        r = np.corrcoef(x, y)[0, 1]
        lin = 2 * r * x.std() * y.std() / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        assert concordance(x, y) == pytest.approx(lin)


def test_labels_out_of_range_and_missing_numbers_are_refused():
    with pytest.raises(MienError, match="'d' is not a label of this task"):
        confusion(["a", "d"], ["a", "a"], ("a", "b"))
    with pytest.raises(MienError, match="leave out"):
        concordance([1, np.nan], [1, 2])
    with pytest.raises(TooFewTrialsError, match="cannot be compared"):
        concordance([1], [1])
    with pytest.raises(TooFewTrialsError, match="Ratings"):
        icc([[1, 2]])


def test_macro_f1_by_hand():
    # Rows are truths. a: 3 of 4 right, said 5 times: F1 6/9; b: 4 of 6, said 5 times: F1 8/11.
    assert macro_f1(np.array([[3, 1], [2, 4]])) == pytest.approx((6 / 9 + 8 / 11) / 2)
    assert macro_f1(np.array([[5, 0], [0, 0]])) == 1  # a class that never occurs is left out
    assert macro_f1(np.array([[5, 0], [2, 0]])) == pytest.approx(10 / 12 / 2)


def test_average_precision_of_a_label_by_hand():
    assert ranked_precision([4, 3, 2, 1], [1, 0, 1, 0]) == pytest.approx((1 + 2 / 3) / 2)
    assert ranked_precision([1, 1, 1, 1], [1, 0, 0, 0]) == 0.25  # a constant answer
    assert ranked_precision([0.1, 0.9], [1, 0]) == 0.5
    with pytest.raises(ValueError, match="needs an image that has the label"):
        ranked_precision([1.0], [0])


def test_average_precision_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, truth = rng.integers(0, 9, 50), rng.random(50) < 0.3
        wanted = metrics.average_precision_score(truth, scores)
        assert ranked_precision(scores, truth) == pytest.approx(wanted)
