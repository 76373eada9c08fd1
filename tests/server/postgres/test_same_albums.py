"""The tests of albums, with PostgreSQL instead of files."""

from tests.server.test_albums import *  # noqa: F403
