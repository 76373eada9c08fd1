"""What the tests of the gallery share: made-up faces, and the engines to try."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.gallery import Gallery, Template, open_gallery
from mien.types import Floats

CONTRACT = "toy-16:0f0f"
# One line an engine: how to open (or create) a gallery called `name` in a folder.
ENGINES: dict[str, Callable[[Path, str], Gallery]] = {
    "sqlite": lambda folder, name: open_gallery(folder / f"{name}.mien", CONTRACT, create=True),
}


def unit(count: int, seed: int = 0, dimension: int = 16) -> Floats:
    """(count, dimension) float32 unit vectors."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def face(person: str, seed: int, picture: str | None = None, **more: object) -> Template:
    digest = None if picture is None else sha(picture)
    return Template(person, unit(1, seed)[0], CONTRACT, picture, digest, **more)


@pytest.fixture(params=ENGINES)
def reopen(request, tmp_path):
    """Open the gallery called `name`; the same name is the same gallery. Closed at the end."""
    opened = []

    def opener(name="people"):
        opened.append(ENGINES[request.param](tmp_path, name))
        return opened[-1]

    yield opener
    for gallery in opened:
        gallery.close()


@pytest.fixture
def gallery(reopen):
    return reopen()


# The makers of made-up faces, as fixtures because tests do not import each other.
@pytest.fixture(name="unit", scope="session")
def unit_fixture():
    return unit


@pytest.fixture(name="sha", scope="session")
def sha_fixture():
    return sha


@pytest.fixture(name="face", scope="session")
def face_fixture():
    return face
