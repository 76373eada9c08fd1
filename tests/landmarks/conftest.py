"""The mesh with irises, opened once."""

import pytest


@pytest.fixture(scope="session")
def mesh():
    from mien.zoo import load

    return load("attention-mesh")
