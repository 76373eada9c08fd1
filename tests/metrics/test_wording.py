from math import exp

import pytest

from mien.metrics.wording import bleu1, rouge1


@pytest.mark.parametrize(
    ("truth", "found", "bleu", "rouge"),
    [
        ("brow lowerer", "Brow lowerer.", 1, 1),
        ("brow lowerer, chin raiser", "brow lowerer", exp(-1), 2 / 3),
        ("yes", "yes yes", 0.5, 2 / 3),  # a word counts as often as it is expected
        ("yes", "no", 0, 0),
        ("yes", "", 0, 0),
        ("", "yes", 0, 0),
    ],
)
def test_by_hand(truth, found, bleu, rouge):
    assert bleu1(truth, found) == pytest.approx(bleu)
    assert rouge1(truth, found) == pytest.approx(rouge)
