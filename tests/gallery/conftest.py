"""What the tests of the gallery share: the engines to try."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.templates import CONTRACT

from mien.gallery import Gallery, open_gallery

# One line an engine: how to open (or create) a gallery called `name` in a folder.
ENGINES: dict[str, Callable[[Path, str], Gallery]] = {
    "sqlite": lambda folder, name: open_gallery(folder / f"{name}.mien", CONTRACT, create=True),
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
