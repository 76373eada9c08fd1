"""People, pictures and models that are made up."""

from pathlib import Path

import numpy as np
import pytest

from mien.datasets.people import Picture
from mien.evaluate.verification.vectors import Failure
from mien.photo import Pipeline
from mien.testing import TOY_DEVICE
from mien.types import Crop, Face

FIVE = np.array([[10, 12], [22, 12], [16, 18], [12, 24], [20, 24]], np.float32)


class SeesAllButBlack:
    """Sees a face in every picture that is not black."""

    name, digest, device = "finder", "", TOY_DEVICE

    def __call__(self, image):
        box = np.array([4, 4, 28, 28], np.float32)
        return [Face(box, 0.9, FIVE, detector=self.name)] if image.any() else []


class Colours:
    """A vector of the mean colour."""

    name, contract, crop = "colours", "colours/1/3", Crop(size=8)
    digest, device = "", TOY_DEVICE

    def __call__(self, chips):
        means = chips.reshape(len(chips), -1, 3).mean(1).astype(np.float32) - 127.5
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def made(people=60, each=3, width=32, noise=0.6, seed=0, failed=()):
    """Vectors of people, and failures: `failed` are (person, number) without a face."""
    random = np.random.default_rng(seed)
    found, failures = {}, []
    for number in range(people):
        middle = random.normal(size=width)
        for k in range(each):
            picture = Picture(Path(f"p{number:03d}/{k}.png"), f"p{number:03d}", number % 5)
            vector = middle + noise * random.normal(size=width)
            if (number, k) in failed:
                failures.append(Failure(picture, "no face"))
            else:
                found[picture] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return found, failures


@pytest.fixture(scope="session")
def crowd():
    """Return crowd(people, each, ...) -> vectors by picture, failures."""
    return made


@pytest.fixture
def toy_pipeline():
    """Finds a face in every picture that is not black; its vector is its colour."""
    return Pipeline(detector=SeesAllButBlack(), embedder=Colours())
