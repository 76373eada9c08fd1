"""The tests of readings, with PostgreSQL instead of files."""

from tests.server.test_readings import *  # noqa: F403
