"""People, pictures and models that are made up."""

from pathlib import Path

import numpy as np
import pytest
from tests.toys import AllButBlack, MeanColours

from mien.datasets.people import Picture
from mien.evaluate.verification.vectors import Failure
from mien.photo import Pipeline


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
    return Pipeline(detector=AllButBlack(), embedder=MeanColours())
