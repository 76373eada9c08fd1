"""Fixtures that several rooms share: the toy world, synthetic templates, the mesh."""

import numpy as np
import pytest
from tests import templates
from tests.toys import film, portrait, scene, toy_pipeline

from mien.media import write_image

__all__ = ["film", "portrait", "scene", "toy_pipeline"]


@pytest.fixture(name="unit", scope="session")
def unit_fixture():
    return templates.unit


@pytest.fixture(name="sha", scope="session")
def sha_fixture():
    return templates.sha


@pytest.fixture(name="face", scope="session")
def face_fixture():
    return templates.face


@pytest.fixture(scope="session")
def mesh():
    """The mesh with irises, opened once."""
    from mien.zoo import load

    return load("attention-mesh")


@pytest.fixture
def put():
    """Return put(path, colour) that writes a small picture, and its folders."""

    def write(path, colour=(200, 120, 90)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, np.full((32, 32, 3), colour, np.uint8))
        return path

    return write


@pytest.fixture
def workplace(tmp_path, monkeypatch, astronaut, hopper):
    """A folder with the images that the examples use."""
    monkeypatch.chdir(tmp_path)
    for name, image in (("Eileen", astronaut), ("Grace", hopper)):
        (tmp_path / "family" / name).mkdir(parents=True)
        write_image(tmp_path / "family" / name / "1.jpg", image)
    write_image(tmp_path / "party.jpg", np.hstack([astronaut, hopper[:512]]))
    write_image(tmp_path / "passport.jpg", astronaut)
    write_image(tmp_path / "selfie.jpg", (astronaut * 0.8).astype(np.uint8))
    return tmp_path
