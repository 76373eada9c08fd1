"""The tests of films, with PostgreSQL instead of files."""

from tests.server.test_films import *  # noqa: F403
