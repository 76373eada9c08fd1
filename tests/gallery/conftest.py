"""What the tests of the gallery share: the engines to try."""

import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests import milvus
from tests.milvus import Milvus
from tests.postgres import Server, missing, running
from tests.templates import CONTRACT

from mien.gallery import Gallery, is_there, open_gallery

KEY = bytes(range(32))


def encrypted(folder: Path, name: str) -> Gallery:
    """Open an encrypted gallery, or create it."""
    path = folder / f"{name}.mien"
    new = not path.exists()
    gallery = open_gallery(path, CONTRACT, create=True, key=None if new else KEY)
    if new:
        gallery.encrypt(KEY)
    return gallery


def in_server(folder: Path, name: str, key: bytes | None = None) -> Gallery:
    """Open a gallery in PostgreSQL, or create it; each test has its own."""
    url = SERVER[0].url(f"g{zlib.crc32(str(folder).encode()):08x}_{name}")
    new = key is not None and not is_there(url)
    gallery = open_gallery(url, CONTRACT, create=True, personal=True, key=None if new else key)
    if new:
        gallery.encrypt(key)
    return gallery


def in_milvus(folder: Path, name: str, key: bytes | None = None) -> Gallery:
    """Open a gallery in Milvus with its records in a file, or create it."""
    unique = f"g{zlib.crc32(str(folder).encode()):08x}_{name}"
    url = MILVUS[0].url(unique, folder / f"{name}.mien")
    new = key is not None and not is_there(url)
    gallery = open_gallery(url, CONTRACT, create=True, personal=True, key=None if new else key)
    if new:
        gallery.encrypt(key)
    return gallery


# One line an engine: how to open (or create) a gallery called `name` in a folder.
ENGINES: dict[str, Callable[[Path, str], Gallery]] = {
    "sqlite": lambda folder, name: open_gallery(folder / f"{name}.mien", CONTRACT, create=True),
    "postgresql": in_server,
    "milvus": in_milvus,
    **({"sqlite-encrypted": encrypted} if find_spec("cryptography") else {}),
    **({"postgresql-encrypted": partial(in_server, key=KEY)} if find_spec("cryptography") else {}),
    **({"milvus-encrypted": partial(in_milvus, key=KEY)} if find_spec("cryptography") else {}),
}
SERVER: list[Server] = []  # the running one
MILVUS: list[Milvus] = []  # likewise


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server, started once."""
    if why := missing():
        pytest.skip(why)
    with running() as one:
        SERVER.append(one)
        yield one
        SERVER.clear()


@pytest.fixture(scope="session", name="milvus")
def milvus_server():
    """A Milvus server, started once."""
    if why := milvus.missing():
        pytest.skip(why)
    with milvus.running() as one:
        MILVUS.append(one)
        yield one
        MILVUS.clear()


@pytest.fixture(params=ENGINES)
def reopen(request, tmp_path):
    """Open the gallery called `name`; the same name is the same gallery. Closed at the end."""
    opened = []
    if request.param.startswith("postgresql"):
        request.getfixturevalue("server")
    if request.param.startswith("milvus"):
        request.getfixturevalue("milvus")

    def opener(name="people"):
        opened.append(ENGINES[request.param](tmp_path, name))
        return opened[-1]

    yield opener
    for gallery in opened:
        gallery.close()


@pytest.fixture
def gallery(reopen):
    return reopen()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB; `mount -o remount,size=8m` makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk needs Linux and the right to mount one")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
