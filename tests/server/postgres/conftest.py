"""The same server with its tables and galleries in PostgreSQL."""

import itertools

import pytest
from tests.postgres import missing, running

COUNT = itertools.count()

if not missing():
    import psycopg


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server, started once."""
    if why := missing():
        pytest.skip(why)
    with running() as server:
        yield server


@pytest.fixture
def database(postgres):
    """The address of a new database."""
    name = f"mien{next(COUNT)}"
    with psycopg.connect(address(postgres, "postgres"), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return address(postgres, name)


def address(server, name):
    return server.url("x", database=name).replace("&gallery=x", "")


@pytest.fixture
def make(tmp_path, database):
    """Return make(**settings) -> a server of the toy world in one new database."""
    from tests.toy_server import Toys

    made = []

    def server(name="server", **settings):
        made.append(Toys(tmp_path / name, database=database, **settings))
        return made[-1]

    yield server
    for each in made:
        each.close()


@pytest.fixture
def toys(make):
    return make(portraits=True)
