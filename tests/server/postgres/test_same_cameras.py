"""The tests of cameras, with PostgreSQL instead of files."""

from tests.server.test_cameras import *  # noqa: F403
