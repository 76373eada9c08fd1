"""Concordance of raters: by hand, missing ratings, refusals."""

import numpy as np
import pytest

from mien.metrics.raters import rater_concordance


def test_raters_by_hand():
    # Raters 1 and 2 agree; rater 3 is 1 higher. Against the mean of the others:
    # covariance 2/3, variances 2/3 each, means differ by 1/2, 1/2 and 1.
    ratings = np.array([[0, 0, 1], [1, 1, 2], [2, 2, 3]])
    half, whole = (4 / 3) / (4 / 3 + 1 / 4), (4 / 3) / (4 / 3 + 1)
    assert rater_concordance(ratings) == pytest.approx([half, half, whole])


def test_missing_ratings_are_left_out_and_a_rater_without_any_is_unknown():
    nan = np.nan
    ratings = np.array([[0, 0, nan], [1, 1, nan], [nan, 5, nan]])
    assert rater_concordance(ratings) == pytest.approx([1, 1, nan], nan_ok=True)


@pytest.mark.parametrize("ratings", [[1, 2, 3], [[1], [2]], [[1, 2]]])
def test_too_few_ratings_are_refused(ratings):
    with pytest.raises(ValueError, match="at least 2"):
        rater_concordance(ratings)
