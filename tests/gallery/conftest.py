"""What the tests of the gallery share: the engines to try."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.templates import CONTRACT

from mien.gallery import Gallery, open_gallery

KEY = bytes(range(32))


def encrypted(folder: Path, name: str) -> Gallery:
    """Open an encrypted gallery, or create it."""
    path = folder / f"{name}.mien"
    new = not path.exists()
    gallery = open_gallery(path, CONTRACT, create=True, key=None if new else KEY)
    if new:
        gallery.encrypt(KEY)
    return gallery


# One line an engine: how to open (or create) a gallery called `name` in a folder.
ENGINES: dict[str, Callable[[Path, str], Gallery]] = {
    "sqlite": lambda folder, name: open_gallery(folder / f"{name}.mien", CONTRACT, create=True),
    **({"sqlite-encrypted": encrypted} if find_spec("cryptography") else {}),
}


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
