import numpy as np
import pytest

from mien.errors import TooFewTrialsError
from mien.evaluate.verification.error_vs_discard import discard, one_person
from mien.metrics.findings import plain
from mien.types import Quality


def judged(found, kind):
    random = np.random.default_rng(0)
    made = {}
    for picture, vector in found.items():
        mates = [v for p, v in found.items() if p.person == picture.person and p != picture]
        good = min(float(vector @ v) for v in mates) * 50 + 50
        value = good if kind == "oracle" else float(random.random() * 100)
        made[picture] = Quality({"sharpness": value, "size": 50.0}, {})
    return made


@pytest.mark.parametrize(("kind", "low", "high"), [("oracle", 0.6, 1.0), ("coin", -0.5, 0.5)])
def test_a_quality_that_knows_gains_and_a_coin_does_not(kind, low, high, crowd):
    found, _ = crowd(150, 2, noise=1.0)
    pairs = one_person([*found])
    told = plain(discard(pairs, found, judged(found, kind), data="a crowd"))
    gain = told["headline"]["best at 5%: sharpness"]["value"]
    assert low <= gain <= high
    rows = told["tables"][0]["rows"]
    assert [row["Component"] for row in rows] == ["sharpness"]  # size says nothing: left out


def test_failures_are_told_and_too_few_refused(crowd):
    found, _ = crowd(150, 2)
    quality = judged(found, "coin")
    lost = dict(list(found.items())[3:])
    told = plain(discard(one_person([*found]), lost, quality, data="a crowd"))
    assert "2 comparisons have an image without a face" in told["warnings"][0]
    with pytest.raises(TooFewTrialsError, match="a hundred are needed"):
        discard(one_person([*found])[:50], found, quality, data="few")
