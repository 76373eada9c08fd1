"""The calibration that is shipped, tried on real pictures of people it has not seen."""

import zipfile

import numpy as np
import pytest

from mien.datasets.people import people_of_pairs
from mien.decision import find_calibration
from mien.evaluate.verification.calibrate import check_calibration
from mien.evaluate.verification.vectors import Sample, embed_pictures
from mien.photo import Pipeline


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
def test_real_strangers_pass_as_often_as_the_calibration_says(data, mtcnn, embedder, tmp_path):
    # Fold 4 of LFW was held out. Every fourth picture: the first ones would be of few people.
    with zipfile.ZipFile(data / "lfw_gray.zip") as pack:
        pack.extractall(tmp_path)
    lfw = tmp_path / "lfw_gray"
    pictures = people_of_pairs(lfw / "pairs.csv", lfw / "images")
    chosen = [picture for picture in pictures if picture.fold == 4][::4]
    found, failures = embed_pictures(chosen, Pipeline(detector=mtcnn, embedder=embedder))
    assert not failures
    sample = Sample(np.stack(list(found.values())), tuple(p.person for p in found))
    shipped = find_calibration(embedder.contract, mtcnn.name)
    check = check_calibration(shipped, sample, "part of fold 4", resamples=200)
    assert check.people > 100
    for rate in check.rates:
        assert rate.low <= rate.fmr <= rate.high
    at = {rate.fmr: rate for rate in check.rates}
    assert at[0.01].fnmr < 0.1
    assert check.ece < 0.05
