"""Fixtures of the server: one of the toy world."""

import pytest

pytest.importorskip("fastapi", reason="the server needs fastapi: pip install 'mien[server]'")
pytest.importorskip("httpx2", reason="tests of the server need httpx2: pip install 'mien[test]'")

from tests.toy_server import Toys


@pytest.fixture
def make(tmp_path):
    """Return make(**settings) -> a server of the toy world."""
    made = []

    def server(name="server", **settings):
        made.append(Toys(tmp_path / name, **settings))
        return made[-1]

    yield server
    for each in made:
        each.close()


@pytest.fixture
def toys(make):
    return make(portraits=True)
