"""Fixtures of the server: one of the toy world. Without its packages these tests are left out."""

import pytest

try:
    from tests.toy_server import Toys
except ModuleNotFoundError as error:
    MISSING = error.name
    collect_ignore_glob = ["test_*.py"]
else:
    MISSING = None


def pytest_report_header():
    """State why tests are left out."""
    if MISSING:
        return f"tests/server is left out: {MISSING} is not installed (pip install 'mien[test]')"
    return None


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
